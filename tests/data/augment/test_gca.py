"""GCA's augmentation: what a crop shows of two figures and a background, and its colours."""

import colorsys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data import Source, composition
from keras_matting.data.augment import gca

RNG = np.random.default_rng(0)
STILL = dict(scale=(1.0, 1.0), rotation=0.0, shear=0.0, flip=0.0, squash=0.0)
EMPTY = dict(
    second_foreground=np.zeros((1, 1, 3), np.uint8), second_alpha=np.zeros((1, 1, 1), np.uint8)
)


def cut(size, seed, sample, **options):
    sample = {key: tf.constant(value) for key, value in (EMPTY | sample).items()}
    result = gca.random_cut(size, **options)(sample | {"seed": tf.constant([5, seed])})
    assert not [key for key in result if key.startswith("second_")]
    return {key: result[key].numpy() for key in ("foreground", "alpha", "background")}


def ramps(height, width):
    """Whose red is the column and green the row, in steps of two levels; alpha never 0 or 255."""
    ys, xs = np.mgrid[:height, :width]
    colour = np.uint8(np.stack([2 * xs, 2 * ys, 0 * xs + 90], -1))
    return dict(
        foreground=colour, alpha=np.full((height, width, 1), 128, np.uint8), background=colour
    )


def places(picture):
    """(y, x) in pixels that a crop of `ramps` shows."""
    return np.round(picture[..., [1, 0]] * 255 / 2, 3)


def test_unmoved_is_a_window_of_all_three():
    for seed in range(6):
        found = cut(40, seed, ramps(90, 120), **STILL)
        at = places(found["foreground"])
        assert (at == at[0, 0] + np.stack(np.mgrid[:40, :40], -1)).all()
        assert (found["alpha"] == np.float32(128 / 255)).all()
        # of a background as large, the same window, by whatever interpolation
        np.testing.assert_allclose(found["background"], found["foreground"], atol=2e-6)


def test_scaled_mirrored_turned_and_sheared_within_the_ranges():
    across, turns, mirrored = [], [], 0
    for seed in range(60):
        at = places(cut(41, seed, ramps(120, 120), squash=0.0)["foreground"])
        shown = np.pad(at.min(-1) > 0, 0) & (at.max(-1) < 119)
        ys, xs = np.nonzero(shown)
        (y, x), *_ = np.linalg.lstsq(np.stack([ys, xs], 1) - [ys.mean(), xs.mean()],
                                     at[shown] - at[shown].mean(0), rcond=None)  # fmt: skip
        across.append(np.hypot(*x) if abs(x[1]) > abs(x[0]) else np.nan)
        turns.append(np.degrees(np.arctan2(y[1] * np.sign(y[0]), abs(y[0]))))
        mirrored += x[1] < 0
    assert 15 <= mirrored <= 45
    assert 0.7 < np.nanmin(across) < 0.9 and 1.1 < np.nanmax(across) < 1.5
    assert min(turns) < -15 and max(turns) > 15


def test_a_small_picture_is_enlarged_and_not_turned():
    for seed in range(4):
        at = places(cut(64, seed, ramps(60, 50), **STILL | dict(rotation=30.0))["foreground"])
        assert (np.abs(np.diff(at[..., 0], axis=1)) < 1e-3).all()  # rows stay rows
        extent = at[-1, -1] - at[0, 0]
        np.testing.assert_allclose(extent, 63 / 70 * 50, atol=1.6)  # 1.1 * 64 for 50 pixels


def test_a_squashed_picture_fills_a_square_of_one_and_a_quarter_crops():
    for seed in range(4):
        found = cut(40, seed, ramps(60, 120), **STILL | dict(squash=1.0))
        extent = places(found["foreground"])[-1, -1] - places(found["foreground"])[0, 0]
        np.testing.assert_allclose(extent, [39 / 50 * 60, 39 / 50 * 120], atol=2.5)


def test_the_crop_lies_about_an_unknown_pixel():
    sample = ramps(200, 240)
    sample["alpha"] = np.zeros_like(sample["alpha"])
    sample["alpha"][80:90, 60:65] = 255  # no fraction, but an edge
    for seed in range(8):
        found = cut(32, seed, sample, **STILL)
        y, x = places(found["foreground"]).mean(axis=(0, 1))
        assert 77 <= y <= 93 and 57 <= x <= 68


@pytest.mark.parametrize("value", [0, 255])
def test_without_an_unknown_pixel_it_lies_anywhere(value):
    sample = ramps(100, 120)
    sample["alpha"] = np.full_like(sample["alpha"], value)
    corners = [places(cut(32, i, sample, **STILL)["foreground"])[0, 0] for i in range(20)]
    assert np.ptp(corners, axis=0).min() > 40


def test_two_figures():
    """The second is stretched to the first's size; by hand, at alpha 0.4 over 0.6."""
    sample = dict(
        foreground=np.full((50, 60, 3), 200, np.uint8),
        alpha=np.full((50, 60, 1), 102, np.uint8),
        background=np.zeros((9, 9, 3), np.uint8),
        second_foreground=np.full((20, 200, 3), 100, np.uint8),
        second_alpha=np.full((20, 200, 1), 153, np.uint8),
    )
    found = cut(32, 1, sample, **STILL)
    np.testing.assert_allclose(found["alpha"], 1 - 0.6 * 0.4, atol=1e-6)
    np.testing.assert_allclose(found["foreground"] * 255, 0.4 * 200 + 0.6 * 100, atol=1e-3)
    sample["second_alpha"][:, 100:] = 0
    left = cut(32, 1, sample, **STILL)["alpha"][..., 0]
    np.testing.assert_allclose(np.abs(left - 0.58), 0.18, atol=1e-6)  # 0.76 or 0.4


