"""Trimaps from alpha: uint8 (h, w, 1), 0 background, 128 unknown, 255 foreground.

Foreground is alpha = 1 eroded by a disc, background is alpha = 0 eroded by a disc; everything else,
fractional alpha and hard edges alike, is unknown. Discs are exact. Alphas up to 8/255 count as 0,
those from 247/255 on as 1, because JPEG and video leave them in empty and opaque parts.
"""

import functools
import math

import tensorflow as tf

from keras_matting import alpha_ranges
from keras_matting.data.augment.draws import draw, op_seed

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255
NEARLY = (alpha_ranges.NEAR + 0.5) / 255.0  # with a margin for rounding
NEAR = 48  # radius in pixels up to which unrolling the search for the nearest pixel is faster


def trimap(radius: float = 10.0, key: str = "trimap", reduced: bool = False):
    """Add, under `key`, the trimap of float alpha (h, w, 1) for one radius in pixels.

    With `reduced`, the radius is in pixels of the original picture; a crop's pixels are
    sample["reduction"] of those wide.
    """
    classified = _classifier(None if reduced else radius)

    def apply(sample):
        within = tf.constant(radius, tf.float32)
        within = within / sample["reduction"] if reduced else within
        return sample | {key: classified(sample["alpha"], within, within)}

    return apply


def random_trimap(radius: tuple[int, int] = (2, 20)):
    """Add a trimap with integer radii from [low, high], drawn independently for both sides."""
    low, high = radius
    classified = _classifier(high)

    def apply(sample):
        radii = tf.floor(low + (high + 1 - low) * draw(sample, "random_trimap", 2))
        return sample | {"trimap": classified(sample["alpha"], radii[0], radii[1])}

    return apply


def random_uneven_trimap(radius: tuple[float, float] = (1.0, 50.0), unevenness: float = 0.6):
    """Add a trimap as people draw them: with radii that vary from place to place.

    The largest inner and outer radii are drawn log-uniformly from `radius`; along the edge they
    shrink smoothly by up to `unevenness`, over about an eighth of the crop.
    """
    low, high = radius
    classified = _classifier(high)

    def apply(sample):
        uniform = draw(sample, "random_uneven_trimap", 2)
        largest = low * tf.pow(high / low, uniform)
        seed = op_seed(sample, "random_uneven_trimap:field")
        size = tf.shape(sample["alpha"])[:2]
        shrunk = 1.0 - unevenness * tf.random.stateless_uniform([8, 8, 2], seed)
        shrunk = tf.clip_by_value(tf.image.resize(shrunk, size, "bicubic"), 0.1, 1.0)
        inner, outer = tf.split(largest * shrunk, 2, -1)
        return sample | {"trimap": classified(sample["alpha"], inner, outer)}

    return apply


def random_repeated_trimap(scale: float = 1.0, reduced: bool = False):
    """Add a trimap of 5 to 14 dilations by an ellipse of 2 to 4 pixels (DIM, PP-Matting).

    That is 2.5 to 21 pixels, times `scale`, the same on both sides; `reduced` as in `trimap`.
    """
    classified = _classifier(None if reduced else 21.0 * scale)

    def apply(sample):
        uniform = draw(sample, "random_repeated_trimap", 2)
        kernel, times = tf.floor(2.0 + 3.0 * uniform[0]), tf.floor(5.0 + 10.0 * uniform[1])
        radius = scale * (kernel - 1.0) / 2.0 * times
        radius = radius / sample["reduction"] if reduced else radius
        return sample | {"trimap": classified(sample["alpha"], radius, radius)}

    return apply


def _classifier(reach):
    """Return a function (alpha, inner, outer) -> trimap, for radii up to `reach` (None: any).

    Radii are scalars or (h, w, 1). Give a bound where there is one: without, XLA compiles again for
    every largest radius, which costs more than the training step.
    """
    return _compiled(math.ceil(reach) if reach is not None and reach <= NEAR else None)


@functools.cache  # compiles each reach once
def _compiled(reach):
    @tf.function(jit_compile=True, reduce_retracing=True)
    def classified(alpha, inner, outer):
        sides = tf.stack([alpha > 1.0 - NEARLY, alpha < NEARLY])[..., 0]
        if reach is not None:  # unrolled, each axis becomes a single pass over memory
            squared = _squared_distances(tf.cast(sides, tf.int16), reach)
        else:
            largest = tf.reduce_max(tf.maximum(inner, outer))
            farthest = tf.cast(tf.math.ceil(largest), tf.int32)
            squared = _squared_distances(tf.cast(sides, tf.int32), farthest)
        inside, outside = tf.unstack(tf.cast(squared, tf.float32)[..., None])
        return _classes(inside > inner**2, outside > outer**2)

    return classified


def _squared_distances(mask, reach):
    """Return the squared distance to the nearest 0 in (n, h, w), or (reach + 1)^2 beyond."""
    far = tf.cast((reach + 1) ** 2, mask.dtype)
    squared, shape = mask * far, tf.shape(mask)
    for axis in (2, 1):
        # the squared distance along this axis adds to that along the other
        if isinstance(reach, int):
            margin, steps = reach, range(1, reach + 1)
        else:
            margin, steps = shape[axis], tf.range(1, tf.minimum(reach, shape[axis]) + 1)
        along = tf.one_hot(axis, 3, dtype=tf.int32)
        padded = tf.pad(squared, tf.stack([along, along], 1) * margin, constant_values=far)
        for step in steps:
            before = tf.slice(padded, along * (margin - step), shape)
            after = tf.slice(padded, along * (margin + step), shape)
            nearest = tf.minimum(before, after) + tf.cast(step**2, mask.dtype)
            squared = tf.minimum(squared, tf.ensure_shape(nearest, squared.shape))
    return squared


def _classes(foreground, background):
    foreground, background = (tf.cast(x, tf.uint8) for x in (foreground, background))
    return UNKNOWN + (FOREGROUND - UNKNOWN) * foreground - (UNKNOWN - BACKGROUND) * background
