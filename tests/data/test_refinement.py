"""Masks become soft alphas that are nearer to the truth, and colours lose the background."""

import cv2
import numpy as np
import pytest

from keras_matting import image_files
from keras_matting.data import refinement, soft_alphas

GREEN, RED = np.array([30, 160, 40.0]), np.array([190, 50, 60.0])


def blurred_disc(size=160, radius=45, blur=5.0):
    """A red disc with a soft edge before green, both with some texture -> image, alpha."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    alpha = np.clip((radius - np.hypot(x, y)) / blur + 0.5, 0.0, 1.0)[..., None]
    texture = cv2.GaussianBlur(rng.normal(0, 40, (size, size)), (0, 0), 2)[..., None]
    foreground, background = RED + texture, GREEN + texture[::-1]
    image = alpha * foreground + (1 - alpha) * background
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), alpha[..., 0]


def test_soft_alpha_halves_the_error_of_the_mask():
    image, truth = blurred_disc()
    mask = (truth > 0.5).astype(np.float32)
    alpha = soft_alphas.soft_alpha(image, mask, inside=0.04, outside=0.04)
    assert np.abs(alpha - truth).sum() < 0.5 * np.abs(mask - truth).sum()
    assert alpha[80, 80] == 1.0 and alpha[2, 2] == 0.0 and alpha.dtype == np.float32


def test_the_mask_stays_where_colours_say_nothing():
    image = np.full((120, 120, 3), 200, np.uint8)
    mask = np.zeros((120, 120), np.float32)
    mask[30:90, 30:90] = 1.0
    alpha = soft_alphas.soft_alpha(image, mask, inside=0.05, outside=0.05)
    assert np.abs(alpha - mask).mean() < 0.02


def test_the_band_is_wider_around_hair():
    image, truth = blurred_disc(blur=16.0)
    mask = (truth > 0.5).astype(np.float32)
    hair = np.zeros(mask.shape, bool)
    hair[:80] = mask[:80] > 0
    alpha = soft_alphas.soft_alpha(image, mask, hair, inside=0.02, outside=0.02)
    soft = (alpha > 0) & (alpha < 1)
    assert soft[:60].sum() > 1.5 * soft[100:].sum()
    # the picture's border is no edge: a mask that reaches it stays opaque there
    assert (soft_alphas.soft_alpha(image, np.ones_like(mask)) == 1.0).all()


def test_foreground_colours_lose_the_background():
    image, alpha = blurred_disc(blur=20.0)
    found, behind = soft_alphas.layer_colours(image, alpha)
    edge = (alpha > 0.3) & (alpha < 0.7)
    raw = np.abs(image[edge] - RED).mean()
    assert np.abs(found[edge] - RED).mean() < 0.5 * raw
    assert np.abs(behind[edge] - GREEN).mean() < 0.5 * np.abs(image[edge] - GREEN).mean()
    composed = alpha[..., None] * found + (1 - alpha[..., None]) * behind
    assert np.abs(composed - image)[edge].mean() < 3


@pytest.fixture
def folders(tmp_path):
    for name in ("image", "labels"):
        (tmp_path / name).mkdir()
    for i in range(3):
        image, alpha = blurred_disc(size=100 + 2 * i, radius=28)
        cv2.imwrite(str(tmp_path / "image" / f"{i}.png"), image[..., ::-1])
        labels = np.where(alpha > 0.5, 41, 0)
        labels[:40] = np.where(labels[:40] > 0, 19, 0)
        cv2.imwrite(str(tmp_path / "labels" / f"{i}.png"), labels)
    return tmp_path


def test_a_folder_is_refined_and_gone_on_with(folders):
    arguments = (str(folders / "image"), str(folders / "labels"), str(folders / "out"), (1, 58), 19)
    assert refinement.refine(*arguments, processes=1) == []
    alphas = sorted((folders / "out" / "alpha").iterdir())
    assert [path.name for path in alphas] == ["0.png", "1.png", "2.png"]
    assert image_files.read_matte(alphas[1]).shape == (102, 102)
    assert (folders / "out" / "contact_sheet.jpg").stat().st_size > 1000
    stamp = alphas[0].stat().st_mtime_ns
    (folders / "out" / "background" / "1.jpg").unlink()
    refinement.refine(*arguments, processes=1)
    assert alphas[0].stat().st_mtime_ns == stamp
    assert (folders / "out" / "background" / "1.jpg").exists()


def test_given_mattes_are_kept_and_colours_estimated(folders):
    (folders / "alpha").mkdir()
    image, alpha = blurred_disc(size=100, radius=28)
    for i in range(3):
        matte = np.rint(4 + 247 * alpha if i == 0 else 255 * alpha).astype(np.uint8)
        cv2.imwrite(str(folders / "alpha" / f"{i}.png"), matte)
    places = (str(folders / "image"), str(folders / "alpha"), str(folders / "out"))
    problems = refinement.estimate_foregrounds(*places, processes=1)
    assert [problem.split(": ")[1] for problem in problems] == [
        "differs in size from 1.png.",
        "differs in size from 2.png.",
    ]
    found = image_files.read_matte(folders / "out" / "alpha" / "0.png")
    assert found.min() == 0 and found.max() == 255 and np.abs(found - 255 * alpha).max() < 6
    colours = image_files.read_photograph(folders / "out" / "foreground" / "0.jpg")
    edge = (alpha > 0.3) & (alpha < 0.7)
    assert np.abs(colours[edge] - RED).mean() < 0.7 * np.abs(image[edge] - RED).mean()


def test_what_cannot_be_refined_is_named(folders):
    cv2.imwrite(str(folders / "labels" / "0.png"), np.zeros((100, 100), np.uint8))
    cv2.imwrite(str(folders / "labels" / "1.png"), np.zeros((5, 5), np.uint8))
    arguments = (str(folders / "image"), str(folders / "labels"), str(folders / "out"), (1, 58))
    problems = refinement.refine(*arguments, processes=1)
    assert len(problems) == 2
    assert problems[0].endswith("its mask is empty.")
    assert problems[1].endswith("differs in size from 1.png.")
    (folders / "labels" / "2.png").unlink()
    with pytest.raises(ValueError, match="has no mask for 2.png"):
        refinement.refine(*arguments)
    with pytest.raises(ValueError, match="specify masks, or a teacher"):
        refinement.refine(str(folders / "image"), None, str(folders / "out"))
