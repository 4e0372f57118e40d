"""GCA-Matting's loss: absolute error over the unknown region (Li and Lu 2020, released config)."""

import tensorflow as tf


def reconstruction_loss(target, alpha):
    """Mean absolute error of alpha (B, H, W, 1) over the unknown pixels of the batch; a scalar.

    target (B, H, W, 2): alpha, and 1 where the trimap is unknown.
    """
    truth, unknown = target[..., :1], target[..., 1:2]
    return _over(tf.abs(alpha - truth), unknown)


def composition_loss(target, alpha):
    """Absolute error of the composite, summed over colours, over the unknown pixels.

    target (B, H, W, 11): alpha, unknown, image, foreground, background, of any one scale. Weight 0
    in the released configuration.
    """
    _, unknown, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    error = tf.abs(alpha * foreground + (1.0 - alpha) * background - image)
    return _over(error, unknown)


def _over(error, unknown):
    return tf.reduce_sum(error * unknown) / (tf.reduce_sum(unknown) + 1e-8)
