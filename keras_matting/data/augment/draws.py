"""Random numbers for augmentation, drawn from a sample's seed.

An operation is a factory that returns a dict -> dict function, which works the same in eager mode
and in tf.data. A sample has (h, w, c) tensors under image, alpha, trimap, foreground and
background, and an int32 (2,) under "seed", from which every random operation draws. An operation
mixes its own name and key into that seed, so its numbers depend neither on the order nor on the
choice of the other operations. Using the same operation twice on the same key draws the same
numbers.
"""

import zlib

import tensorflow as tf


def draw(sample, name, count):
    """Draw `count` uniform numbers in [0, 1), which depend only on sample["seed"] and `name`."""
    return tf.random.stateless_uniform([count], op_seed(sample, name))


def op_seed(sample, name):
    """Return an int32 (2,) seed for operation `name`, independent of those of other operations."""
    salt = zlib.crc32(name.encode()) & 0x7FFFFFFF
    return tf.random.experimental.stateless_fold_in(sample["seed"], salt)


def between(low, high, uniform):
    """Map [0, 1) to [low, high)."""
    return low + (high - low) * uniform


def sometimes(condition, function, picture):
    """Return function(picture) if `condition` is true, else the picture."""
    return tf.ensure_shape(
        tf.cond(condition, lambda: function(picture), lambda: picture), picture.shape
    )
