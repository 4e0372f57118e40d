"""Photographs with mattes: windows around figures, backgrounds kept or replaced, letterboxes."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import photographs
from keras_matting.data.pipeline import mixed
from keras_matting.data.source import Source


def sample(image, alpha, foreground=None, seed=0, photograph=True):
    return {
        "image": tf.constant(image, tf.uint8),
        "alpha": tf.constant(alpha, tf.uint8),
        "foreground": tf.constant(image if foreground is None else foreground, tf.uint8),
        "photograph": tf.constant(photograph),
        "seed": tf.constant([3, seed]),
    }


def standing_figure(height=300, width=200):
    """A figure 200 high and 50 wide; its rows are told by the red channel."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, height)[:, None]
    alpha = np.zeros((height, width, 1), np.uint8)
    alpha[60:260, 80:130] = 255
    return image, alpha


def test_windows_hold_the_figure_and_image_and_alpha_stay_together():
    image, alpha = standing_figure()
    image[..., 1] = alpha[..., 0]  # green is alpha: both have to be resampled alike
    crop = photographs.random_figure_crop(64)
    sides = set()
    for seed in range(40):
        found = crop(sample(image, alpha, seed=seed))
        assert found["image"].shape == (64, 64, 3) and found["alpha"].shape == (64, 64, 1)
        if found["photograph"]:
            np.testing.assert_allclose(found["image"][..., 1], found["alpha"][..., 0], atol=0.02)
        assert np.mean(found["alpha"]) > 0.02
        rows = found["image"].numpy()[..., 0]
        sides.add(round(float(rows.max() - rows.min()), 1))
    assert len(sides) > 4  # near and far


def test_upright_figures_show_heads_more_often_than_feet():
    image, alpha = standing_figure()
    crop = photographs.random_figure_crop(32, 0.5, 0.4, rotation=0.0)
    middles = [np.mean(crop(sample(image, alpha, seed=s))["image"][..., 0]) for s in range(60)]
    # the figure's middle is at 0.53; the square of a uniform number is below a half in 0.71
    assert 0.6 < np.mean(np.array(middles) < 0.53) < 0.82


def test_what_reaches_beyond_the_picture_is_no_photograph():
    alpha = np.full((100, 100, 1), 255, np.uint8)
    image = np.full((100, 100, 3), 90, np.uint8)
    inside = photographs.random_figure_crop(32, 0.3, 0.5, rotation=0.0)
    beyond = photographs.random_figure_crop(32, 1.3, 1.35, rotation=0.0, stretch=0.0)
    for seed in range(8):
        assert bool(inside(sample(image, alpha, seed=seed))["photograph"])
        assert not bool(beyond(sample(image, alpha, seed=seed))["photograph"])
    assert not bool(inside(sample(image, alpha, photograph=False))["photograph"])


def test_a_share_of_photographs_keeps_its_background():
    colours = {"image": 0.1, "foreground": 0.5, "background": 0.9}
    kept = []
    for seed in range(200):
        given = {key: tf.fill((2, 2, 3), value) for key, value in colours.items()}
        given |= {"alpha": tf.fill((2, 2, 1), 0.25), "photograph": tf.constant(True)}
        found = photographs.composite_or_photograph(0.3)(given | {"seed": tf.constant([1, seed])})
        value = float(found["image"][0, 0, 0])
        kept.append(value == pytest.approx(0.1))
        assert kept[-1] or value == pytest.approx(0.25 * 0.5 + 0.75 * 0.9)
    assert 0.6 < np.mean(kept) < 0.8


def test_cut_outs_are_always_composed():
    given = {key: tf.fill((2, 2, 3), value) for key, value in (("image", 0.1), ("background", 0.9))}
    given |= {"foreground": tf.fill((2, 2, 3), 0.5), "alpha": tf.ones((2, 2, 1))}
    given |= {"photograph": tf.constant(False), "seed": tf.constant([1, 2])}
    found = photographs.composite_or_photograph(0.0)(given)
    np.testing.assert_allclose(found["image"], 0.5)


def test_letterbox_is_mirrored_as_opencv_does():
    image = np.arange(4 * 8 * 3, dtype=np.uint8).reshape(4, 8, 3)
    alpha = image[..., :1]
    found = photographs.letterbox(8)(sample(image, alpha))
    # BORDER_REFLECT_101 of rows 0..3 with two above and two below
    np.testing.assert_allclose(found["image"] * 255.0, image[[2, 1, 0, 1, 2, 3, 2, 1]], atol=1e-4)
    np.testing.assert_allclose(found["alpha"] * 255.0, alpha[[2, 1, 0, 1, 2, 3, 2, 1]], atol=1e-4)


@pytest.mark.parametrize("shape", [(100, 4), (3, 90), (1, 50), (64, 64)])
def test_letterbox_takes_any_proportions(shape):
    image = np.full((*shape, 3), 77, np.uint8)
    found = photographs.letterbox(64)(sample(image, image[..., :1]))
    np.testing.assert_allclose(found["image"], 77 / 255, atol=1e-6)


def test_borders_are_mirrored_like_those_of_a_letterbox():
    rows, columns = tf.meshgrid(tf.range(64.0), tf.range(64.0), indexing="ij")
    picture = tf.stack([rows, columns, rows + columns], -1)
    names = ("image", "foreground", "background")
    pictures = dict.fromkeys(names, picture) | {"alpha": picture[..., :1]}
    mirrored, shapes = photographs.random_mirrored_borders(1.0, 0.5), set()
    for seed in range(12):
        found = mirrored(pictures | {"seed": tf.constant([3, seed])})
        window = [len(np.unique(found["image"][..., axis])) for axis in (0, 1)]
        top, left = found["image"].numpy().min((0, 1)).astype(int)[:2]
        strip = picture[top : top + window[0], left : left + window[1]].numpy()
        before = [(64 - side) // 2 for side in window]
        padding = (before[0], 64 - window[0] - before[0], before[1], 64 - window[1] - before[1])
        expected = cv2.copyMakeBorder(strip, *padding, cv2.BORDER_REFLECT_101)
        for name in names:
            np.testing.assert_array_equal(found[name], expected)
        np.testing.assert_array_equal(found["alpha"], expected[..., :1])
        shapes.add((window[0] < 64, window[1] < 64))
    assert shapes == {(True, False), (False, True)}
    same = photographs.random_mirrored_borders(0.0)(pictures | {"seed": tf.constant([3, 0])})
    np.testing.assert_array_equal(same["image"], picture)


def test_training_batches_are_complete_and_finite():
    image, alpha = standing_figure()
    transforms = photographs.training(64)
    given = sample(image, alpha) | {"background": tf.constant(image[::-1])}
    for transform in transforms:
        given = transform(given)
    assert given["image"].shape == (64, 64, 3) and given["trimap"].dtype == tf.uint8
    assert 0.0 <= np.min(given["image"]) and np.max(given["image"]) <= 1.0


def test_mixed_sources_have_their_shares():
    def numbered(size, number):
        return Source(size, lambda i: {"n": tf.constant(number), "i": i})

    source = mixed([numbered(30, 0), numbered(70, 1)], [0.6, 0.4])
    assert source.size == 100
    found = [source.load(tf.constant(i, tf.int64)) for i in range(100)]
    assert sum(int(f["n"]) == 0 for f in found) == pytest.approx(60, abs=2)
    assert len({int(f["i"]) for f in found if int(f["n"]) == 0}) > 20
    assert max(int(f["i"]) for f in found if int(f["n"]) == 0) < 30
