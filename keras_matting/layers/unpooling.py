"""Max pooling with positions, and unpooling (Zeiler and Fergus 2014).

Both use comparisons and selects, which integer hardware has, instead of MaxPoolWithArgmax. Of equal
values the first in reading order wins; after a ReLU, ties between zeros are common.
"""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class PoolWithPositions(keras.layers.Layer):
    """Pool 2x2 pixels and return where the maxima were.

    (B, 2h, 2w, C) -> maxima (B, h, w, C) and positions (B, h, w, 4C) bool. Positions are four masks
    of C channels: upper left, upper right, lower left, lower right.
    """

    def call(self, x):
        a, b = x[:, ::2, ::2], x[:, ::2, 1::2]
        c, d = x[:, 1::2, ::2], x[:, 1::2, 1::2]
        upper, lower = tf.maximum(a, b), tf.maximum(c, d)
        in_upper, upper_left, lower_left = upper >= lower, a >= b, c >= d
        in_lower = tf.logical_not(in_upper)
        positions = [
            tf.logical_and(in_upper, upper_left),
            tf.logical_and(in_upper, tf.logical_not(upper_left)),
            tf.logical_and(in_lower, lower_left),
            tf.logical_and(in_lower, tf.logical_not(lower_left)),
        ]
        # select, not maximum: only the chosen pixel receives the gradient
        pooled = tf.where(positions[0], a, tf.where(positions[1], b, tf.where(positions[2], c, d)))
        return pooled, tf.concat(positions, -1)


@keras.utils.register_keras_serializable("keras_matting")
class Unpool(keras.layers.Layer):
    """Put values back to their positions and zeros elsewhere.

    [x (B, h, w, C), positions (B, h, w, 4C)] -> (B, 2h, 2w, C).
    """

    def call(self, inputs):
        x, positions = inputs
        x = tf.concat([x, x, x, x], -1)
        return tf.nn.depth_to_space(tf.where(positions, x, tf.constant(0.0, x.dtype)), 2)
