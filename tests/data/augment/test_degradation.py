"""Blur, noise and JPEG against OpenCV and by their statistics."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import degradation

RNG = np.random.default_rng(0)
PICTURE = RNG.random((40, 50, 3), dtype=np.float32)
SMOOTH = cv2.GaussianBlur(PICTURE, (0, 0), 4)


def seeds(count):
    return [tf.constant([11, i]) for i in range(count)]


def test_blur_is_the_same_on_all_its_pictures():
    apply = degradation.random_blur("image", "alpha", sigma=(0.5, 2.0), probability=1.0)
    sample = {"image": PICTURE, "alpha": PICTURE[..., :1], "seed": seeds(1)[0]}
    result = apply({key: tf.constant(value) for key, value in sample.items()})
    np.testing.assert_array_equal(result["alpha"][..., 0], result["image"][..., 0])


def test_blur_is_opencvs():
    apply = degradation.random_blur("image", sigma=(1.5, 1.5), probability=1.0)
    result = apply({"image": tf.constant(PICTURE), "seed": seeds(1)[0]})["image"]
    expected = cv2.GaussianBlur(PICTURE, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_noise_has_zero_mean_and_the_range_of_deviations():
    apply = degradation.random_noise(deviation=0.02, probability=1.0)
    grey = tf.fill((64, 64, 3), 0.5)
    residues = [apply({"image": grey, "seed": seed})["image"].numpy() - 0.5 for seed in seeds(60)]
    deviations = [residue.std() for residue in residues]
    for residue, deviation in zip(residues, deviations, strict=True):
        assert abs(residue.mean()) < 5 * deviation / np.sqrt(residue.size)
    assert min(deviations) < 0.002 and 0.018 < max(deviations) < 0.0205


def test_jpeg_is_opencvs_up_to_rounding():
    apply = degradation.random_jpeg(quality=(60, 60), probability=1.0)
    result = apply({"image": tf.constant(SMOOTH), "seed": seeds(1)[0]})["image"].numpy()
    code = cv2.imencode(
        ".jpg", np.uint8(SMOOTH * 255.5)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60]
    )[1]
    expected = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1] / 255.0
    assert np.abs(result - expected).max() < 3 / 255
    assert np.abs(result - SMOOTH).max() > 3 / 255


DEGRADATIONS = {
    "blur": lambda p: degradation.random_blur("image", sigma=(0.5, 2.0), probability=p),
    "noise": lambda p: degradation.random_noise("image", 0.3, p),
    "jpeg": lambda p: degradation.random_jpeg("image", (5, 50), p),
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
