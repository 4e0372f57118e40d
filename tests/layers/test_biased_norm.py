"""Running statistics of the biased norm by hand, and those of Keras' layer without its kernel."""

import numpy as np
import pytest
from tensorflow import keras

from keras_matting.layers.biased_norm import BatchNormalization


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 1, 1, 4)])
def test_the_running_variance_averages_the_biased_one(shape):
    x = np.random.default_rng(0).normal(2.0, 3.0, shape).astype(np.float32)
    norm, keras_norm = (
        layer(momentum=0.9, fused=fused)
        for layer, fused in ((BatchNormalization, None), (keras.layers.BatchNormalization, False))
    )
    for _ in range(2):
        np.testing.assert_allclose(norm(x, training=True), keras_norm(x, training=True), atol=1e-5)
    running = 0.81 + 0.19 * x.var((0, 1, 2))
    np.testing.assert_allclose(norm.moving_variance, running, rtol=1e-6)
    np.testing.assert_allclose(keras_norm.moving_variance, running, rtol=1e-6)


def test_a_frozen_layer_keeps_its_running_variance():
    norm = BatchNormalization()
    norm.trainable = False
    norm(np.full((2, 4, 4, 3), 5.0, np.float32), training=True)
    np.testing.assert_array_equal(norm.moving_variance, 1.0)
