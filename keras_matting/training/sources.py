"""Where a recipe's pictures come from: datasets named by flags, or the synthetic figures.

--foregrounds composition1k:/data/Combined_Dataset      a row of keras_matting.data.datasets
--foregrounds /data/records                             what `keras_matting.data prepare` wrote
--foregrounds cutouts                                   a plain folder
"""

import functools
from pathlib import Path

import tensorflow as tf
from absl import flags

from keras_matting.data import datasets, prepared, readers, synthetic
from keras_matting.data.source import Source, hold_out

FLAGS = flags.FLAGS
HELD_OUT_SEED = 1_000_003  # far from --seed: no figure is drawn both for training and validation
HELD_OUT_EVERY = 20


def define_flags(kind="any"):
    """--foregrounds, --backgrounds and what is drawn without them, by default `kind`."""
    flags.DEFINE_string(
        "foregrounds",
        None,
        "Folder of RGBA cut-outs, or one with foreground/ and alpha/ in it; or NAME:FOLDER of a "
        "dataset in docs/datasets.md, or a folder that prepare wrote. Every 20th picture is held "
        "out for validation. Without it, synthetic figures are drawn.",
    )
    flags.DEFINE_string(
        "backgrounds",
        None,
        "Folder of pictures, NAME:FOLDER of a dataset, or a folder that prepare wrote; every 20th "
        "held out. Without it, synthetic ones.",
    )
    flags.DEFINE_bool("verify", True, "Check every file before training starts.")
    flags.DEFINE_integer(
        "figures", 300, "Synthetic figures to draw, and backgrounds; a tenth more are held out."
    )
    flags.DEFINE_integer("figure_size", None, "Their side in pixels; default twice the crop's.")
    flags.DEFINE_enum("figure_kind", kind, ["any", *synthetic.KINDS], "What is drawn.")


def foregrounds(size) -> tuple[Source, Source]:
    """-> (training, held out), by the flags; `size` is the side of the crops in pixels."""
    if not FLAGS.foregrounds:
        kind = None if FLAGS.figure_kind == "any" else FLAGS.figure_kind
        return _pools(functools.partial(synthetic.foregrounds, kind=kind), size)
    parallel = (Path(FLAGS.foregrounds) / "foreground").is_dir()
    source = _opened(FLAGS.foregrounds, readers.foreground_alpha if parallel else readers.rgba)
    # photographs with a matte serve as they are: their colour at the edge is a mixture
    source = _only(FLAGS.foregrounds, source, foreground=("foreground", "image"), alpha=("alpha",))
    return hold_out(source, HELD_OUT_EVERY)


def backgrounds(size) -> tuple[Source, Source]:
    """-> (training, held out), by the flags."""
    if not FLAGS.backgrounds:
        return _pools(synthetic.backgrounds, size)
    source = _opened(FLAGS.backgrounds, readers.backgrounds)
    source = _only(FLAGS.backgrounds, source, background=("background",))
    return hold_out(source, HELD_OUT_EVERY)


def _opened(place, read_folder):
    name, _, folder = place.partition(":")
    if folder and not Path(place).exists():
        return datasets.read(name, folder, verify=FLAGS.verify)
    if prepared.is_prepared(place):
        return prepared.records(place, FLAGS.verify)
    return read_folder(place, FLAGS.verify)


def _only(place, source, **wanted):
    """Of what the source gives, the first there is of each wanted key's names."""
    there = tf.data.Dataset.range(1).map(source.load).element_spec
    chosen = {key: next((n for n in names if n in there), None) for key, names in wanted.items()}
    if None in chosen.values():
        needed = " and ".join(" or ".join(names) for names in wanted.values())
        raise ValueError(f"{place} gives {', '.join(there)}, and {needed} is needed.")

    def load(index):
        sample = source.load(index)
        return {key: sample[name] for key, name in chosen.items()}

    return Source(source.size, load)


def _pools(draw, size):
    side = FLAGS.figure_size or 2 * size
    held_out = max(8, FLAGS.figures // 10)
    return (
        draw(FLAGS.figures, (side, side), FLAGS.seed),
        draw(held_out, (side, side), FLAGS.seed + HELD_OUT_SEED),
    )
