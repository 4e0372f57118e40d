"""What validates: composites and photographs, whole, or at their own scale for a trimap."""

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import presets

RNG = np.random.default_rng(5)


def photograph(**others):
    """A disc of 48x64 pixels with a soft edge, over noise."""
    y, x = np.mgrid[:48, :64]
    alpha = np.clip(40 * (14 - np.hypot(y - 24, x - 32)) + 128, 0, 255)
    image = RNG.integers(0, 256, (48, 64, 3))
    sample = {"image": image, "alpha": alpha[..., None], **others}
    return {key: tf.constant(value, tf.uint8) for key, value in sample.items()}


def seeded(sample, i=0):
    return sample | {"seed": tf.constant([3, i])}


def applied(operations, sample):
    for operation in operations:
        sample = operation(sample)
    return {key: np.asarray(value) for key, value in sample.items()}


def test_a_trimap_network_sees_crops_at_the_photographs_scale():
    sample = photograph()
    image, alpha = (np.asarray(sample[key]) for key in ("image", "alpha"))
    for i in range(4):
        found = applied(presets.validation_with_trimap(32), seeded(sample, i))
        crop = np.rint(255 * found["image"]).astype(np.uint8)
        places = np.argwhere((image[:17, :33] == crop[0, 0]).all(-1))
        (top, left), *_ = [p for p in places if (image[p[0] :, p[1] :][:32, :32] == crop).all()]
        window = alpha[top : top + 32, left : left + 32]
        np.testing.assert_array_equal(np.rint(255 * found["alpha"]), window)
        unknown = found["trimap"] == 128
        assert unknown.any() and unknown[(window > 8) & (window < 247)].all()


def test_a_given_trimap_is_cropped_alike():
    trimap = np.where(np.arange(64) % 3, 128, 0)[None, :, None] * np.ones((48, 1, 1))
    sample = photograph(trimap=trimap)
    sample["alpha"] = sample["trimap"]
    found = applied(presets.validation_with_trimap(32), seeded(sample))
    np.testing.assert_array_equal(found["trimap"], np.rint(255 * found["alpha"]))


@pytest.mark.parametrize("kept", [True, False])
def test_figures_of_both_kinds_validate_in_one_set(kept):
    """A photograph is shown whole, a cut-out over its background."""
    sample = photograph(foreground=np.full((48, 64, 3), 200))
    sample |= {"background": tf.fill([64, 64, 3], tf.constant(20, tf.uint8))}
    sample |= {"photograph": tf.constant(kept)}
    found = applied(presets.validation(64)[:1], sample)
    if kept:
        np.testing.assert_allclose(255 * found["image"][8:56], sample["image"], atol=1e-3)
        np.testing.assert_array_equal(found["foreground"], found["image"])
    else:
        expected = 20 + 180 * found["alpha"]
        np.testing.assert_allclose(255 * found["image"], expected + 0 * found["image"], atol=1e-3)
