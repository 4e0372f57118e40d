"""Spectrally normalised convolutions against Miyato et al. 2018, algorithm 1."""

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.layers.spectral_norm import SpectralConv2D, SpectralConv2DTranspose

LAYERS = {"conv": lambda: SpectralConv2D(6, 3), "transposed": lambda: SpectralConv2DTranspose(6, 4)}


@pytest.fixture(params=LAYERS)
def layer(request):
    tf.keras.utils.set_random_seed(1)
    layer = LAYERS[request.param]()
    layer.build((None, 8, 8, 4))
    return layer


def matrix(layer):
    """Reshape to a row per last axis: output channels, or input channels if transposed."""
    kernel = layer.kernel.numpy().astype(np.float64)
    rows = 4 if isinstance(layer, SpectralConv2DTranspose) else 6
    assert kernel.shape[-1] == rows
    return np.moveaxis(kernel, (3, 2), (0, 1)).reshape(rows, -1)


def unit(x):
    return x / np.linalg.norm(x)


def test_a_training_step_iterates_once_and_inference_never(layer):
    x = tf.ones((1, 8, 8, 4))
    u = layer.u.numpy()
    layer(x)
    layer(x, training=False)
    np.testing.assert_array_equal(layer.u, u)
    layer(x, training=True)
    v = unit(matrix(layer).T @ u)
    np.testing.assert_allclose(layer.v, v, atol=1e-6)
    np.testing.assert_allclose(layer.u, unit(matrix(layer) @ v), atol=1e-6)


def test_inference_divides_by_sigma_of_the_stored_vectors(layer):
    sigma = layer.u.numpy() @ matrix(layer) @ layer.v.numpy()
    expected = layer.kernel.numpy() / sigma
    found = layer.normalised_kernel(training=False).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_after_many_steps_the_largest_singular_value_is_one(layer):
    for _ in range(300):
        layer.normalised_kernel(training=True)
    values = np.linalg.svd(matrix(layer), compute_uv=False)
    found = layer.normalised_kernel(training=False).numpy()
    np.testing.assert_allclose(found, layer.kernel.numpy() / values[0], rtol=1e-4)


def test_the_vectors_are_constants_for_the_gradient(layer):
    weights = np.random.default_rng(0).normal(size=layer.kernel.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer.normalised_kernel(training=True) * weights)
    assert [variable.name.split("/")[-1] for variable in layer.trainable_weights] == ["kernel:0"]
    found = tape.gradient(loss, layer.kernel).numpy()
    # gradient of W / sigma, where sigma = u . (W v) and dsigma/dW = u v^T
    w, u, v = matrix(layer), layer.u.numpy(), layer.v.numpy()
    c = np.moveaxis(weights, (3, 2), (0, 1)).reshape(w.shape)
    sigma = u @ w @ v
    expected = c / sigma - (c * w).sum() / sigma**2 * np.outer(u, v)
    found = np.moveaxis(found, (3, 2), (0, 1)).reshape(w.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
