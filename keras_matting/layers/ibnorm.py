"""Batch norm on one half of the channels, instance norm on the other (Pan et al. 2018, IBN-Net)."""

import tensorflow as tf
from tensorflow import keras

from keras_matting.layers.biased_norm import BatchNormalization


@keras.utils.register_keras_serializable("keras_matting")
class IBNorm(keras.layers.Layer):
    """Normalise half of the channels over the batch and the other half per image.

    (B, H, W, C) -> (B, H, W, C). The first C // 2 channels pass a batch norm with scale and offset.
    The others are normalised by the mean and biased variance of their own image, in inference too,
    without scale and offset. With `trainable = False` the batch norm uses its running statistics,
    as a frozen Keras batch norm does. Statistics are float32 whatever the layer's precision.

    `paddle` gives PaddleSeg's version: the instance norm also has a scale and offset, and the
    running variance is biased (see `blocks.batch_norm`).
    """

    def __init__(self, epsilon=1e-5, momentum=0.9, paddle=False, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.momentum, self.paddle = epsilon, momentum, paddle
        norm = BatchNormalization if paddle else keras.layers.BatchNormalization
        self.batch_norm = norm(
            epsilon=epsilon, momentum=momentum, dtype=self.dtype_policy, name="batch_norm"
        )

    def build(self, shape):
        self.split = shape[-1] // 2
        self.batch_norm.build((*shape[:-1], self.split))
        if self.paddle:
            affine = dict(shape=(shape[-1] - self.split,), dtype="float32")
            self.gamma = self.add_weight("instance_gamma", initializer="ones", **affine)
            self.beta = self.add_weight("instance_beta", initializer="zeros", **affine)
        super().build(shape)

    @tf.autograph.experimental.do_not_convert  # which takes a second
    def call(self, x, training=None):
        values = tf.cast(x, tf.float32)
        if training:
            batch = self.batch_norm(x[..., : self.split], training=training)
            scale, offset = self._instance(values[..., self.split :])
            instance = values[..., self.split :] * scale + offset
            return tf.concat([batch, tf.cast(instance, batch.dtype)], -1)
        # One scale and offset for both halves: splitting and joining the map would copy it twice.
        parts = zip(self._batch(values), self._instance(values, self.split), strict=True)
        scale, offset = (tf.concat(part, -1) for part in parts)
        return tf.cast(values * scale + offset, x.dtype)

    def _batch(self, x):
        """Return scale and offset (B, 1, 1, C // 2) from the running statistics."""
        norm = self.batch_norm
        scale = norm.gamma * tf.math.rsqrt(norm.moving_variance + self.epsilon)
        offset = norm.beta - norm.moving_mean * scale
        shape = [x.shape[0] or tf.shape(x)[0], 1, 1, self.split]
        return tf.broadcast_to(scale, shape), tf.broadcast_to(offset, shape)

    def _instance(self, x, first=0):
        """Return scale and offset (B, 1, 1, C - first) of the channels from `first` on."""
        mean = _mean(x)
        variance = _mean(tf.math.squared_difference(x, mean))[..., first:]
        scale = tf.math.rsqrt(variance + self.epsilon)
        offset = -mean[..., first:] * scale
        if self.paddle:
            gamma = tf.cast(self.gamma, tf.float32)
            return gamma * scale, gamma * offset + tf.cast(self.beta, tf.float32)
        return scale, offset

    def get_config(self):
        return super().get_config() | dict(
            epsilon=self.epsilon, momentum=self.momentum, paddle=self.paddle
        )


def _mean(x):
    """Return the mean of the row means: (B, H, W, C) -> (B, 1, 1, C).

    The sum over a whole map overflows half precision, which mobile GPUs may use, and sequential
    summation in float32 is off by 1e-4 of the standard deviation.
    """
    return tf.reduce_mean(tf.reduce_mean(x, 2, keepdims=True), 1, keepdims=True)
