"""GCA-Matting's losses (Li and Lu 2020): absolute error over the unknown region.

The released configuration uses `reconstruction_loss` only and gives all others weight 0. Each takes
a target (B, H, W, 2 or more), alpha and trimap {0, 0.5, 1}, made by `trimap_targets`, and averages
over the unknown pixels of the batch. Filters see the whole, zero-padded alpha.
"""

import numpy as np
import tensorflow as tf

from keras_matting.losses.trimap_targets import unknown

SOBEL = np.float32([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
ANGLES = 16  # of Gabor filters, around the whole circle
SIGMA, WAVELENGTH, ASPECT = 0.5, 5.0, 0.5


def reconstruction_loss(target, alpha):
    """Return the mean absolute error of alpha (B, H, W, 1) over the unknown pixels of the batch.

    target (B, H, W, 2 or more): alpha, trimap {0, 0.5, 1}.
    """
    return _over(tf.abs(alpha - target[..., :1]), unknown(target[..., 1:2]))


def composition_loss(target, alpha):
    """Return the composite's absolute error, summed over colours, averaged over unknown pixels.

    target (B, H, W, 11): alpha, trimap, image, foreground, background; all colours on one scale.
    """
    _, trimap, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    error = tf.abs(alpha * foreground + (1.0 - alpha) * background - image)
    return _over(error, unknown(trimap))


def smooth_reconstruction_loss(target, alpha):
    """Return the error as sqrt(d² + 1e-6); as released, each known pixel also adds 0.001."""
    region = unknown(target[..., 1:2])
    error = tf.sqrt(tf.square((alpha - target[..., :1]) * region) + 1e-6)
    return tf.reduce_sum(error) / (tf.reduce_sum(region) + 1e-8)


def gradient_loss(target, alpha):
    """Return the absolute difference of Sobel magnitudes; filters' absolute values sum to 8."""
    kernels = tf.stack([SOBEL.T, SOBEL], -1)[:, :, None, :]

    def magnitude(x):
        squares = tf.square(tf.nn.conv2d(x, kernels, 1, "SAME"))
        return tf.sqrt(tf.reduce_sum(squares, -1, keepdims=True) + 1e-8)

    error = tf.abs(magnitude(alpha) - magnitude(target[..., :1]))
    return _over(error, unknown(target[..., 1:2]))


def gabor_loss(target, alpha):
    """Return the squared difference of `gabor_filters` responses, summed over the filters."""
    response = tf.nn.conv2d(alpha - target[..., :1], gabor_filters(), 1, "SAME")
    return _over(tf.square(response), unknown(target[..., 1:2]))


def gabor_filters():
    """Return rotated Gabor filters, float32 (5, 5, 1, 16), twice as long across the wave."""
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    y, x = (grid[..., None] for grid in np.mgrid[2:-3:-1, 2:-3:-1])
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    bell = np.exp(-0.5 * (along**2 + (ASPECT * across) ** 2) / SIGMA**2)
    wave = np.cos(2 * np.pi * along / WAVELENGTH + np.pi / 2)
    return np.float32(bell * wave)[:, :, None]


def _over(error, region):
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1e-8)
