"""Backgrounds by name, and the blur that the Android app has."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_matting.inference.backgrounds import background_of, blurred, compose, cover

FIXTURES = Path(__file__).parents[2] / "android_demo/desktop/tests/fixtures"


def fixture(name, dtype, *shape):
    (path,) = FIXTURES.glob(f"{name}.*.bin")
    return np.fromfile(path, dtype).reshape(shape)


@pytest.fixture(scope="module")
def picture():
    return fixture("picture", np.uint8, 48, 64, 3)


@pytest.fixture(scope="module")
def alpha():
    return fixture("alpha", "<f4", 48, 64)


def test_blur_and_composition_give_the_pixels_of_the_app(picture, alpha):
    expected = fixture("blurred", np.uint8, 48, 64, 3)
    np.testing.assert_allclose(blurred(picture, alpha, 3).astype(int), expected, atol=1)
    background = fixture("background", np.uint8, 48, 64, 3)
    composed = fixture("composed", np.uint8, 48, 64, 3)
    found = compose(picture, alpha, background).astype(int)
    np.testing.assert_allclose(found, composed, atol=1)


def test_colours(picture, alpha):
    for text, colour in (("green", (0, 177, 64)), ("#0a14ff", (10, 20, 255))):
        found = background_of(text, 2, 3)(picture, alpha)
        np.testing.assert_array_equal(found, np.broadcast_to(np.uint8(colour), (2, 3, 3)))


def test_blur_hides_the_foreground(alpha):
    inside = (alpha > 0).astype(np.float32)
    image = np.where(inside[..., None] > 0, np.uint8(255), np.uint8(90)).repeat(3, 2)
    found = background_of("blur", 48, 64)(image, inside)
    assert found.shape == (48, 64, 3)
    assert np.abs(found[inside == 0].astype(int) - 90).max() <= 2


def test_a_picture_is_cropped_to_the_shape(tmp_path, picture, alpha):
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 15:25] = 200
    cv2.imwrite(str(tmp_path / "room.png"), wide)
    found = background_of(str(tmp_path / "room.png"), 20, 20)(picture, alpha)
    assert found.shape == (20, 20, 3) and found.min() == 200
    assert cover(wide, 5, 20).shape == (5, 20, 3)


@pytest.mark.parametrize("text", ["purpel", "#12345", "#12345g", "none.png"])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match=f"{text} is no colour .*green.* blur or picture"):
        background_of(text, 2, 2)
