"""Trimaps from alpha: uint8 (h, w, 1), 0 background, 128 unknown, 255 foreground.

Foreground is what is left of alpha = 1 after erosion by a disc, background what is left of
alpha = 0; the rest, fractional alpha and hard edges alike, is unknown. Distances are exact and
Euclidean, so a random radius costs no more than a fixed one.
"""

import tensorflow as tf

from keras_matting.data.ops import draw

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255


def trimap(radius: float = 10.0, key: str = "trimap", reduced: bool = False):
    """Adds, under `key`, the trimap of float alpha (h, w, 1) for one radius in pixels.

    `reduced`: in pixels of the picture, of which a crop's are `reduction` wide.
    """
    distances = _distances()

    def apply(sample):
        within = radius / sample["reduction"] if reduced else radius
        return sample | {key: _classify(*distances(sample["alpha"]), within, within)}

    return apply


def random_trimap(radius: tuple[int, int] = (2, 20)):
    """Adds a trimap with whole radii from [low, high], drawn apart for inside and outside."""
    distances = _distances()
    low, high = radius

    def apply(sample):
        radii = tf.floor(low + (high + 1 - low) * draw(sample, "random_trimap", 2))
        return sample | {"trimap": _classify(*distances(sample["alpha"]), radii[0], radii[1])}

    return apply


def random_repeated_trimap(scale: float = 1.0, reduced: bool = False):
    """Adds a trimap as wide as an ellipse of 2 to 4 pixels reaches 5 to 14 times (DIM, PP-Matting).

    That is 2.5 to 21 pixels, times `scale`, alike inside and outside; `reduced` as in `trimap`.
    """
    distances = _distances()

    def apply(sample):
        uniform = draw(sample, "random_repeated_trimap", 2)
        kernel, times = tf.floor(2.0 + 3.0 * uniform[0]), tf.floor(5.0 + 10.0 * uniform[1])
        radius = scale * (kernel - 1.0) / 2.0 * times
        radius = radius / sample["reduction"] if reduced else radius
        return sample | {"trimap": _classify(*distances(sample["alpha"]), radius, radius)}

    return apply


def _distances():
    from keras_matting.data.addons import tfa

    def distances(alpha):
        """-> distance of each pixel to the nearest with alpha < 1, and with alpha > 0."""
        inside = tfa.image.euclidean_dist_transform(tf.cast(alpha >= 1.0, tf.uint8))
        outside = tfa.image.euclidean_dist_transform(tf.cast(alpha <= 0.0, tf.uint8))
        return inside, outside

    return distances


def _classify(inside, outside, inner_radius, outer_radius):
    foreground = tf.cast(inside > inner_radius, tf.uint8)
    background = tf.cast(outside > outer_radius, tf.uint8)
    return UNKNOWN + (FOREGROUND - UNKNOWN) * foreground - (UNKNOWN - BACKGROUND) * background
