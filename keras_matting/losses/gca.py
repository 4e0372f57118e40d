"""GCA-Matting's losses (Li and Lu 2020): absolute error over the unknown region.

The released configuration gives all others weight 0. Each takes a target (B, H, W, 2 or more) of
alpha and trimap {0, 0.5, 1}, which `trimap_targets` makes, and is a sum over the unknown
pixels of the batch, divided by their number. Filters see the whole alpha, zeros around it.
"""

import numpy as np
import tensorflow as tf

from keras_matting.losses.trimap_targets import unknown

SOBEL = np.float32([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
ANGLES = 16  # of Gabor filters, around the whole circle
SIGMA, WAVELENGTH, ASPECT = 0.5, 5.0, 0.5


def reconstruction_loss(target, alpha):
    """Mean absolute error of alpha (B, H, W, 1) over the unknown pixels of the batch; a scalar.

    target (B, H, W, 2 or more): alpha, trimap {0, 0.5, 1}; `trimap_targets` makes it.
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


def smooth_reconstruction_loss(target, alpha):
    """Of sqrt(difference^2 + 1e-6); as released, every known pixel adds 0.001 as well."""
    region = unknown(target[..., 1:2])
    error = tf.sqrt(tf.square((alpha - target[..., :1]) * region) + 1e-6)
    return tf.reduce_sum(error) / (tf.reduce_sum(region) + 1e-8)


def gradient_loss(target, alpha):
    """Absolute difference of Sobel magnitudes, whose filters sum to 8."""
    kernels = tf.stack([SOBEL.T, SOBEL], -1)[:, :, None, :]

    def magnitude(x):
        squares = tf.square(tf.nn.conv2d(x, kernels, 1, "SAME"))
        return tf.sqrt(tf.reduce_sum(squares, -1, keepdims=True) + 1e-8)

    error = tf.abs(magnitude(alpha) - magnitude(target[..., :1]))
    return _over(error, unknown(target[..., 1:2]))


def gabor_loss(target, alpha):
    """Squared difference of the responses of `gabor_filters`, summed over them."""
    response = tf.nn.conv2d(alpha - target[..., :1], gabor_filters(), 1, "SAME")
    return _over(tf.square(response), unknown(target[..., 1:2]))


def gabor_filters():
    """float32 (5, 5, 1, 16): a sine along x under a Gaussian twice as long across, turned."""
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    y, x = (grid[..., None] for grid in np.mgrid[2:-3:-1, 2:-3:-1])
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    bell = np.exp(-0.5 * (along**2 + (ASPECT * across) ** 2) / SIGMA**2)
    wave = np.cos(2 * np.pi * along / WAVELENGTH + np.pi / 2)
    return np.float32(bell * wave)[:, :, None]


def _over(error, region):
    return tf.reduce_sum(error * region) / (tf.reduce_sum(region) + 1e-8)
