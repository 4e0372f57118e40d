"""Captured backgrounds are aligned with photographs."""

import cv2
import numpy as np
import pytest

from keras_matting.inference import align_background


def scene(seed=0, height=480, width=640):
    """Return a picture full of detail: rectangles of random size and colour, slightly blurred."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, np.uint8)
    for _ in range(300):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        w, h = (int(side) for side in rng.integers(6, 60, 2))
        colour = [int(level) for level in rng.integers(0, 256, 3)]
        cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


MOVE = np.array([[1.02, 0.03, -14.0], [-0.025, 0.99, 9.0], [2e-5, -1e-5, 1.0]])


@pytest.mark.parametrize("scale", [1, 3])  # 3: larger than the size at which features are found
def test_a_moved_background_is_moved_back(scale):
    background = scene()
    image = cv2.warpPerspective(background, MOVE, (640, 480), borderMode=cv2.BORDER_REFLECT)
    if scale > 1:
        image, background = (
            cv2.resize(x, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            for x in (image, background)
        )
    height, width = image.shape[:2]
    cv2.ellipse(image, (width // 2, height), (width // 6, height // 2), 0, 0, 360, (90,) * 3, -1)
    found = align_background(image, background)
    assert found.shape == image.shape and found.dtype == np.uint8
    upper = slice(0, 2 * height // 5)  # above the subject

    def difference(x):
        return np.abs(x[upper].astype(np.float32) - image[upper]).mean()

    assert difference(found) < 0.1 * difference(background)
    middle = 4 * height // 5, width // 2  # behind the subject, the scene is seen
    assert abs(int(found[middle][0]) - 90) > 1 or abs(int(found[middle][1]) - 90) > 1


def test_what_the_background_does_not_show_is_copied_from_the_photograph():
    background = scene()
    image = cv2.warpPerspective(
        background, np.float32([[1, 0, 40], [0, 1, 0], [0, 0, 1]]), (640, 480)
    )
    image[:, :40] = scene(1)[:, :40]
    found = align_background(image, background)
    np.testing.assert_array_equal(found[:, :38], image[:, :38])


@pytest.mark.parametrize(
    "background", [np.full((480, 640, 3), 200, np.uint8), scene(7)], ids=["plain", "another"]
)
def test_a_background_of_another_scene_is_refused(background):
    with pytest.raises(ValueError, match="cannot be aligned .* photograph it again"):
        align_background(scene(), background)
