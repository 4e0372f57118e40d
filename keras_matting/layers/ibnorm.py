"""Batch norm on one half of the channels, instance norm on the other (Pan et al. 2018, IBN-Net)."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class IBNorm(keras.layers.Layer):
    """(B, H, W, C) -> (B, H, W, C).

    The first C // 2 channels pass a batch norm with scale and offset. The others are normalised by
    their own image's mean and biased variance, in inference as well, without scale and offset. With
    `trainable = False` the batch norm half uses its running statistics, as a frozen Keras batch
    norm does. Statistics are float32 whatever the layer's precision.

    `paddle` is PaddleSeg's form: scale and offset for the instance norm too, and a biased running
    variance, as in `blocks.batch_norm`.
    """

    def __init__(self, epsilon=1e-5, momentum=0.9, paddle=False, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.momentum, self.paddle = epsilon, momentum, paddle
        self.batch_norm = keras.layers.BatchNormalization(
            epsilon=epsilon,
            momentum=momentum,
            fused=False if paddle else None,
            dtype=self.dtype_policy,
            name="batch_norm",
        )

    def build(self, shape):
        self.split = shape[-1] // 2
        self.batch_norm.build((*shape[:-1], self.split))
        if self.paddle:
            affine = dict(shape=(shape[-1] - self.split,), dtype="float32")
            self.gamma = self.add_weight("instance_gamma", initializer="ones", **affine)
            self.beta = self.add_weight("instance_beta", initializer="zeros", **affine)
        super().build(shape)

    def call(self, x, training=None):
        batch = self.batch_norm(x[..., : self.split], training=training)
        instance = tf.cast(x[..., self.split :], tf.float32)
        mean, variance = tf.nn.moments(instance, [1, 2], keepdims=True)
        instance = (instance - mean) * tf.math.rsqrt(variance + self.epsilon)
        if self.paddle:
            instance = instance * tf.cast(self.gamma, tf.float32) + tf.cast(self.beta, tf.float32)
        return tf.concat([batch, tf.cast(instance, batch.dtype)], -1)

    def get_config(self):
        return super().get_config() | dict(
            epsilon=self.epsilon, momentum=self.momentum, paddle=self.paddle
        )
