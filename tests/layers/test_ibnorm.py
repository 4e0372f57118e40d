"""IBNorm against hand-computed values: batch statistics for one half, per image for the other."""

import numpy as np
from tensorflow import keras

from keras_matting.layers.ibnorm import IBNorm


def test_both_halves():
    x = np.random.default_rng(0).normal(2.0, 3.0, (2, 5, 7, 5)).astype(np.float32)
    norm = IBNorm()
    y = norm(x, training=True).numpy()
    batch, instance = x[..., :2], x[..., 2:]
    expected = (batch - batch.mean((0, 1, 2))) / np.sqrt(batch.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(y[..., :2], expected, atol=1e-5)
    mean, variance = (f(instance, (1, 2), keepdims=True) for f in (np.mean, np.var))
    expected = (instance - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(y[..., 2:], expected, atol=1e-5)
    # PyTorch's running statistics: 0.9 old + 0.1 new, with unbiased variance
    running = 0.9 + 0.1 * batch.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(norm.batch_norm.moving_variance, running, rtol=1e-5)


def test_inference_uses_running_statistics_for_the_first_half_only():
    x = np.random.default_rng(1).normal(2.0, 3.0, (1, 4, 4, 4)).astype(np.float32)
    y = IBNorm()(x, training=False).numpy()
    np.testing.assert_allclose(y[..., :2], x[..., :2] / np.sqrt(1 + 1e-5), rtol=1e-6)
    np.testing.assert_allclose(y[..., 2:].mean((1, 2)), 0.0, atol=1e-6)


def test_a_frozen_layer_keeps_its_running_statistics():
    norm = IBNorm()
    norm.trainable = False
    norm(np.ones((2, 4, 4, 4), np.float32) * 5, training=True)
    np.testing.assert_array_equal(norm.batch_norm.moving_mean, 0.0)


def test_half_precision_statistics_do_not_overflow():
    x = np.full((1, 64, 64, 2), 60000.0, np.float16)
    x[0, ::2] = 50000.0  # squares overflow float16
    y = IBNorm(dtype=keras.mixed_precision.Policy("mixed_float16"))(x).numpy()
    np.testing.assert_allclose(np.abs(y[..., 1]), 1.0, atol=1e-2)