def test_a_pair_that_leaves_no_background_is_not_combined():
    sample = ramps(50, 60) | dict(
        second_foreground=np.full((50, 60, 3), 7, np.uint8),
        second_alpha=np.full((50, 60, 1), 255, np.uint8),
    )
    assert (cut(32, 1, sample, **STILL)["alpha"] == np.float32(128 / 255)).all()


def test_no_dark_fringe():
    ys, xs = np.mgrid[:120, :100]
    alpha = np.uint8(np.clip((30 - np.hypot(ys - 60, xs - 50)) * 60 + 128, 0, 255))[..., None]
    colour = np.where(alpha > 0, np.uint8([200, 150, 100]), np.uint8(0))
    for seed in range(6):
        found = cut(40, seed, dict(foreground=colour, alpha=alpha, background=colour))
        shown = found["alpha"][..., 0] > 0
        assert shown.any() and not shown.all()
        expected = np.broadcast_to(np.float32([200, 150, 100]) / 255, found["foreground"].shape)
        np.testing.assert_allclose(found["foreground"][shown], expected[shown], atol=1e-5)


def test_a_second_figure_half_of_the_time():
    source = Source(3, lambda i: dict(ramps(8, 9), alpha=tf.zeros((8, 9, 1), tf.uint8)))
    apply = gca.second_figure(source)
    sizes = [
        apply({"seed": tf.constant([1, i])})["second_alpha"].shape.num_elements() for i in range(80)
    ]
    assert set(sizes) == {1, 72} and 25 <= sizes.count(72) <= 55


def test_hsv_is_opencvs():
    """Hue turned, saturation and value moved and reflected, as the released code has OpenCV do."""
    picture = RNG.random((30, 40, 3), dtype=np.float32)
    alpha = np.float32(RNG.random((30, 40, 1)) < 0.7)
    sample = {"foreground": tf.constant(picture), "alpha": tf.constant(alpha)}
    for i in range(5):
        seed = tf.constant([2, i])
        drawn = gca.draw({"seed": seed}, "random_hsv:foreground", 3).numpy()
        hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))
        hue = (hue + (2 * drawn[0] - 1) * 40) % 360
        moved = []
        for plane, uniform in ((saturation, drawn[1]), (value, drawn[2])):
            room = 1.1 - plane[alpha[..., 0] > 0].mean()
            plane = np.abs(plane + (2 * uniform - 1) * room / 10)
            moved.append(np.where(plane > 1, 2 - plane, plane))
        expected = cv2.cvtColor(np.float32(cv2.merge([hue, *moved])), cv2.COLOR_HSV2RGB)
        result = gca.random_hsv()(sample | {"seed": seed})["foreground"]
        np.testing.assert_allclose(result, expected, atol=1e-4)


def test_hsv_by_hand():
    """Without a move, hue by 120 degrees: red becomes green; grey stays what it is."""
    red = np.float32([[[0.8, 0.2, 0.2], [0.5, 0.5, 0.5]]])
    turn, still = tf.constant(1 / 3), tf.constant(0.0)
    result = gca._moved(red, np.ones((1, 2, 1), np.float32), turn, still, still)
    np.testing.assert_allclose(result, [[[0.2, 0.8, 0.2], [0.5, 0.5, 0.5]]], atol=1e-6)
    assert colorsys.rgb_to_hsv(0.2, 0.8, 0.2)[0] == pytest.approx(1 / 3)


def test_a_stream_of_its_seed():
    def load(index):
        shift = tf.cast(10 * index, tf.uint8)
        ys, xs = tf.meshgrid(tf.range(150.0), tf.range(130.0), indexing="ij")
        disc = 40.0 * (40.0 - tf.sqrt((ys - 75.0) ** 2 + (xs - 65.0) ** 2)) + 128.0
        alpha = tf.cast(tf.clip_by_value(disc, 0.0, 255.0), tf.uint8)[..., None]
        sample = ramps(150, 130)
        return {"foreground": sample["foreground"] + shift, "alpha": alpha}

    figures = Source(3, load)
    others = Source(2, lambda i: {"background": tf.constant(ramps(60, 80)["background"])})

    def batches(start=0):
        stream = composition(figures, others, gca.training(48, figures), 4, 3, start)
        assert stream.element_spec == {
            "image": tf.TensorSpec((4, 48, 48, 3), tf.float32),
            "alpha": tf.TensorSpec((4, 48, 48, 1), tf.float32),
            "trimap": tf.TensorSpec((4, 48, 48, 1), tf.uint8),
        }
        return list(stream.take(3).as_numpy_iterator())

    first, again = batches(), batches(start=4)
    for one, other in zip(first[1:], again, strict=False):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])
    for batch in first:
        assert set(np.unique(batch["trimap"])) == {0, 128, 255}
        assert batch["image"].min() >= 0.0 and batch["image"].max() <= 1.0
