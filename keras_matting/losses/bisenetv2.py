"""Cross entropy over the hardest pixels (OHEM) for BiSeNetV2's main and booster heads."""

import math

import tensorflow as tf

IGNORED = 255
OUTPUTS = ("semantic", "auxiliary2", "auxiliary3", "auxiliary4", "auxiliary5")


def targets(sample):
    """Turn a composition sample (or batch) into ({"image"}, {output: y_true}).

    The class is 1 where alpha is at least 0.5, else 0. A sample without alpha has "labels": class
    numbers, or 255 where none applies.
    """
    alpha = sample.get("alpha")
    labels = tf.cast(alpha >= 0.5, tf.int32) if alpha is not None else sample["labels"]
    truth = dict.fromkeys(OUTPUTS, labels)
    return {"image": sample["image"]}, truth if alpha is None else truth | {"alpha": alpha}


def ohem_cross_entropy(labels, logits, threshold=0.7, least=16):
    """Return the mean cross entropy over the hard pixels of the whole batch, as a scalar.

    labels (B, H, W, 1): class numbers, 255 for ignored pixels; logits (B, H, W, C). A pixel is hard
    if the network gives its class a probability below `threshold`. If fewer than one in `least`
    labelled pixels are hard, that many of the hardest are used instead. Follows the released code
    (CoinCheung/BiSeNet).
    """
    labels = tf.cast(tf.reshape(labels, [-1]), tf.int32)
    logits = tf.reshape(logits, [-1, logits.shape[-1]])
    counts = labels != IGNORED
    safe = tf.where(counts, labels, 0)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(safe, logits)
    loss = tf.where(counts, loss, 0.0)
    fewest = tf.reduce_sum(tf.cast(counts, tf.int32)) // least
    hard = loss > -math.log(threshold)
    number = tf.reduce_sum(tf.cast(hard, tf.int32))
    if_many = tf.math.divide_no_nan(
        tf.reduce_sum(tf.where(hard, loss, 0.0)), tf.cast(number, tf.float32)
    )
    if_few = tf.math.divide_no_nan(
        tf.reduce_sum(tf.math.top_k(loss, fewest).values), tf.cast(fewest, tf.float32)
    )
    return tf.where(number < fewest, if_few, if_many)
