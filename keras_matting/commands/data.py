"""Datasets made ready for training and evaluation.

    python -m keras_matting.data prepare --dataset coco --folder /data/coco --out /data/records \\
        --shards 64 --size 1600

checks a dataset and writes it as shards of TFRecords, a folder for --foregrounds or --backgrounds
of the recipes.

    cd Combined_Dataset/Test_set
    python -m keras_matting.data composition1k-test --foregrounds "Adobe-licensed images/fg" \\
        --alphas "Adobe-licensed images/alpha" --trimaps "Adobe-licensed images/trimaps" \\
        --backgrounds /data/VOCdevkit/VOC2012/JPEGImages --out /data/composition1k \\
        --fg_names test_fg_names.txt --bg_names test_bg_names.txt

makes the 1,000 test images as the published script does. Killed and started again with the same
command, both go on. docs/datasets.md lists the datasets and their layouts.
"""

import sys

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
}


def define_flags():
    flags.DEFINE_string("dataset", None, "prepare: a name of docs/datasets.md, such as p3m10k.")
    flags.DEFINE_string("split", "train", "prepare: which split of it.")
    flags.DEFINE_string("folder", None, "prepare: where the dataset is.")
    flags.DEFINE_integer("shards", 16, "prepare: files to write.", lower_bound=1)
    flags.DEFINE_integer(
        "size", None, "prepare: reduce pictures to this longest side.", lower_bound=2
    )
    flags.DEFINE_string("foregrounds", None, "composition1k-test: folder of the 50 foregrounds.")
    flags.DEFINE_string("alphas", None, "composition1k-test: folder of their alphas.")
    flags.DEFINE_string("backgrounds", None, "composition1k-test: JPEGImages of PASCAL VOC 2012.")
    flags.DEFINE_string("fg_names", None, "composition1k-test: test_fg_names.txt of the dataset.")
    flags.DEFINE_string("bg_names", None, "composition1k-test: test_bg_names.txt of the dataset.")
    flags.DEFINE_string("trimaps", None, "composition1k-test: published trimaps, to copy along.")
    flags.DEFINE_string("out", None, "Folder to write.")


def main(argv):
    try:
        command = argv[1] if len(argv) == 2 else None
        if command not in NEEDED:
            raise ValueError(f"Give one of {', '.join(NEEDED)}; --help shows examples.")
        missing = [f"--{name}" for name in NEEDED[command] if not FLAGS[name].value]
        if missing:
            raise ValueError(f"{command} needs {', '.join(missing)}; --help shows an example.")
        print((_prepare if command == "prepare" else _composition1k)())
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
