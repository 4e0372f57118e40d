"""Changes of colour by their definitions."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import colour

RNG = np.random.default_rng(0)
PICTURE = RNG.random((40, 50, 3), dtype=np.float32)
SMOOTH = cv2.GaussianBlur(PICTURE, (0, 0), 4)


def seeds(count):
    return [tf.constant([11, i]) for i in range(count)]


def test_colour_without_amplitude_is_the_identity():
    apply = colour.random_color("image", brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    result = apply({"image": tf.constant(PICTURE), "seed": seeds(1)[0]})["image"]
    np.testing.assert_allclose(result, PICTURE, atol=2e-6)


def test_brightness_and_contrast_are_one_line_through_all_pixels():
    muted = 0.4 + 0.2 * PICTURE  # nothing clips
    gains, shifts = [], []
    for seed in seeds(40):
        apply = colour.random_color("image", brightness=0.1, contrast=0.2, saturation=0.0, hue=0.0)
        result = apply({"image": tf.constant(muted), "seed": seed})["image"].numpy()
        gain, offset = np.polyfit(muted.ravel(), result.ravel(), 1)
        np.testing.assert_allclose(result, gain * muted + offset, atol=1e-5)
        gains.append(gain)
        shifts.append(offset - 0.5 * (1 - gain))
    assert 0.8 <= min(gains) < 0.85 and 1.15 < max(gains) <= 1.2
    assert -0.1 <= min(shifts) < -0.08 and 0.08 < max(shifts) <= 0.1


def test_saturation_and_hue_keep_luma_and_grey():
    muted = 0.4 + 0.2 * PICTURE
    muted[0, 0] = 0.5
    luma = np.float32([0.299, 0.587, 0.114])
    apply = colour.random_color("image", brightness=0.0, contrast=0.0, saturation=0.5, hue=0.1)
    for seed in seeds(5):
        result = apply({"image": tf.constant(muted), "seed": seed})["image"].numpy()
        np.testing.assert_allclose(result @ luma, muted @ luma, atol=1e-5)
        np.testing.assert_allclose(result[0, 0], 0.5, atol=1e-5)
        assert np.abs(result - muted).max() > 0.01


@pytest.mark.parametrize("amount", ["brightness", "contrast"])
def test_jitter_multiplies_about_black_or_the_mean(amount):
    muted = 0.3 + 0.2 * PICTURE  # nothing clips
    mean = (muted @ np.float32([0.299, 0.587, 0.114])).mean()
    gains = []
    for seed in seeds(40):
        none = dict(brightness=0.0, contrast=0.0, saturation=0.0)
        apply = colour.random_jitter("image", **none | {amount: 0.4})
        result = apply({"image": tf.constant(muted), "seed": seed})["image"].numpy()
        gain, offset = np.polyfit(muted.ravel(), result.ravel(), 1)
        np.testing.assert_allclose(result, gain * muted + offset, atol=1e-5)
        fixed = {"brightness": 0.0, "contrast": mean}[amount]
        np.testing.assert_allclose(offset, (1 - gain) * fixed, atol=1e-5)
        gains.append(gain)
    assert 0.6 <= min(gains) < 0.68 and 1.32 < max(gains) <= 1.4


def test_jitter_happens_as_often_as_asked():
    changed = 0
    apply = colour.random_jitter("image", brightness=0.4, contrast=0.0, saturation=0.0, each=0.3)
    for seed in seeds(100):
        result = apply({"image": tf.constant(SMOOTH), "seed": seed})["image"].numpy()
        changed += np.abs(result - SMOOTH).max() > 1e-5
    assert 16 <= changed <= 44  # three standard deviations of a binomial


def test_jitter_turns_hue_and_keeps_luma():
    muted = 0.4 + 0.2 * PICTURE
    luma = np.float32([0.299, 0.587, 0.114])
    apply = colour.random_jitter("image", brightness=0.0, contrast=0.0, saturation=0.5, hue=0.1)
    for seed in seeds(5):
        result = apply({"image": tf.constant(muted), "seed": seed})["image"].numpy()
        np.testing.assert_allclose(result @ luma, muted @ luma, atol=1e-5)
        assert np.abs(result - muted).max() > 0.01
