"""Channels whose running variance is 0 are constant in every format."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

from export.dead_channels import settle
from keras_matting.quantization import qat


def network():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(2, 1, name="conv")(layers.Rescaling(2.0, -1.0)(image))
    x = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5, name="norm")(x))
    alpha = layers.Activation("sigmoid", name="alpha")(layers.Conv2D(1, 1, name="logit")(x))
    model = keras.Model({"image": image}, {"alpha": alpha}, name="toy")
    model.get_layer("norm").set_weights(
        np.float32([[1.0, 2.0], [0.5, 0.25], [0.0, 0.1], [1.0, 0.0]])
    )
    return model


def test_dead_channels_give_their_offset():
    model = network()
    assert settle(model) == ["norm (1 of 2)"]
    norm = keras.Model(model.input, model.get_layer("norm").output)
    images = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    result = norm({"image": images}).numpy()
    np.testing.assert_array_equal(result[..., 1], 0.25)
    assert np.ptp(result[..., 0]) > 0


def test_quantization_folds_them_as_constants():
    quantised = qat.quantize(network())
    (kernel, quantizer), (bias, _) = quantised.get_layer("quant_conv").kernel_and_bias()
    assert quantizer.scale.numpy()[1] == 0.0 and bias.numpy()[1] == np.float32(0.25)
