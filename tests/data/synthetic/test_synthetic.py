"""Synthetic figures: exact alpha, soft edges, holes, colour without fringes, nothing repeated."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data import synthetic
from keras_matting.data.synthetic.drawing import Sheet, ellipse, grow, noise, over

FIGURES = ("portrait", "animal", "object")


@pytest.fixture(scope="module")
def portraits():
    """12 portraits of 160x160: foregrounds float (12, 160, 160, 3), alphas (12, 160, 160)."""
    drawn = [synthetic.draw_foreground((100, i), 160, 160, "portrait") for i in range(12)]
    return tuple(np.stack(planes) / 255 for planes in zip(*drawn, strict=True))


def area_halved(picture):
    h, w = picture.shape[:2]
    return picture.reshape(h // 2, 2, w // 2, 2, -1).mean((1, 3))


# --- the sheet everything is drawn on ---


def test_sheet_covers_the_area_of_an_ellipse():
    sheet = Sheet(256, 256)
    sheet.fill(ellipse(120.3, 130.7, 80, 50, 0.4, samples=400), (1, 0, 0))
    assert sheet.layer()[..., 3].sum() == pytest.approx(np.pi * 80 * 50, rel=0.01)


@pytest.mark.parametrize("width", [1.0, 2.0, 4.0])
def test_sheet_lines_are_as_wide_as_asked_wherever_they_lie(width):
    for y in (20.0, 20.3, 20.5):
        sheet = Sheet(100, 100)
        sheet.line([(10, y), (90, y)], (1, 1, 1), width)
        assert sheet.layer()[:, 50, 3].sum() == pytest.approx(width, abs=0.15)


def test_a_strand_thinner_than_a_pixel_is_half_transparent_and_keeps_its_color():
    sheet = Sheet(256, 256)
    path = np.stack([np.full(8, 60.5), np.linspace(20, 220, 8)], 1)[None]
    sheet.strands(path, np.array([[[0.8, 0.4, 0.2]] * 2]), np.array([0.3]))
    pixel = sheet.layer()[100, 60]
    assert 0.2 < pixel[3] < 0.6
    np.testing.assert_allclose(pixel[:3] / pixel[3], [0.8, 0.4, 0.2], atol=0.03)


def test_strands_taper():
    sheet = Sheet(200, 200)
    path = np.stack([np.linspace(20, 180, 12), np.full(12, 100.0)], 1)[None]
    sheet.strands(path, np.ones((1, 3, 3)), np.array([8.0]))
    across = sheet.layer()[..., 3].sum(0)
    # half the width is left where (1 - t)^0.6 = 0.5
    assert across[25] > 6.8
    assert across[20 + int(160 * (1 - 0.5 ** (1 / 0.6)))] == pytest.approx(4, abs=0.4)


def test_over_is_the_porter_duff_operator():
    below = np.full((1, 1, 4), 0.5, np.float32)  # half transparent white
    above = np.array([[[0.2, 0.0, 0.0, 0.4]]], np.float32)
    np.testing.assert_allclose(over(below, above)[0, 0], [0.5, 0.3, 0.3, 0.7], atol=1e-6)


def test_straight_strands_have_the_length_asked_for():
    rng = np.random.default_rng(0)
    paths = grow(rng, np.zeros((3, 2)), np.array([0.0, 1.0, 2.0]), np.array([5.0, 7.0, 9.0]))
    np.testing.assert_allclose(np.linalg.norm(paths[:, -1], axis=1), [5, 7, 9], rtol=1e-6)


def test_noise_has_structure_at_all_scales():
    """Octave k of 6 has the share 0.55^k of an amplitude: 0.029 for the finest."""
    plane = noise(np.random.default_rng(0), 256, 256, cells=3, octaves=6, persistence=0.55)
    bands = []
    for sigma in (2, 8, 32):
        blurred = cv2.GaussianBlur(plane, (0, 0), sigma)
        bands.append((plane - blurred).std())
        plane = blurred
    assert 0.029 / 2 < bands[0] < bands[1] / 2 < bands[2] / 4


# --- figures ---


@pytest.mark.parametrize("kind", FIGURES)
def test_same_seed_same_figure(kind):
    first, again = (synthetic.draw_foreground(7, 96, 96, kind) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    other = synthetic.draw_foreground(8, 96, 96, kind)
    assert (first[1] != other[1]).mean() > 0.01


@pytest.mark.parametrize("size", [(32, 32), (33, 57), (129, 64), (16, 200)])
def test_any_size(size):
    for i, kind in enumerate((*FIGURES, None)):
        foreground, alpha = synthetic.draw_foreground(i, *size, kind)
        assert foreground.shape == (*size, 3) and alpha.shape == (*size, 1)
        assert foreground.dtype == alpha.dtype == np.uint8
    background = synthetic.draw_background(0, *size)
    assert background.shape == (*size, 3) and background.dtype == np.uint8


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("seed", range(4))
def test_twice_the_size_is_the_same_matte(kind, seed):
    """The matte is a property of the figure and not of the pixels it is drawn with."""
    small = synthetic.draw_foreground((200, seed), 160, 160, kind)[1] / 255
    large = synthetic.draw_foreground((200, seed), 320, 320, kind)[1] / 255
    halved = area_halved(large)
    assert abs(halved.mean() - small.mean()) < 0.005
    assert np.abs(halved - small).mean() < 0.012


def test_portraits_have_an_opaque_body_and_soft_hair(portraits):
    _, alphas = portraits
    opaque = (alphas == 1).mean((1, 2, 3))
    soft = ((alphas > 0) & (alphas < 1)).mean((1, 2, 3))
    assert 0.05 < opaque.min() and opaque.max() < 0.9
    assert 0.005 < soft.min() and 0.03 < soft.mean() < 0.3


def test_hair_has_strands_and_holes(portraits):
    """What an opening removes is thin; what a closing fills lies between strands."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    thin, gaps = [], []
    for alpha in portraits[1]:
        opened = cv2.morphologyEx(alpha[..., 0], cv2.MORPH_OPEN, kernel)
        closed = cv2.morphologyEx(alpha[..., 0], cv2.MORPH_CLOSE, kernel)
        thin.append((alpha[..., 0] - opened > 0.15).sum())
        gaps.append((closed - alpha[..., 0] > 0.15).sum())
    # A disc of radius 50 has fewer than 10 such pixels.
    assert np.median(thin) > 100 and np.median(gaps) > 80


