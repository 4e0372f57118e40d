"""Clipping that applies in inference only, so that losses see the raw output."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class InferenceClip(keras.layers.Layer):
    """Clip x to [0, 1] in inference; return it unchanged in training."""

    def call(self, x, training=None):
        return x if training else tf.clip_by_value(x, 0.0, 1.0)
