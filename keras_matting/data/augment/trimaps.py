"""Trimaps from alpha: uint8 (h, w, 1), 0 background, 128 unknown, 255 foreground.

Foreground is what is left of alpha = 1 after erosion by a disc, background what is left of
alpha = 0; the rest, fractional alpha and hard edges alike, is unknown. Discs are exact. Where the
largest radius is known beforehand, no pixel looks farther: at 512x512 and 14 pixels that takes a
quarter of the time of a distance transform, whatever radius is drawn.
"""

import functools
import math

import tensorflow as tf

from keras_matting.data.augment.draws import draw, op_seed

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255
NEAR = 48  # pixels up to which looking around a pixel is faster than a distance transform


def trimap(radius: float = 10.0, key: str = "trimap", reduced: bool = False):
    """Adds, under `key`, the trimap of float alpha (h, w, 1) for one radius in pixels.

    `reduced`: in pixels of the picture, of which a crop's are `reduction` wide.
    """
    classified = _classifier(None if reduced else radius)

    def apply(sample):
        within = tf.constant(radius, tf.float32)
        within = within / sample["reduction"] if reduced else within
        return sample | {key: classified(sample["alpha"], within, within)}

    return apply


def random_trimap(radius: tuple[int, int] = (2, 20)):
    """Adds a trimap with whole radii from [low, high], drawn apart for inside and outside."""
    low, high = radius
    classified = _classifier(high)

    def apply(sample):
        radii = tf.floor(low + (high + 1 - low) * draw(sample, "random_trimap", 2))
        return sample | {"trimap": classified(sample["alpha"], radii[0], radii[1])}

    return apply


def random_uneven_trimap(radius: tuple[float, float] = (1.0, 50.0), unevenness: float = 0.6):
    """Adds a trimap as people draw them: with radii that differ from place to place.

    The largest radii inside and outside are drawn log-uniformly from `radius`; along the edge they
    shrink by up to `unevenness`, smoothly, over about an eighth of the crop.
    """
    low, high = radius
    classified = _classifier(None)

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
    """Adds a trimap as wide as an ellipse of 2 to 4 pixels reaches 5 to 14 times (DIM, PP-Matting).

    That is 2.5 to 21 pixels, times `scale`, alike inside and outside; `reduced` as in `trimap`.
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
    """-> function that makes the trimap of alpha and two radii of at most `reach` (None: any)."""
    if reach is None or reach > NEAR:
        return _by_distance()
    return _looking_around(math.ceil(reach))


@functools.cache  # it is compiled once, however often a trimap is asked for
def _looking_around(reach):
    far = (reach + 1) ** 2

    # one pass over memory a direction in place of one per pixel
    @tf.function(jit_compile=True, reduce_retracing=True)
    def classified(alpha, inner, outer):
        squared = tf.cast(tf.stack([alpha >= 1.0, alpha <= 0.0])[..., 0], tf.int16) * far
        for axis in (2, 1):
            # the squared distance along this axis is added to that along the other
            nearest, side = squared, tf.shape(squared)[axis]
            margin = [[reach, reach] if i == axis else [0, 0] for i in range(3)]
            padded = tf.pad(squared, margin, constant_values=far)
            for step in range(-reach, reach + 1):
                beside = padded[(slice(None),) * axis + (slice(reach + step, reach + step + side),)]
                nearest = tf.minimum(nearest, beside + step**2)
            squared = nearest
        inside, outside = tf.unstack(tf.cast(squared, tf.float32)[..., None])
        return _classes(inside > inner**2, outside > outer**2)

    return classified


def _by_distance():
    from keras_matting.data.augment.addons import tfa

    def classified(alpha, inner, outer):
        inside = tfa.image.euclidean_dist_transform(tf.cast(alpha >= 1.0, tf.uint8))
        outside = tfa.image.euclidean_dist_transform(tf.cast(alpha <= 0.0, tf.uint8))
        return _classes(inside > inner, outside > outer)

    return classified


def _classes(foreground, background):
    foreground, background = (tf.cast(x, tf.uint8) for x in (foreground, background))
    return UNKNOWN + (FOREGROUND - UNKNOWN) * foreground - (UNKNOWN - BACKGROUND) * background
