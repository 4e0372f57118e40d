"""A source of samples with random access, which is what makes an interrupted run resumable."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Source(NamedTuple):
    """`size` samples; `load(index)` is graph code: scalar int64 -> dict of uint8 (h, w, c) tensors.

    Foreground sources give {"foreground": (h, w, 3), "alpha": (h, w, 1)}, the colour not
    premultiplied; background sources give {"background": (h, w, 3)}, unlabelled ones "image".
    """

    size: int
    load: Callable


def hold_out(source: Source, every: int) -> tuple[Source, Source]:
    """Splits a source into (the others, samples 0, every, 2 * every ...)."""
    if source.size < 2:
        raise ValueError("One picture cannot be split into training and validation; add some.")
    held = -(-source.size // every)
    others = Source(source.size - held, lambda i: source.load(i + i // (every - 1) + 1))
    return others, Source(held, lambda i: source.load(i * every))


def mixed(sources: list[Source], shares: list[float]) -> Source:
    """One source of several, which give the same tensors; a pass has as many samples as they.

    Sample i is of the source into whose share of [0, 1) the i-th multiple of the golden ratio
    falls, which spreads the sources evenly over a pass, in proportion to `shares`.
    """
    size = sum(source.size for source in sources)
    limits = [sum(shares[: i + 1]) / sum(shares) for i in range(len(shares) - 1)]

    def load(index):
        place = tf.math.floormod(tf.cast(index, tf.float64) * 0.6180339887498949, 1.0)
        chosen = tf.reduce_sum(tf.cast(place >= tf.constant(limits, tf.float64), tf.int32))
        loads = [lambda s=source: s.load(tf.math.floormod(index, s.size)) for source in sources]
        return tf.switch_case(chosen, loads)

    return Source(size, load)
