"""Foreground colours against composites whose foreground is known."""

import numpy as np
import pytest

from keras_matting.data import synthetic
from keras_matting.inference import foreground_colours


def composite(foreground, alpha, background):
    opacity = alpha[..., None] / 255.0
    return np.rint(opacity * foreground + (1.0 - opacity) * background).astype(np.uint8)


def ramp(height=40, width=60):
    """Return an alpha with 0 on the left, 255 on the right and all levels between."""
    row = np.clip(np.linspace(-1.0, 2.0, width), 0.0, 1.0)
    return np.tile(np.rint(255.0 * row).astype(np.uint8), (height, 1))


def test_plain_colours_are_recovered():
    alpha, foreground = ramp(), np.uint8([200, 30, 90])
    image = composite(foreground, alpha, np.uint8([10, 160, 250]))
    found = foreground_colours(image, alpha)
    assert np.abs(found[alpha > 0] - np.int32(foreground)).max() <= 8


@pytest.mark.parametrize("size", [256, 900])  # 900 is estimated at half the size
@pytest.mark.parametrize("seed", [0, 1])
def test_the_error_is_less_than_half_of_the_photographs(size, seed):
    foreground, alpha = synthetic.draw_foreground((5, seed), size, size)
    alpha = alpha[..., 0]
    image = composite(foreground, alpha, synthetic.draw_background((6, seed), size, size))
    soft = (alpha > 0) & (alpha < 255)

    def error(colours):
        difference = np.abs(colours[soft].astype(np.int32) - foreground[soft]).mean(-1)
        return np.average(difference, weights=alpha[soft])

    assert error(foreground_colours(image, alpha)) < 0.5 * error(image)


def test_solid_pixels_are_kept_and_the_background_is_removed():
    image = np.random.default_rng(0).integers(1, 256, (40, 60, 3), np.uint8)
    alpha = ramp()
    found = foreground_colours(image, alpha)
    np.testing.assert_array_equal(found[alpha == 255], image[alpha == 255])
    columns = np.flatnonzero(alpha[0] == 0)
    assert not found[:, columns[:-1]].any() and found[:, columns[-1]].any()


def test_sixteen_bits_and_float_alphas_give_the_same_colours():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    expected = foreground_colours(image, ramp())
    found = foreground_colours(image.astype(np.uint16) * 257, ramp() / np.float32(255))
    assert found.dtype == np.uint16
    assert np.abs(found / 257 - expected).max() < 0.51


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 3), (1001, 35)])
def test_any_size(size):
    image = np.full((*size, 3), 90, np.uint8)
    found = foreground_colours(image, np.full(size, 128, np.uint8))
    assert np.abs(found - np.int32(image)).max() <= 1


@pytest.mark.parametrize(
    ("image", "alpha", "message"),
    [
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8), "uint8 of shape"),
        (np.zeros((4, 5, 3)), np.zeros((4, 5), np.uint8), "float64 of shape"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8), "alpha has shape"),
    ],
)
def test_other_shapes_and_types_are_refused(image, alpha, message):
    with pytest.raises(ValueError, match=message):
        foreground_colours(image, alpha)
