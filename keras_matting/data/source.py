"""A source of samples with random access, which lets an interrupted run resume."""

from collections.abc import Callable
from typing import NamedTuple


class Source(NamedTuple):
    """`size` samples; `load(index)` is graph code: scalar int64 -> dict of uint8 (h, w, c) tensors.

    Foreground sources give {"foreground": (h, w, 3), "alpha": (h, w, 1)}, the colour not
    premultiplied; background sources give {"background": (h, w, 3)}, unlabelled ones "image".
    """

    size: int
    load: Callable


def hold_out(source: Source, every: int) -> tuple[Source, Source]:
    """Split a source into (the rest, samples 0, every, 2 * every ...)."""
    if source.size < 2:
        raise ValueError("a single picture cannot be split into training and validation; add more.")
    held = -(-source.size // every)
    others = Source(source.size - held, lambda i: source.load(i + i // (every - 1) + 1))
    return others, Source(held, lambda i: source.load(i * every))
