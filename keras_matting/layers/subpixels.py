"""Maps of half size whose channels are the pixels of 2x2 blocks."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class DepthToSpace(keras.layers.Layer):
    """Place every four channels in a 2x2 block: (B, h, w, 4C) -> (B, 2h, 2w, C).

    Channels 4c to 4c + 3 are the upper left, upper right, lower left and lower right pixels of map
    c, so that splitting the channels separates the maps. `tf.nn.depth_to_space` has another order.
    """

    def call(self, x):
        maps = tf.split(x, x.shape[-1] // 4, -1)
        maps = [tf.nn.depth_to_space(pixels, 2) for pixels in maps]
        return maps[0] if len(maps) == 1 else tf.concat(maps, -1)
