"""Fusion by class and trimap classes, against values computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.layers.class_selection import FuseByClass, TrimapClasses


def fused(values, classes, detail):
    pixel = [tf.constant(x, tf.float32)[None, None, None] for x in (classes, [detail])]
    return FuseByClass(values)(pixel).numpy().item()


@pytest.mark.parametrize(
    "classes, expected",
    [([0.5, 0.2, 0.1], 1.0), ([0.1, 0.5, 0.2], 0.25), ([0.1, 0.2, 0.5], 0.0)],
)
def test_the_class_with_the_highest_score_gives_the_value(classes, expected):
    assert fused((1.0, None, 0.0), classes, 0.25) == expected


@pytest.mark.parametrize(
    "classes, expected",
    [([0.5, 0.5, 0.5], 1.0), ([0.1, 0.5, 0.5], 0.25), ([0.5, 0.1, 0.5], 1.0)],
)
def test_the_first_of_equal_classes_wins(classes, expected):
    assert fused((1.0, None, 0.0), classes, 0.25) == expected


def test_only_detail_receives_a_gradient():
    classes, detail = tf.constant([[[[0.1, 0.6, 0.2]]]]), tf.constant([[[[0.3]]]])
    with tf.GradientTape() as tape:
        tape.watch([classes, detail])
        alpha = FuseByClass((0.0, None, 1.0))([classes, detail])
    by_classes, by_detail = tape.gradient(alpha, [classes, detail])
    assert by_classes is None and float(by_detail) == 1.0


@pytest.mark.parametrize("unknown", [0.5, 128 / 255])
def test_trimap_classes(unknown):
    trimap = tf.constant([0.0, unknown, 1.0], tf.float32)[None, None, :, None]
    one_hot = TrimapClasses([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])(trimap)
    np.testing.assert_array_equal(one_hot[0, 0], np.eye(3))
    levels = TrimapClasses([0.0], [128 / 255], [1.0])(trimap)
    np.testing.assert_array_equal(levels[0, 0, :, 0], np.float32([0, 128 / 255, 1]))


@pytest.mark.parametrize("layer", [FuseByClass((0.0, None)), TrimapClasses([0.0], [0.5], [1.0])])
def test_config_round_trip(layer):
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config
