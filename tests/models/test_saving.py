"""Models stay the same function when saved and loaded, and in half precision."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.models import create_model, load_weights, without_heads

# all our layers except those of tests/layers, in the networks that load fastest
NAMES = [
    "bgmv2_mobilenetv2",
    "bisenetv2",
    "dim_vgg16",
    "dim_vgg16_bilinear",
    "gca",
    "gfm_mobilenetv2_bt_mobile",
    "modnet_mobilenetv2",
    "modnet_mobilenetv2_mobile",
]


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    keras.utils.set_random_seed(1)
    return create_model(request.param, (None, None, 3), training_heads=True)


def inputs(model, batch):
    rng = np.random.default_rng(0)
    values = {key: rng.random((batch, 64, 64, 3), np.float32) for key in model.input}
    if "trimap" in values:
        values["trimap"] = np.float32(rng.integers(0, 3, (batch, 64, 64, 1)) / 2)
    return values


def test_save_and_load(model, tmp_path):
    x = inputs(model, 1)
    plain = without_heads(model)
    expected = plain(x)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")(x)
    for name, output in expected.items():
        np.testing.assert_allclose(again[name], output, atol=1e-5)
    full, headless = (tmp_path / f"{file}.weights.h5" for file in ("full", "headless"))
    model.save_weights(full)
    plain.save_weights(headless)
    loaded = create_model(model.name, (64, 64, 3), True, weights=str(full))
    check(without_heads(loaded)(x), expected)
    loaded.set_weights([np.zeros_like(values) for values in loaded.get_weights()])
    check(load_weights(loaded, headless)(x), expected)


def check(outputs, expected):
    assert list(outputs) == list(expected)
    for name, output in expected.items():
        np.testing.assert_allclose(outputs[name], output, atol=1e-5)


def test_half_precision_keeps_float32_outputs(model):
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        half = create_model(model.name, (64, 64, 3), training_heads=True)
    finally:
        keras.mixed_precision.set_global_policy(policy)
    half.set_weights(model.get_weights())
    x = inputs(model, 2)
    expected = model(x)
    for name, output in half(x).items():
        assert output.dtype == tf.float32
        # eight bits of mantissa, and a different class or patch here and there
        scale = max(1.0, np.abs(expected[name]).max())
        assert np.abs(output - expected[name]).mean() < 0.03 * scale, name
    assert any(layer.compute_dtype == "bfloat16" for layer in half.layers)
