"""Selection of values by class, using only comparisons and selects, which integer hardware has."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class FuseByClass(keras.layers.Layer):
    """Return the value of the class with the highest score.

    [classes (B, H, W, N), detail (B, H, W, 1)] -> (B, H, W, 1). `values` has a number per class, or
    None for the class that takes `detail`. The first of equal scores wins. Only detail receives a
    gradient.
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
    """Replace each of a trimap's three values by C numbers.

    trimap (B, H, W, 1) {0, 0.5, 1} -> (B, H, W, C). `background`, `unknown` and `foreground` are
    lists of C numbers. 128/255 counts as 0.5.
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
