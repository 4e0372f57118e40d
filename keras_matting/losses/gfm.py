"""GFM's losses (Li et al. 2022, section 4), with the reductions and weights of the released code.

Each is a mean over the batch, a scalar. They stand beside their outputs in `compile`:

    losses = {"glance": glance_loss, "focus": focus_loss, "alpha": fusion_loss}
"""

import tensorflow as tf

from keras_matting.losses.edges import laplacian_difference

WEIGHT = 0.25


def glance_loss(classes, glance):
    """0.25 * cross entropy of `glance` (B, H, W, C) and class numbers (B, H, W, 1).

    As released, a softmax is taken of what has been through a sigmoid already.
    """
    labels = tf.cast(classes[:, :, :, 0], tf.int32)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, glance)
    return WEIGHT * tf.reduce_mean(entropy)


def focus_loss(target, focus):
    """0.25 * (absolute error + Laplacian) inside the transition region.

    target (B, H, W, 2): what focus shall be, and 1 in the region. The error's mean is over the
    region of the whole batch, the Laplacian's over all pixels of the masked maps.
    """
    truth, region = target[..., :1], target[..., 1:]
    error = _absolute(focus - truth) * region
    error = tf.reduce_sum(error) / (tf.reduce_sum(region) + 1.0)
    return WEIGHT * (error + laplacian_difference(focus * region, truth * region))


def fusion_loss(target, alpha):
    """0.25 * (absolute error + Laplacian) and 0.25 * composition, over the whole image.

    target (B, H, W, 10): alpha, image, foreground, background in [0, 1].
    """
    truth, image, foreground, background = tf.split(target, [1, 3, 3, 3], -1)
    error = tf.reduce_mean(_absolute(alpha - truth)) + laplacian_difference(alpha, truth)
    return WEIGHT * (error + composition_loss(alpha, image, foreground, background))


def composition_loss(alpha, image, foreground, background):
    """Absolute error of the composite, summed over colours, averaged over pixels."""
    composite = alpha * foreground + (1.0 - alpha) * background
    # the released code adds 1e-12 to the square of a difference of bytes
    error = _absolute(composite - image, 1e-12 / 255.0**2)
    return tf.reduce_mean(tf.reduce_sum(error, -1))


def _absolute(difference, epsilon=1e-12):
    return tf.sqrt(tf.square(difference) + epsilon)
