"""Where a recipe's pictures come from: folders named by flags, or the synthetic figures."""

import functools
from pathlib import Path

from absl import flags

from keras_matting.data import readers, synthetic
from keras_matting.data.source import Source, hold_out

FLAGS = flags.FLAGS
HELD_OUT_SEED = 1_000_003  # far from --seed: no figure is drawn both for training and validation
HELD_OUT_EVERY = 20


def define_flags(kind="any"):
    """--foregrounds, --backgrounds and what is drawn without them, by default `kind`."""
    flags.DEFINE_string(
        "foregrounds",
        None,
        "Folder of RGBA cut-outs, or one with foreground/ and alpha/ in it; every 20th picture is "
        "held out for validation. Without it, synthetic figures are drawn.",
    )
    flags.DEFINE_string(
        "backgrounds", None, "Folder of pictures, every 20th held out; without it, synthetic ones."
    )
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
    read = readers.foreground_alpha if parallel else readers.rgba
    return hold_out(read(FLAGS.foregrounds), HELD_OUT_EVERY)


def backgrounds(size) -> tuple[Source, Source]:
    """-> (training, held out), by the flags."""
    if not FLAGS.backgrounds:
        return _pools(synthetic.backgrounds, size)
    return hold_out(readers.backgrounds(FLAGS.backgrounds), HELD_OUT_EVERY)


def _pools(draw, size):
    side = FLAGS.figure_size or 2 * size
    held_out = max(8, FLAGS.figures // 10)
    return (
        draw(FLAGS.figures, (side, side), FLAGS.seed),
        draw(held_out, (side, side), FLAGS.seed + HELD_OUT_SEED),
    )
