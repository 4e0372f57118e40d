"""Prepare datasets for training and evaluation.

    python -m keras_matting.data prepare --dataset coco --folder /data/coco --out /data/records \\
        --shards 64 --size 1600

checks a dataset and writes it as TFRecord shards to a folder that the recipes take as --foregrounds
or --backgrounds.

    cd Combined_Dataset/Test_set
    python -m keras_matting.data composition1k-test --foregrounds "Adobe-licensed images/fg" \\
        --alphas "Adobe-licensed images/alpha" --trimaps "Adobe-licensed images/trimaps" \\
        --backgrounds /data/VOCdevkit/VOC2012/JPEGImages --out /data/composition1k \\
        --fg_names test_fg_names.txt --bg_names test_bg_names.txt

makes the 1,000 test images in the same way as the published script.

    python -m keras_matting.data refine --images people/image --masks people/labels \\
        --foreground_values 1,58 --hair_value 19 --out people_refined

estimates soft alphas and foreground colours for photographs with masks, by closed-form matting
around the mask's edge (in a wider band around hair), and makes a contact sheet. It needs pymatting.
With --teacher FILE.tflite, a segmentation network such as MediaPipe's, masks are optional; if both
are given, photographs on which they disagree are skipped.

If interrupted, all three continue when the same command is run again. docs/datasets.md lists the
datasets and their layouts.
"""

import sys
from pathlib import Path

from absl import flags

FLAGS = flags.FLAGS

NEEDED = {
    "prepare": ("dataset", "folder", "out"),
    "composition1k-test": (
        "foregrounds",
        "alphas",
        "backgrounds",
        "fg_names",
        "bg_names",
        "out",
    ),
    "refine": ("images", "out"),
}


def define_flags():
    flags.DEFINE_string(
        "dataset", None, "prepare: dataset name from docs/datasets.md, such as p3m10k."
    )
    flags.DEFINE_string("split", "train", "prepare: split of the dataset.")
    flags.DEFINE_string("folder", None, "prepare: folder of the dataset.")
    flags.DEFINE_integer("shards", 16, "prepare: number of files to write.", lower_bound=1)
    flags.DEFINE_integer(
        "size", None, "prepare: limit the longer side of images, pixels.", lower_bound=2
    )
    flags.DEFINE_string("foregrounds", None, "composition1k-test: folder of the 50 foregrounds.")
    flags.DEFINE_string("alphas", None, "composition1k-test: folder of their alphas.")
    flags.DEFINE_string("backgrounds", None, "composition1k-test: JPEGImages of PASCAL VOC 2012.")
    flags.DEFINE_string("fg_names", None, "composition1k-test: test_fg_names.txt of the dataset.")
    flags.DEFINE_string("bg_names", None, "composition1k-test: test_bg_names.txt of the dataset.")
    flags.DEFINE_string("trimaps", None, "composition1k-test: folder of published trimaps to copy.")
    flags.DEFINE_string("images", None, "refine: folder of photographs.")
    flags.DEFINE_string("masks", None, "refine: folder of masks, named like the photographs.")
    flags.DEFINE_list(
        "foreground_values", ["128", "255"], "refine: first and last mask value of the foreground."
    )
    flags.DEFINE_integer("hair_value", None, "refine: mask value of hair.")
    flags.DEFINE_string("teacher", None, "refine: a .tflite segmentation network.")
    flags.DEFINE_integer("processes", None, "refine: default: one per core.", lower_bound=1)
    flags.DEFINE_string("out", None, "Output folder.")


def main(argv):
    try:
        command = argv[1] if len(argv) == 2 else None
        if command not in NEEDED:
            raise ValueError(f"specify one of {', '.join(NEEDED)}; see --help for examples")
        missing = [f"--{name}" for name in NEEDED[command] if not FLAGS[name].value]
        if missing:
            raise ValueError(f"{command} needs {', '.join(missing)}; see --help for an example")
        print(COMMANDS[command]())
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def _prepare():
    from keras_matting.data.reading import records

    index = records.prepare(
        FLAGS.dataset, FLAGS.folder, FLAGS.out, FLAGS.split, FLAGS.shards, FLAGS.size
    )
    count = sum(len(known["offsets"]) for known in index["shards"].values())
    size = sum(known["bytes"] for known in index["shards"].values()) / 1e6
    return f"{FLAGS.out}: {count:,} samples in {FLAGS.shards} shards, {size:,.1f} MB"


def _composition1k():
    from keras_matting.data.reading import composition1k

    count = composition1k.make(
        FLAGS.foregrounds,
        FLAGS.alphas,
        FLAGS.backgrounds,
        FLAGS.fg_names,
        FLAGS.bg_names,
        FLAGS.out,
        FLAGS.trimaps,
    )
    return f"{FLAGS.out}/merged: {count:,} images"


def _refine():
    from keras_matting.data import refinement

    try:
        first, last = map(int, FLAGS.foreground_values)
    except ValueError:
        given = ",".join(FLAGS.foreground_values)
        raise ValueError(
            f"--foreground_values={given}: specify two numbers, such as 1,58"
        ) from None
    problems = refinement.refine(
        FLAGS.images,
        FLAGS.masks,
        FLAGS.out,
        (first, last),
        FLAGS.hair_value,
        FLAGS.teacher,
        FLAGS.processes,
    )
    for problem in problems:
        print(problem, file=sys.stderr)
    count = sum(1 for _ in Path(FLAGS.out, "foreground").glob("*.jpg"))
    return f"{FLAGS.out}: {count:,} photographs, {len(problems):,} skipped; see contact_sheet.jpg"


COMMANDS = {"prepare": _prepare, "composition1k-test": _composition1k, "refine": _refine}
