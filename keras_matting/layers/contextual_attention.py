"""Guided contextual attention (Li and Lu 2020): unknown pixels borrow features from similar ones.

Similarity compares neighbourhoods in a guidance map. Patches are cut by slicing and reassembled by
padding and adding, because TFLite supports these operations.
"""

import tensorflow as tf
from tensorflow import keras

SELF = -1e4  # added to the score of an unknown pixel with itself
SMALLEST_NORM = 1e-4


@keras.utils.register_keras_serializable("keras_matting")
class GuidedContextualAttention(keras.layers.Layer):
    """Replace features by a weighted mean of features whose guidance looks alike.

    [guidance (B, h, w, G), features (B, h, w, C), unknown (B, s*h, s*w, 1)] -> (B, h, w, C), where
    h and w are even and unknown is 0 or 1 at `scale` s times the size of the features.

    Each 4x4 patch of the result is a mean of the features' 4x4 patches. The weights are a softmax
    over how well the 3x3 guidance patches match at half size. Before the softmax, scores with
    unknown and with known pixels are multiplied by factors that depend on the share of each.

    `border` is how guidance is padded: "REFLECT", or "SYMMETRIC", which also allows a single pixel.
    """

    def __init__(self, scale=1, border="REFLECT", **kwargs):
        super().__init__(**kwargs)
        self.scale, self.border = scale, border

    def call(self, inputs):
        guidance, features, unknown = (tf.cast(x, tf.float32) for x in inputs)
        guidance = guidance[:, ::2, ::2]
        unknown = unknown[:, :: 2 * self.scale, :: 2 * self.scale]
        batch, height, width = tf.unstack(tf.shape(guidance)[:3])
        count = height * width

        queries = tf.reshape(self._neighbours(guidance), (batch, count, 9 * guidance.shape[-1]))
        norm = tf.sqrt(tf.reduce_sum(tf.square(queries), -1, keepdims=True))
        keys = queries / tf.maximum(norm, SMALLEST_NORM)
        is_unknown = tf.reduce_max(self._neighbours(unknown), -1)
        is_unknown = tf.reshape(is_unknown, (batch, 1, count))
        share = tf.reduce_mean(unknown, [1, 2])[..., None]
        factor = _balance(share, 1 - share) * is_unknown
        factor += _balance(1 - share, share) * (1 - is_unknown)
        scores = tf.matmul(queries, keys, transpose_b=True) * factor
        scores += SELF * tf.eye(count) * is_unknown

        values = tf.reshape(_blocks(features), (batch, count, 16 * features.shape[-1]))
        mixed = tf.matmul(tf.nn.softmax(scores), values)
        mixed = tf.reshape(mixed, (batch, height, width, 16 * features.shape[-1]))
        result = tf.ensure_shape(_overlapped(mixed) / 4, features.shape)
        return tf.cast(result, self.compute_dtype)

    def get_config(self):
        return super().get_config() | dict(scale=self.scale, border=self.border)

    def _neighbours(self, x):
        """Cut 3x3 patches: (B, H, W, C) -> (B, H, W, 9C)."""
        height, width = tf.unstack(tf.shape(x)[1:3])
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], self.border)
        cut = [x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        return tf.concat(cut, -1)


def _blocks(x):
    """Cut 4x4 patches at every second pixel, reflected: (B, 2h, 2w, C) -> (B, h, w, 16C).

    A patch is four blocks of 2x2 pixels, the order that `_overlapped` expects.
    """
    height, width = tf.unstack(tf.shape(x)[1:3])
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    order = [(2 * i + k, 2 * j + m) for i in (0, 1) for j in (0, 1) for k in (0, 1) for m in (0, 1)]
    return tf.concat([x[:, i : i + height : 2, j : j + width : 2] for i, j in order], -1)


def _overlapped(x):
    """Add up 4x4 patches placed at every second pixel: (B, h, w, 16C) -> (B, 2h, 2w, C)."""
    quarters = tf.split(x, 4, -1)
    total = 0.0
    for quarter, (i, j) in zip(quarters, ((0, 0), (0, 1), (1, 0), (1, 1)), strict=True):
        total += tf.pad(quarter, [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]])
    return tf.nn.depth_to_space(total, 2)[:, 1:-1, 1:-1]


def _balance(a, b):
    """Return sqrt(a / b) clipped to [0.1, 10]; 10 where b is 0."""
    return tf.clip_by_value(tf.sqrt(a / b), 0.1, 10.0)
