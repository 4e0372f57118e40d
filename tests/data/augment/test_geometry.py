"""Foreground and alpha move together, average as they should, and never show what is outside."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import geometry

RNG = np.random.default_rng(0)
STILL = {"scale": (1.0, 1.0), "rotation": 0.0, "shear": 0.0, "flip": 0.0}


def crop(foreground, alpha, size, seed=0, **options):
    sample = {
        "foreground": tf.constant(foreground),
        "alpha": tf.constant(alpha),
        "seed": tf.constant([5, seed]),
    }
    result = geometry.random_crop_affine(size, **options)(sample)
    return result["foreground"].numpy(), result["alpha"].numpy()


def picture(height, width):
    foreground = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return foreground, RNG.integers(1, 256, (height, width, 1), dtype=np.uint8)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_window_of_the_whole_picture(flip):
    foreground, alpha = picture(48, 48)
    step = -1 if flip else 1
    got_foreground, got_alpha = crop(foreground, alpha, 48, **STILL | {"flip": flip})
    np.testing.assert_allclose(got_foreground, foreground[:, ::step] / 255.0, atol=1e-5)
    np.testing.assert_allclose(got_alpha, alpha[:, ::step] / 255.0, atol=1e-7)


def test_halving_is_the_mean_of_four_weighted_by_alpha():
    foreground, alpha = picture(64, 64)
    colour, weight = foreground / 255.0, alpha / 255.0

    def blocks(x):
        return x.reshape(32, 2, 32, 2, -1).mean(axis=(1, 3))

    got_foreground, got_alpha = crop(foreground, alpha, 32, **STILL)
    np.testing.assert_allclose(got_foreground, blocks(colour * weight) / blocks(weight), atol=1e-5)
    assert np.abs(got_alpha - blocks(weight)).max() <= 0.5 / 255 + 1e-6


def test_foreground_and_alpha_stay_aligned():
    ys, xs = np.mgrid[:60, :90]
    foreground = np.uint8(np.stack([2.8 * xs, 4.0 * ys, 0 * xs], -1))
    alpha = np.uint8(100 + foreground[..., :1] // 4 + foreground[..., 1:2] // 4)
    compared = 0
    for seed in range(20):
        got_foreground, got_alpha = crop(
            foreground, alpha, 41, seed, scale=(0.3, 1.4), rotation=40.0, shear=15.0
        )
        shown = np.pad(np.uint8(got_alpha[..., 0] > 0)[6:-6, 6:-6], 6)
        inside = cv2.erode(shown, np.ones((13, 13))) > 0  # no pixel shares in the picture's edge
        red, green = got_foreground[..., 0] * 255, got_foreground[..., 1] * 255
        expected = 100 + (red + green) / 4 - 0.75  # the mean of two floors to quarters
        difference = np.abs(got_alpha[..., 0] * 255 - expected)[inside]
        assert difference.max() < 1.3
        compared += difference.size
    assert compared > 4_000


def test_no_dark_fringe_and_no_black_under_transparency():
    ys, xs = np.mgrid[:120, :100]
    alpha = np.uint8(np.clip((30 - np.hypot(ys - 60, xs - 50)) * 60 + 128, 0, 255))[..., None]
    foreground = np.where(alpha > 0, np.uint8([200, 150, 100]), np.uint8(0))
    for seed in range(5):
        got, got_alpha = crop(foreground, alpha, 40, seed)
        assert (got_alpha < 1).any()
        expected = np.broadcast_to([200, 150, 100], got.shape) / 255
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_nothing_outside_the_picture():
    foreground, alpha = picture(40, 40)
    _, got = crop(foreground, alpha * 0 + 255, 40, **STILL | {"scale": (2.0, 2.0)})
    assert got.sum() == pytest.approx(400, rel=0.03)  # a quarter of the window
    assert got.max() == 1.0 and got[0].max() == 0.0


@pytest.mark.parametrize("side", [200, 1024])
def test_window_shows_the_unknown_region(side):
    foreground, alpha = picture(side, side)
    alpha = np.where(alpha > 0, np.uint8(0), alpha)
    alpha[-side // 5 : -side // 10, side // 10 : side // 5] = 77
    for seed in range(8):
        _, got = crop(foreground, alpha, 32, seed, scale=(0.2, 0.3), rotation=0.0)
        assert (got == np.float32(77 / 255)).any()


@pytest.mark.parametrize("value", [0, 255])
def test_without_unknown_region(value):
    foreground, alpha = picture(50, 70)
    _, got = crop(foreground, np.full_like(alpha, value), 20, scale=(0.4, 0.4))
    np.testing.assert_array_equal(got, np.full((20, 20, 1), value / 255, np.float32))


def test_figure_cut_off_below_stays_cut_off():
    foreground, alpha = picture(60, 60)
    alpha[:] = 0
    alpha[30:, 20:40] = 255
    for seed in range(10):
        _, got = crop(foreground, alpha, 64, seed, scale=(1.5, 1.5), rotation=20.0)
        columns = got.max(axis=0) > 0
        assert (got[-1][columns[:, 0]] > 0).any()


def test_same_seed_same_window_other_seed_other_window():
    foreground, alpha = picture(50, 70)
    first, again, other = (crop(foreground, alpha, 20, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_fit_keeps_proportion_and_lower_edge():
    foreground, alpha = picture(40, 80)
    alpha[:] = 255
    sample = {"foreground": tf.constant(foreground), "alpha": tf.constant(alpha)}
    result = geometry.fit(40)(sample)
    np.testing.assert_array_equal(result["alpha"][:20], np.zeros((20, 40, 1)))
    np.testing.assert_array_equal(result["alpha"][20:], np.ones((20, 40, 1)))
    expected = tf.image.resize(foreground, (20, 40), antialias=True) / 255.0
    np.testing.assert_allclose(result["foreground"][20:], expected, atol=1e-5)


def test_fit_upright_is_centred():
    foreground, alpha = picture(80, 40)
    sample = {"foreground": tf.constant(foreground), "alpha": tf.constant(alpha * 0 + 255)}
    got = geometry.fit(80)(sample)
    np.testing.assert_array_equal(np.where(got["alpha"][0, :, 0] > 0)[0], np.arange(20, 60))
    np.testing.assert_allclose(got["foreground"][:, 20:60], foreground / 255.0, atol=1e-5)


def test_centre_crop_of_a_wide_picture():
    background = RNG.integers(0, 256, (30, 50, 3), dtype=np.uint8)
    result = geometry.centre_crop("background", 30)({"background": tf.constant(background)})
    np.testing.assert_allclose(result["background"], background[:, 10:40] / 255.0, atol=1e-6)


def test_random_crop_is_a_square_of_the_picture():
    ys, xs = np.mgrid[:60, :100]
    background = np.uint8(np.stack([2 * xs, 3 * ys, 0 * xs], -1))
    lefts, mirrored, sides = [], 0, []
    apply = geometry.random_crop("background", 20, scale=(0.5, 1.0))
    for seed in range(40):
        sample = {"background": tf.constant(background), "seed": tf.constant([9, seed])}
        red, green = (apply(sample)["background"].numpy()[..., i] * 255 for i in range(2))
        across = (red[0, -2] - red[0, 1]) / 2 / 17
        down = (green[-2, 0] - green[1, 0]) / 3 / 17
        assert abs(across) == pytest.approx(down, rel=0.01)
        mirrored += across < 0
        sides.append(20 * down)
        lefts.append(red[0].min() / 2)
    assert 8 <= mirrored <= 32
    assert 29 <= min(sides) < 35 and 55 < max(sides) <= 61
    assert min(lefts) < 10 and max(lefts) > 35


@pytest.mark.parametrize("key", ["foreground", "background"])
def test_placement_covers_the_window_and_shrinks_from_there(key):
    """A picture twice as wide as high: at zoom 1 its height is the window's, 64 pixels."""
    white = tf.fill((128, 256, 3), tf.constant(255, tf.uint8))
    opaque = tf.fill((128, 256, 1), tf.constant(255, tf.uint8))
    apply = geometry.random_placement(key, 64, (0.25, 0.5), rotation=0.0, shear=0.0)
    heights, middles = [], []
    for seed in range(60):
        sample = {key: white, "alpha": opaque, "seed": tf.constant([5, seed])}
        found = apply(sample)
        covered = found["alpha"] if key == "foreground" else found["background"][..., :1]
        rows = covered.numpy()[..., 0].max(axis=1)
        columns = covered.numpy()[..., 0].max(axis=0)
        heights.append(rows.sum())
        middles.append((rows * (np.arange(64) + 0.5)).sum() / rows.sum() - 32)
        assert columns.sum() >= min(2 * rows.sum(), 64) - 2 * 0.2 * 64
        outside = covered.numpy()[..., 0] == 0
        if key == "background":
            np.testing.assert_array_equal(found["background"].numpy()[outside], 0)
    assert 15.5 <= min(heights) < 18 and 30 < max(heights) <= 32.5
    assert -6.9 <= min(middles) < -5 and 5 < max(middles) <= 6.9  # a tenth of 64


