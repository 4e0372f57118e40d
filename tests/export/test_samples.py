"""Photographs and composites that exported files are tried on."""

import os

import cv2
import numpy as np
import pytest

from export.convert import representative_inputs
from export.samples import behind_figures, photographs, synthetic


def test_synthetic_samples_are_composites_on_the_byte_grid():
    first, second = synthetic(48, 32, count=2)
    for sample in (first, second):
        assert sample["image"].shape == (48, 32, 3) and sample["alpha"].shape == (48, 32, 1)
        steps = sample["image"] * 255
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert np.abs(first["image"] - second["image"]).max() > 0.1


def test_photographs_are_cropped_to_the_aspect(tmp_path):
    picture = np.zeros((40, 100, 3), np.uint8)
    picture[:, 30:70] = 255  # the central square
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    (sample,) = photographs(32, 32, tmp_path)
    assert sample["name"] == "a" and sample["alpha"] is None
    np.testing.assert_array_equal(sample["image"], np.ones((32, 32, 3), np.float32))
    (tmp_path / "b.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match="b.png: damaged"):
        photographs(32, 32, tmp_path)
    with pytest.raises(ValueError, match="folder not found"):
        photographs(32, 32, tmp_path / "missing")


def test_pictures_of_one_colour_calibrate_nothing_and_few_are_mentioned(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="a single colour, which calibrates nothing"):
        representative_inputs(["image"], 32, 32, tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert representative_inputs(["image"], 32, 32, tmp_path)["image"].shape == (2, 32, 32, 3)
    assert f"pictures in {tmp_path} to calibrate with: 2; " in caplog.messages[0]


def test_photographs_stand_behind_figures(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    (sample,) = behind_figures(32, 32, tmp_path)
    assert sample["name"] == "figure and a"
    assert {128, 0} <= set(np.rint(255 * sample["trimap"]).astype(int).flat)
    expected = cv2.resize(picture[..., ::-1], (32, 32), interpolation=cv2.INTER_AREA) / 255
    np.testing.assert_allclose(sample["background"], expected, atol=1 / 255)
    clear, solid = sample["alpha"][..., 0] == 0, sample["alpha"][..., 0] == 1
    np.testing.assert_array_equal(sample["image"][clear], sample["background"][clear])
    assert np.abs(sample["image"] - sample["background"])[solid].max() > 0.1


def test_a_truncated_photograph_is_refused(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cut.jpg: damaged"):
        photographs(32, 32, tmp_path)


def test_a_name_that_is_not_utf8_is_shown_as_text(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    with open(path, "wb") as file:
        file.write(cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))[1].tobytes())
    (sample,) = photographs(32, 32, tmp_path)
    assert sample["name"] == "caf\ufffd"
    sample["name"].encode()
