"""DIM's losses in the unknown region: alpha and composition (Xu et al. 2017, equations 1 and 2).

`alpha_loss` and `composition_loss` follow the reproduction with unpooling, `paddle_alpha_loss` and
`paddle_composition_loss` PaddleSeg's bilinear version. All are scalars over the whole batch.
`trimap_targets` makes their targets.
"""

import tensorflow as tf

from keras_matting.losses.trimap_targets import unknown


def alpha_loss(target, alpha):
    """Return the mean of sqrt(d² + 1e-12). target (B, H, W, 2 or more): alpha, trimap."""
    region = unknown(target[..., 1:2])
    error = tf.sqrt(tf.square(alpha - target[..., :1]) + 1e-12)
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1.0)


def composition_loss(target, alpha):
    """Return the composite's mean absolute error per colour channel.

    target (B, H, W, 11): alpha, trimap, image, foreground, background in [0, 1].
    """
    _, trimap, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    region = unknown(trimap)
    composite = alpha * foreground + (1.0 - alpha) * background
    error = tf.sqrt(tf.square(255.0 * (composite - image)) + 1e-12) / 255.0
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1.0) / 3.0


def paddle_alpha_loss(target, alpha):
    """Return `mrsd` of alpha over the unknown pixels; target as for `alpha_loss`."""
    return mrsd(alpha, target[..., :1], unknown(target[..., 1:2]))


def paddle_composition_loss(target, alpha):
    """Return `mrsd` of the composite, scaled to [-1, 1]; target as for `composition_loss`."""
    _, trimap, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    composite = alpha * foreground + (1.0 - alpha) * background
    return mrsd(2.0 * composite, 2.0 * image, unknown(trimap))


def mrsd(prediction, truth, region=None):
    """Return the mean of sqrt(d² + 1e-6), over a region (B, H, W, 1) if given.

    With a region, channels are summed, not averaged, as in PaddleSeg.
    """
    error = tf.sqrt(tf.square(prediction - truth) + 1e-6)
    if region is None:
        return tf.reduce_mean(error)
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1e-6)
