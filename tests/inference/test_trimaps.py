"""Trimaps from mattes."""

import cv2
import numpy as np
import pytest

from keras_matting.data import synthetic
from keras_matting.inference import trimap_from_matte


def disc(radius=100, softness=0, size=400):
    """Return the alpha of a disc whose edge is a ramp of this width."""
    y, x = np.mgrid[:size, :size] - size / 2
    distance = radius - np.hypot(y, x)
    return np.clip(distance / max(softness, 1e-6) + 0.5, 0, 1).astype(np.float32)


def band(trimap):
    """Return the first and last unknown distance from the centre, to the right."""
    unknown = np.flatnonzero(trimap[200, 200:] == 128)
    return unknown[0], unknown[-1]


def test_a_hard_edge_gets_a_band_by_the_size_of_the_foreground():
    for radius in (50, 100):
        expected = 0.02 * radius * np.pi**0.5
        inner, outer = band(trimap_from_matte(disc(radius), width=0.02))
        assert inner == pytest.approx(radius - expected, abs=2)
        assert outer == pytest.approx(radius + expected, abs=2)
    trimap = trimap_from_matte(np.rint(255 * disc()).astype(np.uint8))
    assert trimap.dtype == np.uint8 and set(np.unique(trimap)) == {0, 128, 255}
    assert trimap[200, 200] == 255 and trimap[0, 0] == 0


def test_wide_unsure_regions_get_a_wider_band():
    width = 0.02 * 100 * np.pi**0.5
    inner, outer = band(trimap_from_matte(disc(softness=30), width=0.02))
    assert inner == pytest.approx(100 - 13.5 - 2 * width, abs=3)
    assert outer == pytest.approx(100 + 13.5 + 2 * width, abs=3)


def test_what_is_known_is_right_although_the_matte_is_blurred():
    alpha = synthetic.draw_foreground(3, 256, 256, "portrait")[1][..., 0]
    small = cv2.resize(alpha, (64, 64), interpolation=cv2.INTER_AREA)
    trimap = trimap_from_matte(cv2.resize(small, (256, 256), interpolation=cv2.INTER_LINEAR))
    assert (alpha[trimap == 255] > 240).mean() > 0.995
    assert (alpha[trimap == 0] < 15).mean() > 0.995
    assert (trimap == 128).mean() < 0.4


def test_a_matte_without_foreground_has_none_in_its_trimap():
    assert not trimap_from_matte(np.zeros((20, 30), np.float32)).any()
    unsure = np.full((20, 30), 0.3, np.float32)
    assert (trimap_from_matte(unsure) == 128).all()
