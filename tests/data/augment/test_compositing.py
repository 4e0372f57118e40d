"""A composite is what the formula says."""

import cv2
import numpy as np
import tensorflow as tf

from keras_matting.data.augment import compositing

RNG = np.random.default_rng(0)
PICTURE = RNG.random((40, 50, 3), dtype=np.float32)
SMOOTH = cv2.GaussianBlur(PICTURE, (0, 0), 4)


def test_select_drops_the_rest():
    assert compositing.select("image", "alpha")({"image": 1, "alpha": 2, "seed": 3}) == {
        "image": 1,
        "alpha": 2,
    }


def test_composite_formula():
    alpha = RNG.random((40, 50, 1), dtype=np.float32)
    sample = {"alpha": alpha, "foreground": PICTURE, "background": SMOOTH}
    expected = alpha * PICTURE + (np.float32(1) - alpha) * SMOOTH
    sample = {key: tf.constant(value) for key, value in sample.items()}
    image = compositing.composite()(sample)["image"]
    np.testing.assert_array_equal(image, expected)


def test_composite_by_hand():
    sample = {
        "alpha": tf.constant([[[0.25]]]),
        "foreground": tf.constant([[[1.0, 0.0, 0.5]]]),
        "background": tf.constant([[[0.0, 1.0, 0.5]]]),
    }
    np.testing.assert_array_equal(compositing.composite()(sample)["image"][0, 0], [0.25, 0.75, 0.5])
