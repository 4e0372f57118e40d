"""Background Matting V2's losses (Lin et al. 2021, section 4.2), as released.

The error map is compared with the error of the alpha predicted with it, so `error_loss` takes both:
channels [error, alpha]. All losses are scalars over the whole batch.
"""

import tensorflow as tf

from keras_matting.losses.edges import sobel_magnitude


def targets(sample, coarse=None):
    """Turn a composition sample (or batch) into ({"image", "background"}, {output: y_true}).

    `coarse` (h, w), the size of the first stage's maps, adds the targets of the coarse outputs.
    """
    alpha, colours = sample["alpha"], tf.concat([sample["foreground"], sample["alpha"]], -1)
    truth = {"alpha": alpha, "foreground": colours, "error": alpha}
    if coarse is not None:
        small = tf.image.resize(colours, coarse)
        truth |= {"alpha_coarse": small[..., 3:], "foreground_coarse": small}
    return {"image": sample["image"], "background": sample["background"]}, truth


def alpha_loss(truth, alpha):
    """Return the mean absolute error of alpha (B, H, W, 1) plus that of its Sobel magnitude."""
    edges = tf.abs(sobel_magnitude(alpha) - sobel_magnitude(truth))
    return tf.reduce_mean(tf.abs(alpha - truth)) + tf.reduce_mean(edges)


def foreground_loss(target, foreground):
    """Return the absolute error where the true alpha is not 0, averaged over all pixels.

    target (B, H, W, 4): foreground, alpha.
    """
    truth, alpha = target[..., :3], target[..., 3:]
    visible = tf.cast(alpha != 0, foreground.dtype)
    return tf.reduce_mean(tf.abs(foreground - truth) * visible)


def error_loss(truth, prediction):
    """Return the mean squared difference between the error map and |alpha - truth|.

    prediction (B, H, W, 2): error, alpha. As released, detach alpha (`tf.stop_gradient`) for the
    base network, but not for the refinement.
    """
    error, alpha = prediction[..., :1], prediction[..., 1:]
    return tf.reduce_mean(tf.square(error - tf.abs(alpha - truth)))
