"""Convolutions whose kernel is divided by its largest singular value (Miyato et al. 2018).

The kernel is reshaped to a matrix with a row per output channel (per input channel for transposed
convolutions). Each training step updates its singular vectors `u` and `v` by one power iteration;
inference leaves them unchanged.
"""

import tensorflow as tf
from tensorflow import keras


class _Spectral:
    def build(self, shape):
        super().build(shape)
        rows = self.kernel.shape[-1]
        columns = self.kernel.shape.num_elements() // rows
        options = dict(initializer="random_normal", trainable=False, experimental_autocast=False)
        self.u = self.add_weight("u", (rows,), **options)
        self.v = self.add_weight("v", (columns,), **options)

    def normalised_kernel(self, training):
        """Return the kernel divided by u . (W v)."""
        kernel = tf.cast(self.kernel, tf.float32)
        matrix = tf.reshape(tf.transpose(kernel, (3, 2, 0, 1)), (self.u.shape[0], -1))
        if training:
            fixed = tf.stop_gradient(matrix)
            v = _normalise(tf.linalg.matvec(fixed, self.u, transpose_a=True))
            self.v.assign(v)
            self.u.assign(_normalise(tf.linalg.matvec(fixed, v)))
        sigma = tf.tensordot(self.u, tf.linalg.matvec(matrix, self.v), 1)
        return tf.cast(kernel / sigma, self.compute_dtype)


@keras.utils.register_keras_serializable("keras_matting")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """Apply a spectrally normalised Conv2D without bias."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options | dict(use_bias=False))

    def call(self, x, training=None):
        return self.convolution_op(x, self.normalised_kernel(training))


@keras.utils.register_keras_serializable("keras_matting")
class SpectralConv2DTranspose(_Spectral, keras.layers.Conv2DTranspose):
    """Apply a spectrally normalised Conv2DTranspose, no bias, padding "same"."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options | dict(use_bias=False, padding="same"))

    def call(self, x, training=None):
        shape = tf.shape(x)
        size = (shape[0], shape[1] * self.strides[0], shape[2] * self.strides[1], self.filters)
        y = tf.nn.conv2d_transpose(x, self.normalised_kernel(training), size, self.strides)
        return tf.ensure_shape(y, self.compute_output_shape(x.shape))


def _normalise(x):
    return x / (tf.norm(x) + 1e-12)
