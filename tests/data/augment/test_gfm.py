"""RSSN: denoised copies for both layers or for none, and blur at the photograph's resolution."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import gfm

RNG = np.random.default_rng(6)


def sample(i, **pictures):
    return {"seed": tf.constant([1, i])} | pictures


def test_both_layers_are_denoised_or_neither():
    layers = dict(foreground=1, foreground_denoised=2, background=3, background_denoised=4)
    layers = {key: tf.constant(value) for key, value in layers.items()}
    found = [gfm.random_denoised()(sample(i, **layers)) for i in range(20)]
    pairs = {(int(x["foreground"]), int(x["background"])) for x in found}
    assert pairs == {(1, 3), (2, 4)}
    del layers["foreground_denoised"]
    found = [gfm.random_denoised()(sample(i, **layers)) for i in range(20)]
    assert {(int(x["foreground"]), int(x["background"])) for x in found} == {(1, 3)}


@pytest.mark.parametrize(
    "reduction, kernels", [(2.0, {11, 15, 21, 25, 31}), (4.0, {5, 7, 11, 13, 15})]
)
def test_blur_shrinks_with_the_crop(reduction, kernels):
    """Kernels of 20 to 60 pixels of the photograph, in pixels of a crop; odd, so that it stays."""
    background = RNG.random((40, 50, 3), dtype=np.float32)
    border = cv2.BORDER_REFLECT
    blurs = {k: cv2.blur(background, (k, k), borderType=border) for k in kernels}
    seen = set()
    for i in range(40):
        crop = sample(i, background=background, reduction=tf.constant(reduction))
        found = gfm.random_box_blur(probability=1.0)(crop)["background"]
        (kernel,) = [k for k in kernels if np.abs(blurs[k] - found).max() < 1e-4]
        seen.add(kernel)
    assert seen == kernels


def test_some_backgrounds_stay_sharp():
    background = RNG.random((16, 16, 3), dtype=np.float32)
    crop = dict(background=background, reduction=tf.constant(3.0))
    found = [gfm.random_box_blur()(sample(i, **crop))["background"] for i in range(20)]
    assert 4 < sum(np.array_equal(x, background) for x in found) < 16
