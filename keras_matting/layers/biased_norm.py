"""Batch normalisation whose running variance is biased, as in Paddle."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer with a running variance that averages the biased batch variance.

    Keras does that without its fused kernel, in ten times as many operations, which take minutes to
    trace in a network with hundreds of norms. Here the fused kernel runs, and the running variance
    is corrected. The class has Keras' name because weights files are keyed by it.
    """

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs, training=None):
        if not (training and self.trainable and self.fused):
            return super().call(inputs, training=training)
        kept = self.momentum * self.moving_variance
        outputs = super().call(inputs, training=training)
        count = inputs.shape.num_elements()
        if count is None:
            count = tf.cast(tf.size(inputs), tf.float32)
        biased = 1.0 - self.moving_variance.shape[0] / count
        self.moving_variance.assign(kept + biased * (self.moving_variance - kept))
        return outputs
