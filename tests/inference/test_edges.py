"""The guided filter: values that the Android app is tested with, and what it is for."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_matting.inference.edges import enlarge_along_edges

FIXTURES = Path(__file__).parents[2] / "android_demo/desktop/tests/fixtures"


def fixture(name):
    (path,) = FIXTURES.glob(f"{name}.*.bin")
    kind, shape = path.name.split(".")[1:3]
    values = np.fromfile(path, {"u8": np.uint8, "f32": "<f4"}[kind])
    return values.reshape([int(side) for side in shape.split("x")])


@pytest.mark.parametrize("scale", [1, np.float32(1 / 255)])  # bytes, or floats in [0, 1]
def test_it_gives_the_numbers_of_the_app(scale):
    picture, guide = fixture("picture") * scale, fixture("guide") * scale
    found = enlarge_along_edges(fixture("guide_alpha"), picture, guide)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, fixture("refined"), atol=1e-4)


def test_a_blurred_matte_gets_the_edge_of_the_photograph():
    alpha = np.zeros((300, 400), np.float32)
    cv2.ellipse(alpha, (200, 150), (120, 90), 20, 0, 360, 1.0, -1)
    image = np.where(alpha[..., None] > 0, [200, 150, 120], [40, 60, 130]).astype(np.uint8)
    small = cv2.resize(alpha, (50, 38), interpolation=cv2.INTER_AREA)

    def error(found):
        return np.abs(found - alpha).mean()

    plain = cv2.resize(small, (400, 300), interpolation=cv2.INTER_LINEAR)
    assert error(enlarge_along_edges(small, image)) < 0.2 * error(plain)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (31, 7)])
def test_any_size(size):
    small = np.full([-(-side // 3) for side in size], 0.25, np.float32)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_allclose(enlarge_along_edges(small, image), np.full(size, 0.25), atol=1e-6)
