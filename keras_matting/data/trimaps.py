"""Trimaps from alpha: uint8 (h, w, 1), 0 background, 128 unknown, 255 foreground.

Foreground is what is left of alpha = 1 after erosion by a disc, background what is left of
alpha = 0; the rest, fractional alpha and hard edges alike, is unknown. Distances are exact and
Euclidean, so a random radius costs no more than a fixed one.
"""

import tensorflow as tf

from keras_matting.data.ops import draw

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255


def trimap(radius: float = 10.0, key: str = "trimap"):
    """Adds, under `key`, the trimap of float alpha (h, w, 1) for one radius in pixels."""
    distances = _distances()

    def apply(sample):
        return sample | {key: _classify(*distances(sample["alpha"]), radius, radius)}

    return apply


def random_trimap(radius: tuple[int, int] = (2, 20)):
    """Adds a trimap with whole radii from [low, high], drawn apart for inside and outside."""
    distances = _distances()
    low, high = radius

    def apply(sample):
        radii = tf.floor(low + (high + 1 - low) * draw(sample, "random_trimap", 2))
        return sample | {"trimap": _classify(*distances(sample["alpha"]), radii[0], radii[1])}

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
