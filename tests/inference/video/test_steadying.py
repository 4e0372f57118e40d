"""The temporal filters: hand-computed values, and those that the Android app is tested with."""

from pathlib import Path

import numpy as np
import pytest

from keras_matting.inference.video.steadying import (
    movement,
    one_frame_delay,
    smoothed,
    smoothed_frames,
    steadied,
)

FIXTURES = Path(__file__).parents[3] / "android_demo/desktop/tests/fixtures"


def fixture(name):
    (path,) = FIXTURES.glob(f"{name}.f32.*.bin")
    shape = [int(side) for side in path.name.split(".")[2].split("x")]
    return np.fromfile(path, "<f4").reshape(shape)


def test_smoothing_gives_the_numbers_of_the_app():
    frames, expected = fixture("flicker"), fixture("smoothed")
    np.testing.assert_allclose(list(smoothed_frames(frames)), expected, atol=1e-6)


def test_smoothing_damps_flicker_and_follows_motion():
    before, now = np.float32([[0.5, 0.0]]), np.float32([[0.6, 1.0]])
    found = smoothed(before, now, still=0.25, motion=0.5)
    np.testing.assert_allclose(found, [[0.5 + (0.25 + 0.75 * 0.2) * 0.1, 1.0]], atol=1e-6)


@pytest.mark.parametrize(
    ("before", "now", "after", "expected"),
    [
        (0.9, 0.5, 0.94, 0.92),  # a flicker
        (0.0, 1.0, 0.05, 0.025),
        (0.9, 0.82, 0.94, 0.82),  # close to one neighbour
        (0.2, 0.5, 0.8, 0.5),  # motion: the neighbours differ
        (1.0, 1.0, 0.0, 1.0),
    ],
)
def test_one_frame_delay(before, now, after, expected):
    alphas = [np.float32([[alpha]]) for alpha in (before, now, after)]
    assert one_frame_delay(*alphas)[0, 0] == pytest.approx(expected, abs=1e-6)


def still(count):
    """Return `count` pictures of the same scene, with the grain of a camera."""
    rng = np.random.default_rng(0)
    return np.rint(128 + rng.normal(0, 4, (count, 32, 32, 3))).astype(np.uint8)


def steady(images, levels):
    """Return the steadied levels in the middle of alphas that are the same everywhere."""
    alphas = [np.full((32, 32), level, np.float32) for level in levels]
    return [float(alpha[16, 16]) for alpha in steadied(zip(images, alphas, strict=True))]


def test_a_video_keeps_its_number_of_frames():
    for count in range(4):
        assert steady(still(count), [0.5] * count) == [0.5] * count


def test_both_filters_in_order():
    """The spike is removed first, so that smoothing does not smear it over later frames."""
    found = steady(still(5), [0.0, 0.0, 1.0, 0.0, 0.1])
    moved = float(movement(*still(5)[3:])[16, 16])
    share = max(0.3 + 0.7 * 0.1 / 0.35, moved)
    assert found == pytest.approx([0, 0, 0, 0, share * 0.1], abs=1e-6)


def test_grain_is_no_movement_but_an_edge_that_moves_is():
    images = still(2)
    assert movement(*images).max() < 0.5
    images[1, 10:16, 10:16] += 60
    moved = movement(*images)
    assert moved[8:18, 8:18].min() == 1 and moved[:, 24:].max() < 0.5


def test_a_matte_follows_a_picture_that_moves():
    images, levels = still(3), [0.5, 0.5, 0.6]
    assert steady(images, levels)[2] == pytest.approx(0.5 + 0.5 * 0.1, abs=1e-6)
    images[2] += 60
    assert steady(images, levels)[2] == pytest.approx(0.6, abs=1e-6)
