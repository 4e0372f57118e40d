"""GCA-Matting's loss: absolute error over the unknown region (Li and Lu 2020, released config)."""

import tensorflow as tf

from keras_matting.losses.regions import unknown


def reconstruction_loss(target, alpha):
    """Mean absolute error of alpha (B, H, W, 1) over the unknown pixels of the batch; a scalar.

    target (B, H, W, 2 or more): alpha, trimap {0, 0.5, 1}; `regions.trimap_targets` makes it.
    """
    return _over(tf.abs(alpha - target[..., :1]), unknown(target[..., 1:2]))


def composition_loss(target, alpha):
    """Absolute error of the composite, summed over colours, over the unknown pixels.

    target (B, H, W, 11): alpha, trimap, image, foreground, background, colours of any one scale.
    Weight 0 in the released configuration.
    """
    _, trimap, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    error = tf.abs(alpha * foreground + (1.0 - alpha) * background - image)
    return _over(error, unknown(trimap))


def _over(error, region):
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1e-8)
