"""Choosing between values by class, with comparisons and selections, which integer hardware has."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class FuseByClass(keras.layers.Layer):
    """[classes (B, H, W, N), detail (B, H, W, 1)] -> (B, H, W, 1): the value of the largest class.

    `values` has a number for every class, or None where `detail` shall be. Of equal classes the
    first counts. Only detail receives a gradient.
    """

    def __init__(self, values, **kwargs):
        super().__init__(**kwargs)
        self.values = tuple(values)

    def call(self, inputs):
        classes, detail = inputs
        largest, *others = tf.split(classes, len(self.values), -1)
        fused, *values = [detail if value is None else value for value in self.values]
        for value, other in zip(values, others, strict=True):
            fused = tf.where(other > largest, value, fused)
            largest = tf.maximum(largest, other)
        return fused

    def get_config(self):
        return super().get_config() | dict(values=self.values)


@keras.utils.register_keras_serializable("keras_matting")
class TrimapClasses(keras.layers.Layer):
    """trimap (B, H, W, 1) {0, 0.5, 1} -> (B, H, W, C): what stands for each of its three values.

    `background`, `unknown` and `foreground` are C numbers each. 128/255 counts as 0.5.
    """

    def __init__(self, background, unknown, foreground, **kwargs):
        super().__init__(**kwargs)
        self.rows = dict(background=background, unknown=unknown, foreground=foreground)

    def call(self, trimap):
        rows = {name: tf.constant(row, self.compute_dtype) for name, row in self.rows.items()}
        known = tf.where(trimap < 2 / 3, rows["unknown"], rows["foreground"])
        return tf.where(trimap < 1 / 3, rows["background"], known)

    def get_config(self):
        return super().get_config() | self.rows
