"""What holds for every model of the garden."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.models import create_model, list_models, load_weights, without_heads

SMALL = dict(width=0.35)


def images(*shape):
    return {"image": np.random.default_rng(0).random((*shape, 3), np.float32)}


@pytest.fixture(scope="module", params=list_models())
def model(request):
    keras.utils.set_random_seed(1)
    return create_model(request.param, (None, None, 3), training_heads=True, **SMALL)


def test_sizes_and_ranges(model):
    for size in ((2, 64, 96), (1, 96, 32)):
        outputs = model(images(*size))
        assert outputs["alpha"].shape == (*size, 1)
        for output in outputs.values():
            assert output.dtype == tf.float32
            assert 0.0 <= np.min(output) and np.max(output) <= 1.0


def test_every_variable_learns(model):
    with tf.GradientTape() as tape:
        outputs = model(images(2, 64, 96), training=True)
        loss = tf.add_n([tf.reduce_mean(tf.square(output - 0.3)) for output in outputs.values()])
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name


def test_saved_and_loaded_it_is_the_same_function(model, tmp_path):
    x = images(1, 64, 64)
    expected = model(x)["alpha"]
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.models.load_model(tmp_path / "model.keras")(x)["alpha"], expected
    )
    model.save_weights(tmp_path / "full.weights.h5")
    without_heads(model).save_weights(tmp_path / "plain.weights.h5")
    for file in ("full", "plain"):
        path = str(tmp_path / f"{file}.weights.h5")
        loaded = create_model(model.name, (64, 64, 3), weights=path, **SMALL)
        assert list(loaded.output) == ["alpha"]
        np.testing.assert_allclose(loaded(x)["alpha"], expected, atol=1e-6)


def test_half_precision_keeps_float32_outputs(model):
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        half = create_model(model.name, (64, 64, 3), training_heads=True, **SMALL)
    finally:
        keras.mixed_precision.set_global_policy(policy)
    half.set_weights(model.get_weights())
    x = images(2, 64, 64)
    for name, output in half(x).items():
        assert output.dtype == tf.float32
        np.testing.assert_allclose(output, model(x)[name], atol=0.1)
    assert half.get_layer("backbone_stem_conv").compute_dtype == "bfloat16"


def test_unknown_name_and_wrong_weights_say_so(tmp_path):
    with pytest.raises(ValueError, match="no model 'modnet'; known are .*modnet_mobilenetv2"):
        create_model("modnet")
    with pytest.raises(FileNotFoundError, match="missing.weights.h5"):
        create_model("modnet_mobilenetv2", weights="missing.weights.h5")
    other = tmp_path / "other.weights.h5"
    create_model("modnet_mobilenetv2_mobile", (64, 64, 3), width=0.5).save_weights(other)
    with pytest.raises(ValueError, match="other.weights.h5 does not hold the weights of modnet_m"):
        create_model("modnet_mobilenetv2_mobile", (64, 64, 3), weights=str(other), **SMALL)


def test_a_file_without_heads_cannot_go_on_training(tmp_path):
    path = tmp_path / "plain.weights.h5"
    create_model("modnet_mobilenetv2_mobile", (64, 64, 3), **SMALL).save_weights(path)
    full = create_model("modnet_mobilenetv2_mobile", (64, 64, 3), training_heads=True, **SMALL)
    with pytest.raises(ValueError, match="lacks the training heads"):
        load_weights(full, path, training_heads=True)