def test_glass_and_lace_are_among_the_objects():
    """Some objects are see-through far from any edge, some have many separate holes."""
    clear, holes = [], []
    for i in range(16):
        alpha = synthetic.draw_foreground((300, i), 160, 160, "object")[1][..., 0] / 255
        between = ((alpha > 0.08) & (alpha < 0.95)).astype(np.uint8)
        clear.append(cv2.erode(between, np.ones((7, 7), np.uint8)).sum())
        parts, _ = cv2.connectedComponents((alpha < 0.3).astype(np.uint8))
        holes.append(parts - 2)  # less the label of the figure and the outside
    assert sum(area > 100 for area in clear) >= 3
    assert sum(count > 10 for count in holes) >= 3


def test_colour_goes_on_beyond_the_edge(portraits):
    """Just outside a figure the colour is that of the figure nearby, far closer than black is."""
    continued, black = [], []
    for foreground, alpha in zip(*portraits, strict=True):
        weight = cv2.blur(alpha, (15, 15))
        nearby = cv2.blur(foreground * alpha, (15, 15)) / np.maximum(weight, 1e-6)[..., None]
        outside = (alpha[..., 0] == 0) & (weight > 0.1)
        continued.append(np.abs(foreground - nearby)[outside].mean())
        black.append(nearby[outside].mean())
    assert np.median(continued) < np.median(black) / 4


def test_no_fringe_when_colour_and_alpha_are_resized_apart(portraits):
    """Resizing foreground and alpha and then composing is what composing and resizing gives."""
    for foreground, alpha in zip(*portraits, strict=True):
        for level in (0.0, 1.0):
            together = area_halved(alpha * foreground + (1 - alpha) * level)
            small = area_halved(alpha)
            apart = small * area_halved(foreground) + (1 - small) * level
            edge = ((small > 0.05) & (small < 0.95))[..., 0]
            assert abs((together - apart)[edge].mean()) < 0.01


def test_figures_are_not_where_a_constant_would_guess_them():
    alphas = np.stack([synthetic.draw_foreground((400, i), 48, 48)[1] for i in range(60)]) / 255
    mean = alphas.mean(0)
    assert 0.2 < alphas.mean() < 0.6
    assert np.abs(alphas - mean).mean() > 0.2


