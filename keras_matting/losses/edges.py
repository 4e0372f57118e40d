"""Sobel gradients and Laplacian pyramids of alpha mattes, used by several losses."""

import numpy as np
import tensorflow as tf

SOBEL = np.float32([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
LEVELS = 5
# exp(-dx²) + exp(-dy²), normalised: the released code adds the factors of its Gaussian
_BELL = np.exp(-np.square(np.arange(-2.0, 3.0)))
BLUR = np.float32((_BELL[:, None] + _BELL) / (_BELL[:, None] + _BELL).sum())


def sobel_magnitude(x):
    """Return sqrt(gx² + gy² + 1e-6) of (B, H, W, 1), same size, borders replicated."""
    kernels = tf.stack([SOBEL, SOBEL.T], -1)[:, :, None, :]
    gradient = tf.nn.conv2d(_replicated(x, 1), kernels, 1, "VALID")
    return tf.sqrt(tf.reduce_sum(tf.square(gradient), -1, keepdims=True) + 1e-6)


def laplacian_difference(prediction, truth):
    """Return the mean absolute difference of Laplacian pyramids, summed over levels, as a scalar.

    Both maps are (B, H, W, 1). There are five levels and the remainder. A level is a map minus its
    blur; 2x2 means of the blur are the next map, without the last row or column of odd sizes.
    """
    difference = prediction - truth  # blurring and pooling are linear
    total = 0.0
    for _ in range(LEVELS):
        blurred = tf.nn.conv2d(_replicated(difference, 2), BLUR[:, :, None, None], 1, "VALID")
        total += tf.reduce_mean(tf.abs(difference - blurred))
        difference = tf.nn.avg_pool2d(blurred, 2, 2, "VALID")
    return total + tf.reduce_mean(tf.abs(difference))


def _replicated(x, margin):
    for _ in range(margin):  # mirroring one pixel repeats it
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    return x
