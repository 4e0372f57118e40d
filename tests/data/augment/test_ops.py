"""Colour, composition and degradation against numbers from outside the code."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import ops

RNG = np.random.default_rng(0)
PICTURE = RNG.random((40, 50, 3), dtype=np.float32)
SMOOTH = cv2.GaussianBlur(PICTURE, (0, 0), 4)


def seeds(count):
    return [tf.constant([11, i]) for i in range(count)]


def test_to_float_divides_bytes_and_leaves_the_rest():
    sample = {
        "image": tf.constant([[[0, 51, 255]]], tf.uint8),
        "trimap": tf.constant([[[128]]], tf.uint8),
        "alpha": tf.constant([[[0.25]]]),
        "seed": tf.constant([1, 2]),
    }
    result = ops.to_float()(sample)
    np.testing.assert_array_equal(result["image"][0, 0], np.float32([0, 0.2, 1]))
    for key in ("trimap", "alpha", "seed"):
        assert result[key] is sample[key]


def test_keep_drops_the_rest():
    assert ops.select("image", "alpha")({"image": 1, "alpha": 2, "seed": 3}) == {
        "image": 1,
        "alpha": 2,
    }


def test_composite_formula():
    alpha = RNG.random((40, 50, 1), dtype=np.float32)
    sample = {"alpha": alpha, "foreground": PICTURE, "background": SMOOTH}
    expected = alpha * PICTURE + (np.float32(1) - alpha) * SMOOTH
    image = ops.composite()({key: tf.constant(value) for key, value in sample.items()})["image"]
    np.testing.assert_array_equal(image, expected)


def test_composite_by_hand():
    sample = {
        "alpha": tf.constant([[[0.25]]]),
        "foreground": tf.constant([[[1.0, 0.0, 0.5]]]),
        "background": tf.constant([[[0.0, 1.0, 0.5]]]),
    }
    np.testing.assert_array_equal(ops.composite()(sample)["image"][0, 0], [0.25, 0.75, 0.5])


def test_colour_without_amplitude_is_the_identity():
    apply = ops.random_color("image", brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    result = apply({"image": tf.constant(PICTURE), "seed": seeds(1)[0]})["image"]
    np.testing.assert_allclose(result, PICTURE, atol=2e-6)


def test_brightness_and_contrast_are_one_line_through_all_pixels():
    muted = 0.4 + 0.2 * PICTURE  # nothing clips
    gains, shifts = [], []
    for seed in seeds(40):
        apply = ops.random_color("image", brightness=0.1, contrast=0.2, saturation=0.0, hue=0.0)
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
    apply = ops.random_color("image", brightness=0.0, contrast=0.0, saturation=0.5, hue=0.1)
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
        apply = ops.random_jitter("image", **none | {amount: 0.4})
        result = apply({"image": tf.constant(muted), "seed": seed})["image"].numpy()
        gain, offset = np.polyfit(muted.ravel(), result.ravel(), 1)
        np.testing.assert_allclose(result, gain * muted + offset, atol=1e-5)
        fixed = {"brightness": 0.0, "contrast": mean}[amount]
        np.testing.assert_allclose(offset, (1 - gain) * fixed, atol=1e-5)
        gains.append(gain)
    assert 0.6 <= min(gains) < 0.68 and 1.32 < max(gains) <= 1.4


def test_jitter_happens_as_often_as_asked():
    changed = 0
    apply = ops.random_jitter("image", brightness=0.4, contrast=0.0, saturation=0.0, each=0.3)
    for seed in seeds(100):
        result = apply({"image": tf.constant(SMOOTH), "seed": seed})["image"].numpy()
        changed += np.abs(result - SMOOTH).max() > 1e-5
    assert 16 <= changed <= 44  # three standard deviations of a binomial


def test_jitter_turns_hue_and_keeps_luma():
    muted = 0.4 + 0.2 * PICTURE
    luma = np.float32([0.299, 0.587, 0.114])
    apply = ops.random_jitter("image", brightness=0.0, contrast=0.0, saturation=0.5, hue=0.1)
    for seed in seeds(5):
        result = apply({"image": tf.constant(muted), "seed": seed})["image"].numpy()
        np.testing.assert_allclose(result @ luma, muted @ luma, atol=1e-5)
        assert np.abs(result - muted).max() > 0.01


def test_blur_is_the_same_on_all_its_pictures():
    apply = ops.random_blur("image", "alpha", sigma=(0.5, 2.0), probability=1.0)
    sample = {"image": PICTURE, "alpha": PICTURE[..., :1], "seed": seeds(1)[0]}
    result = apply({key: tf.constant(value) for key, value in sample.items()})
    np.testing.assert_array_equal(result["alpha"][..., 0], result["image"][..., 0])


def test_blur_is_opencvs():
    apply = ops.random_blur("image", sigma=(1.5, 1.5), probability=1.0)
    result = apply({"image": tf.constant(PICTURE), "seed": seeds(1)[0]})["image"]
    expected = cv2.GaussianBlur(PICTURE, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_noise_has_zero_mean_and_the_range_of_deviations():
    apply = ops.random_noise(deviation=0.02, probability=1.0)
    grey = tf.fill((64, 64, 3), 0.5)
    residues = [apply({"image": grey, "seed": seed})["image"].numpy() - 0.5 for seed in seeds(60)]
    deviations = [residue.std() for residue in residues]
    for residue, deviation in zip(residues, deviations, strict=True):
        assert abs(residue.mean()) < 5 * deviation / np.sqrt(residue.size)
    assert min(deviations) < 0.002 and 0.018 < max(deviations) < 0.0205


def test_jpeg_is_opencvs_up_to_rounding():
    apply = ops.random_jpeg(quality=(60, 60), probability=1.0)
    result = apply({"image": tf.constant(SMOOTH), "seed": seeds(1)[0]})["image"].numpy()
    code = cv2.imencode(
        ".jpg", np.uint8(SMOOTH * 255.5)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60]
    )[1]
    expected = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1] / 255.0
    assert np.abs(result - expected).max() < 3 / 255
    assert np.abs(result - SMOOTH).max() > 3 / 255


DEGRADATIONS = {
    "blur": lambda p: ops.random_blur("image", sigma=(0.5, 2.0), probability=p),
    "noise": lambda p: ops.random_noise("image", 0.3, p),
    "jpeg": lambda p: ops.random_jpeg("image", (5, 50), p),
}


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degradations_stay_in_range_and_happen_as_often_as_asked(name):
    changed = 0
    for seed in seeds(100):
        sample = {"image": tf.constant(PICTURE), "seed": seed}
        result = DEGRADATIONS[name](0.3)(sample)["image"].numpy()
        assert result.shape == PICTURE.shape and result.min() >= 0.0 and result.max() <= 1.0
        changed += (result != PICTURE).any()
    assert 16 <= changed <= 44  # three standard deviations of a binomial


def test_ops_draw_independently():
    sample = {"seed": tf.constant([3, 4])}
    first = ops.draw(sample, "random_color:foreground", 1000).numpy()
    second = ops.draw(sample, "random_color:background", 1000).numpy()
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    np.testing.assert_array_equal(first, ops.draw(sample, "random_color:foreground", 1000))
