"""Small separate regions of a matte go; what is connected, or large, stays."""

import numpy as np
import pytest

from keras_matting.inference.islands import without_islands


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
