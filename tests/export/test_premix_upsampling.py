"""Convolutions whose channels are mixed before the upsampling give what they gave behind it."""

import numpy as np
import pytest
from tensorflow import keras
from tensorflow.keras import layers

from export.convert import convert
from export.interpreters import Exported, gpu_warnings, structure
from export.premix_upsampling import MixedBeforeUpsampling, mixed_before_upsampling
from export.stand_in_weights import fill
from keras_matting.layers.ibnorm import IBNorm
from keras_matting.models import create_model


def network(interpolation="bilinear", factor=2, kernel_size=5, use_twice=False, **options):
    image = keras.Input((6, 4, 48), name="image")
    x = up = layers.UpSampling2D(factor, interpolation=interpolation, name="up")(image)
    x = layers.Conv2D(
        8, kernel_size, padding="same", bias_initializer="normal", name="conv", **options
    )(x)
    if use_twice:
        x = layers.Concatenate(name="concat")([x, up])
    return keras.Model({"image": image}, {"alpha": x}, name="net")


def replaced(model):
    return [layer.name for layer in model.layers if isinstance(layer, MixedBeforeUpsampling)]


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("kernel_size", [(1, 1), (4, 3), (5, 5)])
def test_equal_up_to_rounding(interpolation, factor, kernel_size):
    model = network(interpolation, factor, kernel_size)
    mixed = mixed_before_upsampling(model)
    assert replaced(mixed) == ["conv"]
    x = {"image": np.random.default_rng(0).normal(size=(1, 6, 4, 48)).astype(np.float32)}
    expected = model(x)["alpha"]
    assert mixed.output["alpha"].shape == expected.shape
    np.testing.assert_allclose(mixed(x)["alpha"], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        dict(use_twice=True),
        dict(strides=2),
        dict(dilation_rate=2),
        dict(groups=2),
        dict(activation="relu"),
    ],
    ids=str,
)
def test_others_stay_as_they_are(options):
    model = network(**options)
    assert mixed_before_upsampling(model) is model


def test_published_modnet_as_a_file():
    model = create_model("modnet_mobilenetv2", (64, 96, 3))
    image = {"image": np.random.default_rng(0).random((1, 64, 96, 3), np.float32)}
    fill(model, image)
    # at 512x512 the two of the semantic branch alone: moving taps costs more on larger maps
    expected = ["semantic16_conv", "semantic8_conv", "fusion4_conv"]
    assert replaced(mixed_before_upsampling(model)) == expected
    data = convert(model, "float32")
    found = Exported(data)(image)["alpha"]
    np.testing.assert_allclose(found, model(image)["alpha"], rtol=0, atol=1e-4)
    # an IBNorm's means are of rows, and then of their means; one more is squeeze-and-excitation's
    norms = sum(isinstance(layer, IBNorm) for layer in model.layers)
    assert structure(data)["operators"]["MEAN"] == 4 * norms + 1
    # float16 keeps to the graph as it is, and takes its small weights from that
    halved = convert(model, "float16")
    found = Exported(halved)(image)["alpha"]
    np.testing.assert_allclose(found, model(image)["alpha"], rtol=0, atol=1e-2)
    assert gpu_warnings(halved) == []
