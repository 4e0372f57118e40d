"""Refining only some cells of a map: choosing them, cutting patches around them, putting them back.

A cell is one pixel of an error map of a quarter of the size. Cells are rows (batch, row, column).
With a fixed size and `SampleCells` all shapes are static in inference, and all operations TFLite
builtins.
"""

import tensorflow as tf
from tensorflow import keras

CELL = 4  # pixels of the full map


@keras.utils.register_keras_serializable("keras_matting")
class SampleCells(keras.layers.Layer):
    """error (B, h, w, 1) -> cells (B*count, 3) int32 and keep (B*count, 1): those of largest error.

    Of every image `count` cells, or all it has. `keep` is 0 where the error is 0, else 1. In
    training there are no rows for cells of error 0, which batch norms must not see.
    """

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, error, training=None):
        batch, height, width = tf.unstack(tf.shape(error)[:3])
        fixed = None not in error.shape[1:3]
        known = error.shape[1] * error.shape[2] if fixed else height * width
        count = min(self.count, known) if fixed else tf.minimum(self.count, known)
        largest, index = tf.math.top_k(tf.reshape(error, (batch, known)), count, sorted=False)
        image = tf.broadcast_to(tf.range(batch)[:, None], tf.shape(index))
        cells = tf.stack([image, index // width, index % width], -1)
        cells = tf.reshape(cells, (-1, 3))
        keep = tf.reshape(tf.cast(largest > 0, error.dtype), (-1, 1))
        if training:
            kept = keep[:, 0] > 0
            cells, keep = tf.boolean_mask(cells, kept), tf.boolean_mask(keep, kept)
        return cells, keep

    def get_config(self):
        return super().get_config() | dict(count=self.count)


@keras.utils.register_keras_serializable("keras_matting")
class ThresholdCells(keras.layers.Layer):
    """error (B, h, w, 1) -> cells (N, 3) int32 and keep (N, 1), all 1: error above `threshold`."""

    def __init__(self, threshold, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold

    def call(self, error):
        cells = tf.cast(tf.where(error[..., 0] > self.threshold), tf.int32)
        return cells, tf.ones_like(cells[:, :1], error.dtype)

    def get_config(self):
        return super().get_config() | dict(threshold=self.threshold)


@keras.utils.register_keras_serializable("keras_matting")
class CutPatches(keras.layers.Layer):
    """[x (B, H, W, C), cells (N, 3)] -> (N, size, size, C), from `stride` x (row, column) on."""

    def __init__(self, size, stride, **kwargs):
        super().__init__(**kwargs)
        self.size, self.stride = size, stride

    def call(self, inputs):
        x, cells = inputs
        height, width = tf.unstack(tf.shape(x)[1:3])
        image, row, column = tf.unstack(cells[:, :, None, None], axis=1)
        row = self.stride * row + tf.range(self.size)[:, None]
        column = self.stride * column + tf.range(self.size)
        pixels = tf.reshape(x, (-1, x.shape[-1]))
        return tf.gather(pixels, (image * height + row) * width + column)

    def get_config(self):
        return super().get_config() | dict(size=self.size, stride=self.stride)


@keras.utils.register_keras_serializable("keras_matting")
class PatchBatchNorm(keras.layers.BatchNormalization):
    """Batch normalisation of patches (N, h, w, C), whose N may be 0: then training learns nothing.

    The variance of no values is not a number, and would stay in the running one.
    """

    def call(self, x, training=None):
        normalise = super().call
        if not training:
            return normalise(x, training=False)
        return tf.cond(
            tf.shape(x)[0] > 0,
            lambda: normalise(x, training=True),
            lambda: normalise(x, training=False),
        )


@keras.utils.register_keras_serializable("keras_matting")
class PastePatches(keras.layers.Layer):
    """[x (B, H, W, C), cells (N, 3), keep (N, 1), patches (N, 4, 4, C)] -> x with patches in it.

    Also returns where (B, H/4, W/4, 1): 1 for cells that were replaced; those of keep 0 are not.
    """

    def call(self, inputs):
        x, cells, keep, patches = inputs
        channels = CELL * CELL * x.shape[-1]
        blocks = tf.nn.space_to_depth(x, CELL)
        shape = tf.shape(blocks)
        patches = tf.reshape(patches, (-1, channels)) * keep
        where = tf.scatter_nd(cells, keep, tf.concat([shape[:3], [1]], 0))
        patches = tf.scatter_nd(cells, patches, shape)
        blocks = tf.where(where > 0, patches, blocks)
        return tf.nn.depth_to_space(blocks, CELL), where
