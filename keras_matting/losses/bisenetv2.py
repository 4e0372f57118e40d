"""Cross entropy over the hardest pixels (OHEM), for BiSeNetV2's main and booster heads."""

import math

import tensorflow as tf

IGNORED = 255
OUTPUTS = ("semantic", "auxiliary2", "auxiliary3", "auxiliary4", "auxiliary5")


def targets(sample):
    """A composition sample (or batch) -> ({"image"}, y_true per output): figure 1, background 0.

    A sample with "labels" (class numbers, 255 for none) keeps those.
    """
    alpha = sample.get("alpha")
    labels = tf.cast(alpha >= 0.5, tf.int32) if alpha is not None else sample["labels"]
    truth = dict.fromkeys(OUTPUTS, labels)
    return {"image": sample["image"]}, truth if alpha is None else truth | {"alpha": alpha}


def ohem_cross_entropy(labels, logits, threshold=0.7, least=16):
    """Mean cross entropy of the hard pixels of the whole batch; a scalar.

    labels (B, H, W, 1) class numbers, 255 where none counts; logits (B, H, W, C). Hard are pixels
    to whose class the network gives less than `threshold`; if they are fewer than one in `least` of
    all that count, the hardest of those are taken instead. The released code (CoinCheung/BiSeNet).
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
