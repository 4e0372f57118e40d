"""Background Matting V2's losses (Lin et al. 2021, section 4.2), as released.

The error output is judged by the alpha that came with it, so its prediction here is both: channels
[error, alpha]. Scalars over the whole batch.
"""

import tensorflow as tf

from keras_matting.losses.edges import sobel_magnitude


def targets(sample, coarse=None):
    """A composition sample (or batch) -> ({"image", "background"}, y_true per output).

    With `coarse` (h, w), the size of the first stage's maps, also what these are compared with.
    """
    alpha, colours = sample["alpha"], tf.concat([sample["foreground"], sample["alpha"]], -1)
    truth = {"alpha": alpha, "foreground": colours, "error": alpha}
    if coarse is not None:
        small = tf.image.resize(colours, coarse)
        truth |= {"alpha_coarse": small[..., 3:], "foreground_coarse": small}
    return {"image": sample["image"], "background": sample["background"]}, truth


def alpha_loss(truth, alpha):
    """Mean absolute error of alpha (B, H, W, 1) plus that of its Sobel magnitude."""
    edges = tf.abs(sobel_magnitude(alpha) - sobel_magnitude(truth))
    return tf.reduce_mean(tf.abs(alpha - truth)) + tf.reduce_mean(edges)


def foreground_loss(target, foreground):
    """Mean absolute error where the true alpha is not 0, over all pixels.

    target (B, H, W, 4): foreground, alpha.
    """
    truth, alpha = target[..., :3], target[..., 3:]
    visible = tf.cast(alpha != 0, foreground.dtype)
    return tf.reduce_mean(tf.abs(foreground - truth) * visible)


def error_loss(truth, prediction):
    """Mean squared difference of error and |alpha - truth|; prediction (B, H, W, 2): error, alpha.

    For the base network the alpha has to be detached (`tf.stop_gradient`), as released; in
    refinement it is not.
    """
    error, alpha = prediction[..., :1], prediction[..., 1:]
    return tf.reduce_mean(tf.square(error - tf.abs(alpha - truth)))
