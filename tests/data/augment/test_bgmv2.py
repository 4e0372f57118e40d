"""The two shots of BGMv2 against OpenCV's filters and the released ranges."""

import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import bgmv2

RNG = np.random.default_rng(0)
PICTURE = RNG.random((40, 50, 3), dtype=np.float32)
# Pillow's ImageFilter.SHARPEN
SHARPEN = np.float32([[-2, -2, -2], [-2, 32, -2], [-2, -2, -2]]) / 16


def test_focus_is_a_box_or_pillows_sharpening_as_often_as_asked():
    boxes = [cv2.blur(PICTURE, (k, k), borderType=cv2.BORDER_REFLECT) for k in (1, 3, 5, 7, 9, 11)]
    sharp = [
        np.clip(cv2.filter2D(x, -1, SHARPEN, borderType=cv2.BORDER_REFLECT), 0, 1) for x in boxes
    ]
    names = [("box", i) for i in range(6)] + [("sharp", i) for i in range(6)]
    apply = bgmv2.random_focus("foreground", "alpha", probability=0.3)
    seen = []
    for i in range(200):
        sample = {"foreground": tf.constant(PICTURE), "alpha": tf.constant(PICTURE[..., :1])}
        found = apply(sample | {"seed": tf.constant([3, i])})
        errors = [np.abs(found["foreground"] - expected).max() for expected in boxes + sharp]
        assert min(errors) < 1e-5
        seen.append(names[int(np.argmin(errors))])
        np.testing.assert_allclose(found["alpha"][..., 0], found["foreground"][..., 0], atol=1e-6)
    assert {i for name, i in seen if name == "box"} == set(range(6))
    sharpened = sum(name == "sharp" for name, _ in seen)
    blurred = sum(i > 0 for _, i in seen)  # one in six boxes is a single pixel
    assert 41 <= sharpened <= 79 and 30 <= blurred <= 70  # three standard deviations


def test_a_shadow_darkens_within_its_strength_as_often_as_asked():
    background = tf.fill((64, 64, 3), 0.5)
    alpha = np.zeros((64, 64, 1), np.float32)
    alpha[16:48, 16:48] = 1.0
    apply, darkest = bgmv2.random_shadow(), []
    for i in range(100):
        sample = {"background": background, "alpha": tf.constant(alpha)}
        scene = apply(sample | {"seed": tf.constant([3, i])})["scene"].numpy()
        assert scene.max() <= 0.5 + 1e-6
        darkest.append(0.5 - scene.min())
    assert 16 <= sum(d > 1e-6 for d in darkest) <= 44  # of 0.3, three standard deviations
    assert 0.15 < max(darkest) <= 0.3 + 1e-6


def test_a_projective_transform_samples_between_pixels_and_is_0_outside():
    row = tf.constant([[[1.0], [2.0], [4.0], [8.0]]])
    moved = bgmv2.projective_transform(row, tf.constant([1, 0, 0.25, 0, 1, 0, 0, 0.0]))
    np.testing.assert_allclose(moved[0, :, 0], [1.25, 2.5, 5.0, 6.0])
    halved = bgmv2.projective_transform(row, tf.constant([2, 0, 0, 0, 1, 0, 0, 0.0]))
    np.testing.assert_allclose(halved[0, :, 0], [1.0, 4.0, 0.0, 0.0])


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tensorflow-addons has no build for it")
def test_a_projective_transform_equals_that_of_addons():
    import tensorflow_addons as tfa

    for _ in range(10):
        a = [1, 0, 0, 0, 1, 0, 0, 0] + RNG.normal(0, [0.2, 0.2, 5, 0.2, 0.2, 5, 1e-3, 1e-3])
        transform = tf.constant(a, tf.float32)
        found = bgmv2.projective_transform(tf.constant(PICTURE), transform)
        np.testing.assert_array_equal(found, tfa.image.transform(PICTURE, transform, "bilinear"))
