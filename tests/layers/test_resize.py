"""Bilinear resizing: sample positions, read off a linear ramp. Nearest: against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.layers.resize import Downscale, NearestUpsampling, ResizeLike


def line(size):
    return np.arange(size, dtype=np.float32).reshape(1, 1, size, 1)


def reference(width):
    return np.zeros((1, 1, width, 1), np.float32)


def test_align_corners():
    found = ResizeLike(align_corners=True)([line(3), reference(5)])
    np.testing.assert_allclose(found[0, 0, :, 0], [0, 0.5, 1, 1.5, 2], atol=1e-6)


def test_half_pixel_centres():
    found = ResizeLike()([line(3), reference(6)])
    np.testing.assert_allclose(found[0, 0, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2], atol=1e-6)
    # by four: only the middle two of each four
    found = ResizeLike()([line(8), reference(2)])
    np.testing.assert_allclose(found[0, 0, :, 0], [1.5, 5.5], atol=1e-6)


@pytest.mark.parametrize("fixed", [True, False])
def test_downscale_floors_the_size(fixed):
    image = keras.Input((*((9, 13) if fixed else (None, None)), 2))
    model = keras.Model(image, Downscale(0.25)(image))
    assert model(np.zeros((1, 9, 13, 2), np.float32)).shape == (1, 2, 3, 2)


def test_save_and_load(tmp_path):
    image = keras.Input((8, 8, 1))
    small = Downscale(0.5)(image)
    model = keras.Model(image, ResizeLike(align_corners=True)([small, image]))
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x), model(x))
    assert again.layers[-1].align_corners


@pytest.mark.parametrize("factor", [2, 4, (2, 1)])
def test_nearest_upsampling_and_its_gradient_are_those_of_keras(factor):
    x = tf.random.stateless_normal((2, 3, 5, 4), (0, 1))
    theirs = keras.layers.UpSampling2D(factor)
    upstream = tf.random.stateless_normal(theirs(x).shape, (0, 2))

    def results(layer):
        graph = tf.function(lambda x, dy: (layer(x), *tf.gradients(layer(x), x, dy)))
        concrete = graph.get_concrete_function(x, upstream)
        return concrete(x, upstream), {node.type for node in concrete.graph.get_operations()}

    (found, gradient), operations = results(NearestUpsampling(factor))
    (expected, expected_gradient), _ = results(theirs)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-6)
    assert "ResizeNearestNeighborGrad" not in operations


def test_small_half_precision_gradients_of_large_blocks_survive():
    upstream = tf.constant(1e-6, tf.float16, (1, 16, 16, 1))
    found = NearestUpsampling(16)._summed(upstream)
    np.testing.assert_allclose(found, 256e-6, rtol=0.1)
