"""Batch norms over the batch of all replicas."""

import tensorflow as tf
from tensorflow import keras

from keras_matting.layers.patches import PatchBatchNorm


def synchronise(model):
    """Lets every batch norm of a model see the whole batch, under any strategy; returns the model.

    Except the refiner's, whose number of patches differs between replicas. Keras' `synchronized`
    norms take the variance as E(x²) - E(x)², which in float32 is off by 1e-5 of the loss; this one
    subtracts the mean first. The running variance is fed the biased one.
    """
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization) and type(layer) is not PatchBatchNorm:
            layer.fused = False
            layer._calculate_mean_and_var = _moments
    return model


def _moments(x, axes, keep_dims, mask=None):
    """Mean and biased variance over `axes` of all replicas' x, which have one shape."""
    x = tf.cast(x, tf.float32)
    mean = _over_replicas(tf.reduce_mean(x, axes, keepdims=True))
    variance = _over_replicas(tf.reduce_mean(tf.square(x - mean), axes, keepdims=True))
    return (mean, variance) if keep_dims else (tf.squeeze(mean, axes), tf.squeeze(variance, axes))


def _over_replicas(value):
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.MEAN, value)
