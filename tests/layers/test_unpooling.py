"""Pooling with positions: the first of equal values in reading order wins."""

import numpy as np
import tensorflow as tf

from keras_matting.layers.unpooling import PoolWithPositions, Unpool


def pool_and_unpool(x):
    pooled, positions = PoolWithPositions()(tf.constant(x, tf.float32))
    return pooled.numpy(), Unpool()([pooled, positions]).numpy()


def test_the_first_wins_every_tie():
    # all 3^4 windows with values 0, 1 and 2
    windows = np.stack(np.meshgrid(*[[0, 1, 2]] * 4, indexing="ij"), -1).reshape(-1, 2, 2, 1)
    pooled, unpooled = pool_and_unpool(windows)
    for window, maximum, found in zip(windows, pooled, unpooled, strict=True):
        expected = np.zeros(4)
        expected[window.ravel().argmax()] = window.max()
        assert maximum.item() == window.max()
        np.testing.assert_array_equal(found.ravel(), expected)


def test_channels_and_windows_are_independent():
    x = np.random.default_rng(0).normal(size=(2, 6, 8, 5)).astype(np.float32)
    pooled, unpooled = pool_and_unpool(x)
    np.testing.assert_array_equal(pooled, tf.nn.max_pool2d(x, 2, 2, "VALID"))
    kept = unpooled != 0
    assert kept.sum() == pooled.size
    np.testing.assert_array_equal(unpooled[kept], x[kept])


def test_only_the_first_of_equals_receives_the_gradient():
    x = tf.Variable([[[[0.0], [3.0]], [[3.0], [3.0]]]])
    with tf.GradientTape() as tape:
        pooled, _ = PoolWithPositions()(x)
    np.testing.assert_array_equal(tape.gradient(pooled, x)[0, ..., 0], [[0, 1], [0, 0]])
