"""Batch normalisation over the batch of all replicas."""

import tensorflow as tf
from tensorflow import keras

from keras_matting.layers.patches import PatchBatchNorm


def synchronise(model):
    """Make the batch norms of a model use the batch of all replicas; return the model.

    Norms of BGMv2's refined patches are left out, since their number differs between replicas.
    Keras' `synchronized` norms compute the variance as E(x²) - E(x)², which in float32 changes the
    loss by 1e-5; here the mean is subtracted first. Running variances average the biased variance.
    """
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization) and type(layer) is not PatchBatchNorm:
            layer.fused = False
            layer._calculate_mean_and_var = _moments
    return model


def _moments(x, axes, keep_dims, mask=None):
    """Return mean and biased variance of x over `axes` and replicas, whose x have one shape."""
    x = tf.cast(x, tf.float32)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)
    means, variances = tf.unstack(_of_replicas(tf.stack([mean, variance])))
    mean = tf.reduce_mean(means, 0)
    variance = tf.reduce_mean(variances + tf.square(means - mean), 0)
    return (mean, variance) if keep_dims else (tf.squeeze(mean, axes), tf.squeeze(variance, axes))


def _of_replicas(pair):
    """Gather (2, ...) of every replica as (2, replicas, ...), in one all-reduce."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return pair[:, None]
    ours = tf.one_hot(replica.replica_id_in_sync_group, replica.num_replicas_in_sync)
    ours = tf.reshape(ours, [-1] + [1] * (len(pair.shape) - 1))
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, pair[:, None] * ours)
