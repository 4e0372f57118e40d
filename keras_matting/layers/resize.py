"""Bilinear resizing to a size that another tensor gives."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class ResizeLike(keras.layers.Layer):
    """[x (B, h, w, C), reference (B, H, W, ...)] -> (B, H, W, C), bilinear without antialiasing.

    Samples between pixel centres; with `align_corners` the outermost pixels of both coincide.
    Where the sizes are a fixed factor apart, `blocks.upsample` says it more simply.
    """

    def __init__(self, align_corners=False, **kwargs):
        super().__init__(**kwargs)
        self.align_corners = align_corners

    def call(self, inputs):
        x, reference = inputs
        size = reference.shape[1:3]
        size = tf.shape(reference)[1:3] if None in size else list(size)
        resized = tf.raw_ops.ResizeBilinear(
            images=x,
            size=size,
            align_corners=self.align_corners,
            half_pixel_centers=not self.align_corners,
        )
        return tf.cast(resized, x.dtype)

    def get_config(self):
        return super().get_config() | dict(align_corners=self.align_corners)
