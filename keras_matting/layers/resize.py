"""Bilinear resizing to sizes known only at run time, and nearest-neighbour upsampling."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class ResizeLike(keras.layers.Layer):
    """Resize x to the height and width of a reference, bilinearly without antialiasing.

    [x (B, h, w, C), reference (B, H, W, ...)] -> (B, H, W, C). Pixel centres are at half
    coordinates, or with `align_corners` the corner pixels coincide. For a fixed factor, use
    `blocks.upsample`.
    """

    def __init__(self, align_corners=False, **kwargs):
        super().__init__(**kwargs)
        self.align_corners = align_corners

    def call(self, inputs):
        x, reference = inputs
        return _resize(x, _size(reference), self.align_corners)

    def get_config(self):
        return super().get_config() | dict(align_corners=self.align_corners)


@keras.utils.register_keras_serializable("keras_matting")
class Downscale(keras.layers.Layer):
    """Resize bilinearly: (B, H, W, C) -> (B, floor(scale H), floor(scale W), C)."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x):
        if None not in x.shape[1:3]:
            return _resize(x, [int(side * self.scale) for side in x.shape[1:3]])
        return _resize(x, tf.cast(tf.cast(tf.shape(x)[1:3], tf.float64) * self.scale, tf.int32))

    def get_config(self):
        return super().get_config() | dict(scale=self.scale)


@keras.utils.register_keras_serializable("keras_matting")
class NearestUpsampling(keras.layers.UpSampling2D):
    """Repeat rows and columns: (B, H, W, C) -> (B, factor H, factor W, C).

    It computes what Keras' layer does, but its gradient is an average pooling: TensorFlow's own is
    up to twice as slow on a CPU, and on a GPU it has no deterministic kernel.
    """

    def call(self, inputs):
        @tf.custom_gradient
        def repeated(x):
            return super(NearestUpsampling, self).call(x), self._summed

        return repeated(inputs)

    def _summed(self, upstream):
        """Sum each block; in float32, because the means of large blocks underflow half precision"""
        means = tf.nn.avg_pool2d(tf.cast(upstream, tf.float32), self.size, self.size, "VALID")
        return tf.cast(means * float(self.size[0] * self.size[1]), upstream.dtype)


def _size(x):
    return tf.shape(x)[1:3] if None in x.shape[1:3] else list(x.shape[1:3])


def _resize(x, size, align_corners=False):
    resized = tf.raw_ops.ResizeBilinear(
        images=x, size=size, align_corners=align_corners, half_pixel_centers=not align_corners
    )
    return tf.cast(resized, x.dtype)
