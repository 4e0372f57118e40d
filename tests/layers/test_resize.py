"""Bilinear resizing: sample positions, read off a linear ramp."""

import numpy as np
import pytest
from tensorflow import keras

from keras_matting.layers.resize import Downscale, ResizeLike


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
