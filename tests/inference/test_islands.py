"""Small separate regions of a matte go; what is connected, or large, stays."""

import numpy as np
import pytest

from keras_matting.inference.islands import without_holes, without_islands


@pytest.mark.parametrize("enlarged", [1, 12])
def test_an_island_goes_and_a_hair_and_a_second_person_stay(enlarged):
    alpha = np.zeros((120, 160), np.float32)
    alpha[20:110, 20:70] = 1.0
    alpha[10:20, 40] = 0.2  # a hair
    alpha[40:100, 100:130] = 0.9
    expected = alpha.copy()
    alpha[5:9, 140:146] = 0.8
    alpha, expected = (x.repeat(enlarged, 0).repeat(enlarged, 1) for x in (alpha, expected))
    np.testing.assert_array_equal(without_islands(alpha), expected)
    np.testing.assert_array_equal(without_islands(expected), expected)


def test_a_matte_without_regions_stays():
    assert (without_islands(np.full((8, 8), 0.01, np.float32)) == np.float32(0.01)).all()


@pytest.mark.parametrize("scale", [1, 12])
def test_small_holes_are_filled_and_larger_ones_and_gaps_at_the_border_stay(scale):
    alpha = np.zeros((100, 120), np.float32)
    alpha[10:100, 10:110] = 1.0
    alpha[30:36, 30:36] = 0.2  # an eye
    alpha[28:38, 36] = 0.7 if scale == 1 else 1.0  # its rim
    alpha[60:80, 60:80] = 0.0  # between arm and body
    alpha[97:100, 50:54] = 0.0  # between the feet
    expected = alpha.copy()
    expected[28:38, 30:37] = 1.0
    enlarged, expected = (
        np.kron(x, np.ones((scale, scale), np.float32)) for x in (alpha, expected)
    )
    np.testing.assert_array_equal(without_holes(enlarged), expected)
    np.testing.assert_array_equal(without_holes(expected), expected)
