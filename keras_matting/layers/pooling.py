"""Adaptive average pooling, for pyramid pooling modules (Zhao et al. 2017, PSPNet)."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class AdaptiveAveragePooling2D(keras.layers.Layer):
    """Average over a grid of bins x bins rectangles: (B, H, W, C) -> (B, bins, bins, C).

    Along a side of n pixels, bin i covers pixels floor(i n / bins) to ceil((i + 1) n / bins) - 1,
    as in PyTorch and Paddle. Bins may overlap, and there may be more bins than pixels.
    """

    def __init__(self, bins, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins

    def call(self, x):
        if self.bins == 1:
            return tf.reduce_mean(x, [1, 2], keepdims=True)
        x = tf.einsum("ih,bhwc->biwc", self._shares(x, 1), x)
        return tf.einsum("jw,biwc->bijc", self._shares(x, 2), x)

    def _shares(self, x, axis):
        """Return the weight of each pixel in each bin, (bins, side)."""
        side = x.shape[axis] or tf.shape(x)[axis]
        i, pixel = tf.range(self.bins)[:, None], tf.range(side)
        first, end = i * side // self.bins, -(-(i + 1) * side // self.bins)
        inside = tf.cast((pixel >= first) & (pixel < end), x.dtype)
        return inside / tf.cast(end - first, x.dtype)

    def get_config(self):
        return super().get_config() | dict(bins=self.bins)
