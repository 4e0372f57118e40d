"""MobileNetV2 equals keras.applications for the same weights."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.backbones.mobilenet_v2 import load_imagenet, mobilenet_v2
from keras_matting.models import create_model


def applications(width, side):
    """A keras.applications network with random weights and statistics: no download needed."""
    keras.utils.set_random_seed(3)
    shape = (side, side, 3)
    source = keras.applications.MobileNetV2(shape, width, include_top=False, weights=None)
    random = np.random.default_rng(0)
    for layer in source.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            low, high = [0.5, -0.2, -0.2, 0.01], [1.5, 0.2, 0.2, 1.0]
            size = layer.gamma.shape[0]
            layer.set_weights([random.uniform(a, b, size) for a, b in zip(low, high, strict=True)])
    return source


@pytest.mark.parametrize("symmetric, side", [(True, 65), (False, 64)])
def test_same_features_for_the_same_weights(symmetric, side):
    # if all maps have odd sides, TensorFlow's SAME padding is symmetric
    source = applications(0.5, side)
    image = keras.Input((side, side, 3))
    features = mobilenet_v2(image, 0.5, symmetric=symmetric)
    model = keras.Model(image, features)
    load_imagenet(model, source=source)
    taps = ["expanded_conv_project_BN", "block_2_add", "block_5_add", "block_12_add", "out_relu"]
    theirs = keras.Model(source.input, [source.get_layer(name).output for name in taps])
    x = tf.random.stateless_uniform((2, side, side, 3), [1, 2], -1.0, 1.0)
    for ours, expected in zip(model(x).values(), theirs(x), strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-4 * np.abs(expected).max())


def test_fills_every_backbone_layer_of_a_model():
    model = create_model("modnet_mobilenetv2", (64, 64, 3), width=0.5)
    filled = load_imagenet(model, source=applications(0.5, 64))
    assert len(filled) == 2 * 52


def test_refuses_a_source_of_another_width():
    model = create_model("modnet_mobilenetv2", (64, 64, 3), width=0.5)
    with pytest.raises(ValueError):
        load_imagenet(model, source=applications(0.35, 64))
