"""Prepare datasets for training and evaluation.

Check a dataset and write it as TFRecord shards, which recipes take as --foregrounds or
--backgrounds:

    keras-matting data prepare --dataset coco --folder /data/coco --out records --shards 64

Make the 1,000 test images of Composition-1k as the published script does:

    keras-matting data composition1k-test --foregrounds fg --alphas alpha --trimaps trimaps \\
        --backgrounds VOC2012/JPEGImages --fg-names test_fg_names.txt \\
        --bg-names test_bg_names.txt --out /data/composition1k

Estimate soft alphas and foreground colours of photographs with masks, by closed-form matting around
the mask's edge (in a wider band around hair), and make a contact sheet; needs pymatting:

    keras-matting data refine --images people/image --masks people/labels \\
        --foreground-values 1,58 --hair-value 19 --out people_refined

With --teacher, masks are optional; if both are given, photographs on which they disagree are
skipped. `foregrounds --images IMAGES --alphas ALPHAS --out OUT` keeps given mattes and estimates
the foreground colours. An interrupted command continues when it is run again. docs/datasets.md
lists the datasets.
"""

import sys
from pathlib import Path

from absl import flags

FLAGS = flags.FLAGS

GROUPS = {
    "prepare": ["dataset", "split", "folder", "shards", "size"],
    "composition1k-test": [
        "foregrounds", "alphas", "trimaps", "backgrounds", "fg_names", "bg_names",
    ],
    "refine": ["masks", "foreground_values", "hair_value", "teacher"],
    "refine, foregrounds": ["images", "processes"],
}  # fmt: skip

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
    "foregrounds": ("images", "alphas", "out"),
}


def define_flags():
    flags.DEFINE_string("dataset", None, "Dataset name from docs/datasets.md, such as p3m10k.")
    flags.DEFINE_string("split", "train", "Split of the dataset.")
    flags.DEFINE_string("folder", None, "Folder of the dataset.")
    flags.DEFINE_integer("shards", 16, "Number of files to write.", lower_bound=1)
    flags.DEFINE_integer("size", None, "Limit the longer side of images, pixels.", lower_bound=2)
    flags.DEFINE_string("foregrounds", None, "Folder of the 50 foregrounds.")
    flags.DEFINE_string("alphas", None, "Folder of alphas, also for foregrounds.")
    flags.DEFINE_string("backgrounds", None, "JPEGImages of PASCAL VOC 2012.")
    flags.DEFINE_string("fg_names", None, "The dataset's test_fg_names.txt.")
    flags.DEFINE_string("bg_names", None, "The dataset's test_bg_names.txt.")
    flags.DEFINE_string("trimaps", None, "Folder of published trimaps to copy.")
    flags.DEFINE_string("images", None, "Folder of photographs.")
    flags.DEFINE_string("masks", None, "Folder of masks, named like the photographs.")
    flags.DEFINE_list(
        "foreground_values", ["128", "255"], "First and last mask value of the foreground."
    )
    flags.DEFINE_integer("hair_value", None, "Mask value of hair.")
    flags.DEFINE_string("teacher", None, "A .tflite segmentation network.")
    flags.DEFINE_integer(
        "processes", None, "Number of processes; default: one per core.", lower_bound=1
    )
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
    return _written(problems)


def _foregrounds():
    from keras_matting.data import refinement

    return _written(
        refinement.estimate_foregrounds(FLAGS.images, FLAGS.alphas, FLAGS.out, FLAGS.processes)
    )


def _written(problems):
    for problem in problems:
        print(problem, file=sys.stderr)
    count = sum(1 for _ in Path(FLAGS.out, "foreground").glob("*.jpg"))
    return f"{FLAGS.out}: {count:,} photographs, {len(problems):,} skipped; see contact_sheet.jpg"


COMMANDS = {
    "prepare": _prepare,
    "composition1k-test": _composition1k,
    "refine": _refine,
    "foregrounds": _foregrounds,
}