def test_a_batch_gets_one_random_size():
    image = RNG.random((2, 64, 64, 3), dtype=np.float32)
    sizes = set()
    for numbers in RNG.random((40, 2, 2), dtype=np.float32):
        batch = {"image": tf.constant(image), "alpha": tf.constant(image[..., :1])}
        found = geometry.random_size(batch | {"size": tf.constant(numbers)}, ("image", "alpha"))
        _, height, width, _ = found["image"].shape
        longer = max(height, width)
        top, left = (longer - height) // 2, (longer - width) // 2
        for key in ("image", "alpha"):
            whole = [cv2.resize(x, (longer, longer)) for x in batch[key].numpy()]
            whole = np.reshape(whole, (2, longer, longer, -1))
            expected = whole[:, top : top + height, left : left + width]
            np.testing.assert_allclose(found[key], expected, atol=1e-5)
        sizes |= {height, width}
    assert sizes == set(range(32, 64, 4))


def test_a_crop_around_the_unknown_says_how_far_it_is_reduced():
    foreground, alpha = picture(100, 130)
    apply = geometry.random_crop_unknown(32, (1.0, 2.0, 4.0))
    found = set()
    for seed in range(30):
        sample = {"foreground": foreground, "alpha": alpha, "background": foreground}
        sample = {key: tf.constant(x) for key, x in sample.items()}
        found.add(float(apply(sample | {"seed": tf.constant([5, seed])})["reduction"]))
    assert found == {1.0, 2.0, 100 / 32}  # 128 pixels are more than there are
