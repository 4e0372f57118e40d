"""Denoised copies have less noise, the same names and, after an interruption, the same files."""

import cv2
import numpy as np

from keras_matting import image_files
from keras_matting.data import denoising


def test_a_folder_is_denoised_and_gone_on_with(tmp_path):
    clean = np.full((64, 64, 3), 90, np.uint8)
    clean[:, 32:] = 160
    noise = np.random.default_rng(1).normal(0, 5, clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    (tmp_path / "fg").mkdir()
    for name in ("a.png", "b.jpg"):
        cv2.imwrite(str(tmp_path / "fg" / name), noisy)
    (tmp_path / "fg" / "c.png").write_bytes(b"no picture")
    out = tmp_path / "fg_denoise"
    (problem,) = denoising.denoise(tmp_path / "fg", out, processes=1)
    assert problem.startswith(str(tmp_path / "fg" / "c.png"))
    assert sorted(path.name for path in out.glob("[!.]*")) == ["a.png", "b.jpg"]
    for name in ("a.png", "b.jpg"):
        found = image_files.read_photograph(out / name).astype(float)
        assert np.abs(found - clean).mean() < 0.4 * np.abs(noisy - clean).mean()
        assert found[:, 40:].mean() - found[:, :24].mean() > 65  # the edge stays
    stamp = (out / "a.png").stat().st_mtime_ns
    denoising.denoise(tmp_path / "fg", out, processes=1)
    assert (out / "a.png").stat().st_mtime_ns == stamp