def test_colour_alone_does_not_separate_figure_from_background():
    """Discriminant analysis of RGB and its squares, held-out pictures: AUC below 0.75."""
    pixels, labels = [], []
    for i in range(60):
        foreground, alpha = synthetic.draw_foreground((500, i), 48, 48)
        background = synthetic.draw_background((500, i), 48, 48)
        image = np.where(alpha > 127, foreground, background).reshape(-1, 3) / 255
        pairs = np.stack([image[:, j] * image[:, k] for j in range(3) for k in range(j + 1)], 1)
        pixels.append(np.concatenate([image, pairs, np.ones((len(image), 1))], 1))
        labels.append((alpha > 127).reshape(-1))
    train, held_out = np.concatenate(pixels[:40]), np.concatenate(pixels[40:])
    truth, held_truth = np.concatenate(labels[:40]), np.concatenate(labels[40:])
    weights, *_ = np.linalg.lstsq(train, truth.astype(float), rcond=None)
    rank = np.argsort(np.argsort(held_out @ weights)) + 1
    ones = held_truth.sum()
    auc = (rank[held_truth].sum() - ones * (ones + 1) / 2) / (ones * (len(rank) - ones))
    assert auc < 0.75


# --- backgrounds ---


def test_backgrounds_differ_in_sharpness_and_hold_structure():
    drawn = np.stack([synthetic.draw_background((600, i), 96, 96) for i in range(24)]) / 255
    coarse = np.array([cv2.resize(b, (12, 12), interpolation=cv2.INTER_AREA).std((0, 1)).mean()
                       for b in drawn])
    fine = np.array([np.abs(cv2.Laplacian(b, cv2.CV_64F)).mean() for b in drawn])
    assert np.median(coarse) > 0.04
    assert fine.max() > 4 * fine.min()


def test_background_and_foreground_of_a_seed_are_drawn_apart():
    first = synthetic.draw_background(3, 64, 64)
    np.testing.assert_array_equal(first, synthetic.draw_background(3, 64, 64))
    assert (first != synthetic.draw_background(4, 64, 64)).mean() > 0.5


# --- pools ---


def test_pools_are_prefixes_of_larger_ones_and_disjoint_between_seeds():
    small, large, other = (
        synthetic.foregrounds(count, (32, 40), seed) for count, seed in ((4, 0), (8, 0), (8, 1))
    )
    assert (small.size, large.size) == (4, 8)

    def prints(source):
        return [source.load(i)["alpha"].numpy().tobytes() for i in range(source.size)]

    assert prints(small) == prints(large)[:4]
    assert not set(prints(large)) & set(prints(other))
    assert len(set(prints(large))) == 8


def test_sources_load_inside_a_graph():
    figures = synthetic.foregrounds(5, (24, 32), seed=2)
    scenes = synthetic.backgrounds(5, (24, 32), seed=2)
    samples = tf.data.Dataset.range(5).map(lambda i: figures.load(i) | scenes.load(i))
    assert {k: (v.shape.as_list(), v.dtype) for k, v in samples.element_spec.items()} == {
        "foreground": ([24, 32, 3], tf.uint8),
        "alpha": ([24, 32, 1], tf.uint8),
        "background": ([24, 32, 3], tf.uint8),
    }
    third = list(samples)[3]
    foreground, alpha = synthetic.draw_foreground((2, 3), 24, 32)
    np.testing.assert_array_equal(third["foreground"], foreground)
    np.testing.assert_array_equal(third["alpha"], alpha)
    np.testing.assert_array_equal(third["background"], synthetic.draw_background((2, 3), 24, 32))


# --- mistakes and the contact sheet ---


def test_unknown_kind_names_the_kinds():
    with pytest.raises(ValueError, match="'plant'.*portrait, animal, object"):
        synthetic.draw_foreground(0, 32, 32, "plant")


def test_empty_pool_is_refused():
    with pytest.raises(ValueError, match="0 synthetic backgrounds"):
        synthetic.backgrounds(0, (32, 32))


def test_contact_sheet_shows_three_views_of_each_figure(tmp_path):
    path = tmp_path / "sheet.png"
    synthetic.contact_sheet(str(path), seed=1, count=3, size=(40, 48))
    picture = cv2.imread(str(path))
    assert picture.shape == (2 * 40, 2 * 3 * 48, 3)
    alpha = synthetic.draw_foreground((1, 0), 40, 48)[1]
    np.testing.assert_array_equal(picture[:40, 48:96], np.repeat(alpha, 3, axis=2))
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


def test_command_ends_with_one_sentence(tmp_path):
    target = tmp_path / "missing" / "sheet.png"
    command = [sys.executable, "-m", "keras_matting.data.synthetic", str(target), "--count=1",
               "--size=16"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert str(target) in run.stderr and "Traceback" not in run.stderr
