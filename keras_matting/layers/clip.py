"""An output that is cut to [0, 1] in inference, but not where a loss looks at it."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class InferenceClip(keras.layers.Layer):
    """x, in inference clipped to [0, 1]."""

    def call(self, x, training=None):
        return x if training else tf.clip_by_value(x, 0.0, 1.0)
