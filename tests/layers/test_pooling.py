"""Adaptive average pooling equals its definition, also if bins overlap or outnumber pixels."""

import numpy as np
import pytest
from tensorflow import keras

from keras_matting.layers.pooling import AdaptiveAveragePooling2D


def mean_over_bins(x, bins):
    """Average floor(i n / bins) to ceil((i + 1) n / bins), one bin at a time."""
    _, height, width, _ = x.shape

    def span(i, n):
        return slice(i * n // bins, -(-(i + 1) * n // bins))

    rows = [
        [x[:, span(i, height), span(j, width)].mean((1, 2)) for j in range(bins)]
        for i in range(bins)
    ]
    return np.stack([np.stack(row, 1) for row in rows], 1)


@pytest.mark.parametrize("size", [(5, 7), (2, 3), (1, 1), (15, 10)])
@pytest.mark.parametrize("bins", [1, 3, 5])
@pytest.mark.parametrize("fixed", [True, False])
def test_equals_its_definition(size, bins, fixed):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    image = keras.Input((*(size if fixed else (None, None)), 3))
    model = keras.Model(image, AdaptiveAveragePooling2D(bins)(image))
    np.testing.assert_allclose(model(x), mean_over_bins(x, bins), atol=1e-6)


def test_three_pixels_in_five_bins():
    x = np.float32([1, 2, 4]).reshape(1, 3, 1, 1)
    found = AdaptiveAveragePooling2D(5)(x)[0, :, 0, 0]
    np.testing.assert_allclose(found, [1, 1.5, 2, 3, 4])


def test_save_and_load(tmp_path):
    image = keras.Input((4, 4, 1))
    keras.Model(image, AdaptiveAveragePooling2D(3)(image)).save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").output_shape == (None, 3, 3, 1)
