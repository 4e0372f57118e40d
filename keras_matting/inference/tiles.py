"""Run a trimap-based network on a large picture in overlapping tiles, where the trimap is unknown.

`TILES` has a row per network; the first pattern that matches its name applies:

    margin    pixels that a tile extends beyond the part that is used
    untiled   the largest picture, in pixels, that is run as a whole by default (None: any)

With convolutions alone, a tile is exact from half the receptive field inwards. Tiles start at
multiples of 32, so that the pixels are pooled as in the whole picture. GCA's attention looks at the
whole picture; its scores take 4 (H / 16)^2 (W / 16)^2 bytes, 35 GB for 6000x4000.
"""

from fnmatch import fnmatch

import numpy as np

STRIDE = 32
SIDE = 1024  # of tiles, in pixels
BLEND = 32  # width of the strip in which neighbouring tiles are blended, in pixels
TILES = {
    "dim_vgg16*": dict(margin=192, untiled=None),
    "dim_*": dict(margin=256, untiled=None),
    "*": dict(margin=192, untiled=2048 * 2048),
}


def tiles_of(name):
    """Return the row of TILES for a model name."""
    return next(row for pattern, row in TILES.items() if fnmatch(name, pattern))


def run_tiled(run, inputs, sides, margin):
    """Compute alpha (H, W) where the trimap is unknown; elsewhere, it is the trimap.

    Args:
        run: a function of inputs {"image": (h, w, 3), "trimap": (h, w), ...} that returns (h, w).
        inputs: (H, W, ...); H and W are multiples of 32, and the trimap is 0, 1 or between.
        sides: height and width of the tiles, multiples of 32; the picture's sides may be shorter.
        margin: how far tiles overlap beyond the part that is used, in pixels.
    """
    trimap = inputs["trimap"]
    known = (trimap == 0) | (trimap == 1)
    height, width = trimap.shape
    total, weights = np.zeros((2, height, width), np.float32)
    for top in _starts(height, sides[0], margin):
        for left in _starts(width, sides[1], margin):
            window = slice(top, top + sides[0]), slice(left, left + sides[1])
            weight = np.outer(
                _weights(top, sides[0], height, margin), _weights(left, sides[1], width, margin)
            )
            if known[window][weight > 0].all():
                continue
            alpha = run({name: np.ascontiguousarray(x[window]) for name, x in inputs.items()})
            total[window] += weight * alpha
            weights[window] += weight
    return np.where(known, trimap, total / np.maximum(weights, np.float32(1e-6)))


def _starts(length, side, margin):
    """Return where tiles start, so that their used parts cover `length`."""
    if length <= side:
        return [0]
    step = (side - 2 * margin) // STRIDE * STRIDE
    count = -(-(length - side) // step) + 1
    return [min(i * step, length - side) for i in range(count)]


def _weights(start, side, length, margin):
    """Return a tile's weights along an axis: 1 inside, falling to 0 in the overlaps' middle."""
    side = min(side, length)
    places = np.arange(side, dtype=np.float32) + 0.5
    inside = np.full(side, np.inf, np.float32)
    if start > 0:
        inside = np.minimum(inside, places - margin)
    if start + side < length:
        inside = np.minimum(inside, side - places - margin)
    return np.clip(inside / BLEND + np.float32(0.5), 0, 1)
