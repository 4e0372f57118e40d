"""DIM's losses in the unknown region: alpha and composition (Xu et al. 2017, equations 1 and 2).

`alpha_loss` and `composition_loss` are those of the reproduction with unpooling; `mrsd` is
PaddleSeg's error for its bilinear form. Scalars over the whole batch.
"""

import tensorflow as tf


def alpha_loss(target, alpha):
    """Mean absolute error, of sqrt(d² + 1e-12). target (B, H, W, 2): alpha, 1 where unknown."""
    truth, unknown = target[..., :1], target[..., 1:2]
    error = tf.sqrt(tf.square(alpha - truth) + 1e-12)
    return tf.reduce_sum(error * unknown) / (tf.reduce_sum(unknown) + 1.0)


def composition_loss(target, alpha):
    """Mean absolute error of the composite per colour.

    target (B, H, W, 11): alpha, unknown, image, foreground, background in [0, 1].
    """
    _, unknown, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    composite = alpha * foreground + (1.0 - alpha) * background
    error = tf.sqrt(tf.square(255.0 * (composite - image)) + 1e-12) / 255.0
    return tf.reduce_sum(error * unknown) / (tf.reduce_sum(unknown) + 1.0) / 3.0


def mrsd(prediction, truth, region=None):
    """Mean of sqrt(d² + 1e-6), in a region (B, H, W, 1) if there is one.

    There all channels count together: of three the mean is three times as large.
    """
    error = tf.sqrt(tf.square(prediction - truth) + 1e-6)
    if region is None:
        return tf.reduce_mean(error)
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1e-6)
