"""Prepare datasets for training and evaluation.

Check a dataset and write it as TFRecord shards, which recipes take as --foregrounds or
--backgrounds:

    keras-matting data prepare --dataset coco --folder /data/coco --out records --shards 64

Compose a test set, each foreground over 20 backgrounds, with trimaps. --dataset composition1k makes
that of Composition-1k as published and needs its lists (--fg-names, --bg-names) and --trimaps:

    keras-matting data compose-test FOREGROUNDS ALPHAS BACKGROUNDS --each 20 --out test_set

Estimate soft alphas and the colours of photographs with masks, by closed-form matting around the
mask's edge (in a wider band around hair), and make a contact sheet; needs pymatting:

    keras-matting data refine --images people/image --masks people/labels \\
        --foreground-values 1,58 --hair-value 19 --out people_refined

With --teacher, masks are optional; if both are given, photographs on which they disagree are
skipped. `foregrounds --images IMAGES --alphas ALPHAS --out OUT` keeps given mattes and estimates
the colours of foreground and background. `denoise --images IMAGES --out OUT` makes the denoised
copies that GFM's composition uses. An interrupted command continues when it is run again.
docs/datasets.md lists the datasets.
"""

import sys
from pathlib import Path

from absl import flags

FLAGS = flags.FLAGS

GROUPS = {
    "prepare": ["dataset", "split", "folder", "shards", "size"],
    "compose-test": ["each", "trimaps", "fg_names", "bg_names"],
    "refine": ["masks", "foreground_values", "hair_value", "teacher"],
    "foregrounds": ["alphas"],
    "denoise": ["strength"],
    "refine, foregrounds, denoise": ["images", "processes"],
}

NEEDED = {
    "prepare": ("dataset", "folder", "out"),
    "compose-test": ("out",),
    "refine": ("images", "out"),
    "foregrounds": ("images", "alphas", "out"),
    "denoise": ("images", "out"),
}
FOLDERS = {"compose-test": 3}  # arguments that follow the command


def define_flags():
    flags.DEFINE_string("dataset", None, "Dataset name from docs/datasets.md, such as p3m10k.")
    flags.DEFINE_string("split", "train", "Split of the dataset.")
    flags.DEFINE_string("folder", None, "Folder of the dataset.")
    flags.DEFINE_integer("shards", 16, "Number of files to write.", lower_bound=1)
    flags.DEFINE_integer("size", None, "Limit the longer side of images, pixels.", lower_bound=2)
    flags.DEFINE_integer("each", 20, "Number of backgrounds for each foreground.", lower_bound=1)
    flags.DEFINE_string("trimaps", None, "Folder of published trimaps; default: made of alphas.")
    flags.DEFINE_string("fg_names", None, "List of foregrounds; default: all, sorted by name.")
    flags.DEFINE_string("bg_names", None, "List of backgrounds; default: sorted by name.")
    flags.DEFINE_string("alphas", None, "Folder of alphas.")
    flags.DEFINE_float("strength", 5.0, "Noise to remove, levels of 255.", lower_bound=0.0)
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
        command, folders = (argv[1], argv[2:]) if len(argv) > 1 else (None, [])
        if command not in NEEDED:
            raise ValueError(f"specify one of {', '.join(NEEDED)}; see --help for examples")
        if len(folders) != FOLDERS.get(command, 0):
            raise ValueError(f"wrong number of folders for {command}; see --help for examples")
        missing = [f"--{name}" for name in NEEDED[command] if not FLAGS[name].value]
        if missing:
            raise ValueError(f"{command} needs {', '.join(missing)}; see --help for an example")
        print(COMMANDS[command](*folders))
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


def _compose_test(foregrounds, alphas, backgrounds):
    from keras_matting.data.reading import evaluation_sets

    lists, each = {"fg_names": FLAGS.fg_names, "bg_names": FLAGS.bg_names}, FLAGS.each
    row = evaluation_sets.SETS.get(FLAGS.dataset or "", {})
    if FLAGS.dataset and not row:
        known = ", ".join(evaluation_sets.SETS)
        raise ValueError(f"unknown test set {FLAGS.dataset}; use one of {known}, or none")
    if row and row["each"] != each:
        raise ValueError(f"{FLAGS.dataset} has {row['each']} backgrounds for each foreground")
    if row and row["lists"] and not (all(lists.values()) and FLAGS.trimaps):
        raise ValueError(f"{FLAGS.dataset} needs --fg-names, --bg-names and published --trimaps")
    made = evaluation_sets.make(
        foregrounds, alphas, backgrounds, FLAGS.out, each, **lists, trimaps=FLAGS.trimaps
    )
    if row and made != row["foregrounds"] * each:
        raise ValueError(
            f"{FLAGS.out}/merged has {made:,} images, but {FLAGS.dataset} has "
            f"{row['foregrounds'] * each:,}: not all of its {row['foregrounds']} foregrounds are "
            f"in {foregrounds}"
        )
    return f"{FLAGS.out}/merged: {made:,} images"


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


def _denoise():
    from keras_matting.data import denoising

    problems = denoising.denoise(FLAGS.images, FLAGS.out, FLAGS.strength, FLAGS.processes)
    for problem in problems:
        print(problem, file=sys.stderr)
    return f"{FLAGS.out}: {len(list(Path(FLAGS.out).iterdir())):,} pictures"


def _written(problems):
    for problem in problems:
        print(problem, file=sys.stderr)
    count = sum(1 for _ in Path(FLAGS.out, "foreground").glob("*.jpg"))
    return f"{FLAGS.out}: {count:,} photographs, {len(problems):,} skipped; see contact_sheet.jpg"


COMMANDS = {
    "prepare": _prepare,
    "compose-test": _compose_test,
    "refine": _refine,
    "foregrounds": _foregrounds,
    "denoise": _denoise,
}
