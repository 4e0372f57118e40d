"""Random numbers of a sample, and what happens with a probability.

An operation is a factory of a dict -> dict function, the same in eager mode and in tf.data. A
sample holds (h, w, c) tensors under image, alpha, trimap, foreground and background, and under
"seed" the int32 (2,) from which every random operation draws. An operation mixes its own name and
key into that seed, so its draw depends neither on the order of operations nor on what else is in
the list. The same operation used twice on the same key draws the same numbers.
"""

import zlib

import tensorflow as tf


def draw(sample, name, count):
    """`count` uniform numbers in [0, 1), a function of sample["seed"] and `name` alone."""
    return tf.random.stateless_uniform([count], op_seed(sample, name))


def op_seed(sample, name):
    """int32 (2,) seed for the op called `name`, independent of every other op's."""
    salt = zlib.crc32(name.encode()) & 0x7FFFFFFF
    return tf.random.experimental.stateless_fold_in(sample["seed"], salt)


def between(low, high, uniform):
    """Maps [0, 1) to [low, high)."""
    return low + (high - low) * uniform


def sometimes(condition, function, picture):
    """function(picture) where `condition` holds, else the picture."""
    return tf.ensure_shape(
        tf.cond(condition, lambda: function(picture), lambda: picture), picture.shape
    )
