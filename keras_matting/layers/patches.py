"""Layers for patch refinement: select cells of a map, cut patches around them, paste the results.

A cell is one pixel of an error map at a quarter of the size, given as (batch, row, column). With a
fixed input size and `SampleCells`, all shapes are static in inference and all operations are TFLite
builtins.
"""

import tensorflow as tf
from tensorflow import keras

CELL = 4  # pixels of the full map


@keras.utils.register_keras_serializable("keras_matting")
class SampleCells(keras.layers.Layer):
    """Select the `count` cells with the largest error in each image, or all if there are fewer.

    error (B, h, w, 1) -> cells (B*count, 3) int32, keep (B*count, 1). `keep` is 0 where the error
    is 0, else 1. In training, cells with zero error are dropped: batch norms must not see them.
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
    """Select the cells with an error above `threshold`.

    error (B, h, w, 1) -> cells (N, 3) int32, keep (N, 1), which is all 1.
    """

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
    """Cut a patch per cell, with its upper left corner at `stride` * (row, column).

    [x (B, H, W, C), cells (N, 3)] -> (N, size, size, C).
    """

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
    """Apply batch normalisation to patches (N, h, w, C), where N may be 0.

    The variance of no values is NaN and would never leave the running variance, so an empty batch
    passes unchanged and does not update it.
    """

    def call(self, x, training=None):
        normalise = super().call
        if not training:
            return normalise(x, training=False)
        return tf.cond(tf.shape(x)[0] > 0, lambda: normalise(x, training=True), lambda: x)


@keras.utils.register_keras_serializable("keras_matting")
class PastePatches(keras.layers.Layer):
    """Replace cells of a map by patches.

    [x (B, H, W, C), cells (N, 3), keep (N, 1), patches (N, 4, 4, C)] -> x with its patches, and
    (B, H/4, W/4, 1), which is 1 for replaced cells. Cells with keep 0 are not replaced.
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
