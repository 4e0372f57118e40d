"""Quantization-aware models: the float network's function, trainable, and back out again."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from export.convert import convert
from export.layer_errors import worst_layers
from keras_matting.models import create_model
from keras_matting.quantization import qat
from keras_matting.quantization.rules import KERNELS
from keras_matting.training import devices


def alpha(model, images):
    return model.predict({"image": images}, verbose=0)["alpha"]


def test_outputs_keep_their_names_shapes_and_nearly_their_values(network, quantised, images):
    expected = network.predict({"image": images}, verbose=0)
    found = quantised.predict({"image": images}, verbose=0)
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].shape == expected[name].shape
        # Eight bits of logits in +-6.25 are steps of 0.049, at most 0.0123 of alpha.
        assert np.abs(found[name] - expected[name]).mean() < 0.0123
    assert np.abs(found["alpha"] - expected["alpha"]).max() > 0


def test_quantising_leaves_the_float_model_alone(new_network, images):
    model = new_network()
    before = alpha(model, images)
    qat.quantize(model, [{"image": images}])
    np.testing.assert_array_equal(alpha(model, images), before)


def test_fit_learns_and_goes_back_into_the_float_model(new_network, images):
    truth = {
        "alpha": images.mean(-1, keepdims=True),
        "semantic": images[:, ::4, ::4, :1],
    }
    model = new_network()
    quantised = qat.quantize(model, [{"image": images}])
    quantised.compile(keras.optimizers.Adam(3e-3), loss={"alpha": "mse", "semantic": "mse"})
    batches = tf.data.Dataset.from_tensor_slices(({"image": images}, truth)).batch(4)
    history = quantised.fit(batches, epochs=20, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    step = quantised.make_train_function().get_concrete_function(iter(batches))
    assert set(devices.refusing(step.graph.as_graph_def())) == {
        "FakeQuantWithMinMaxVarsGradient",
        "FakeQuantWithMinMaxVarsPerChannelGradient",
    }

    def error(model):
        return np.square(alpha(model, images) - truth["alpha"]).mean()

    untrained = error(model)
    assert qat.float_weights(quantised, model) is model
    assert error(model) < 0.7 * untrained
    assert np.abs(alpha(model, images) - alpha(quantised, images)).mean() < 0.0123


def test_untrained_weights_come_back_as_they_were(new_network, images):
    model = new_network()
    quantised = qat.quantize(model, [{"image": images}])
    before = alpha(model, images)
    for layer in model.layers:
        if type(layer) in KERNELS:
            kernel, *bias = layer.get_weights()
            layer.set_weights([kernel * 0, *bias])
    restored = qat.float_weights(quantised, model)
    np.testing.assert_allclose(alpha(restored, images), before, atol=1e-5)


def test_a_convolution_without_bias_keeps_none(new_network, images):
    quantised = qat.quantize(new_network(), [{"image": images}])
    quantised.compile("sgd", loss={"alpha": "mse"})
    quantised.fit({"image": images}, {"alpha": images[..., :1]}, verbose=0)
    _, (bias, _) = quantised.get_layer("quant_context_conv").kernel_and_bias()
    np.testing.assert_array_equal(bias.numpy(), 0)


def test_every_trainable_variable_gets_a_gradient(new_network, images):
    quantised = qat.quantize(new_network(), [{"image": images}])
    with tf.GradientTape() as tape:
        outputs = quantised({"image": images}, training=True)
        loss = sum(tf.reduce_mean(output) for output in outputs.values())
    gradients = tape.gradient(loss, quantised.trainable_variables)
    named = zip(quantised.trainable_variables, gradients, strict=True)
    missing = [variable.name for variable, gradient in named if gradient is None]
    assert not missing


def test_settled_weights_are_on_their_levels_and_stay_there(new_network, images):
    quantised = qat.quantize(new_network(), [{"image": images}])
    before = alpha(quantised, images)
    settled = alpha(qat.deployment(quantised), images)
    np.testing.assert_allclose(settled, before, atol=0.0123)
    np.testing.assert_array_equal(alpha(qat.deployment(quantised), images), settled)


def test_ranges_of_the_image_do_not_follow_the_data(new_network, images):
    dim = 0.4 + 0.1 * images
    quantised = qat.quantize(new_network(), [{"image": dim}] * 2)
    first = quantised.get_layer("quant_image")
    np.testing.assert_allclose(first(images), images, atol=1e-7)


def test_mixed_precision_becomes_float32(new_network, images):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        quantised = qat.quantize(new_network(), [{"image": images}])
        assert keras.mixed_precision.global_policy().name == "mixed_float16"
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert {layer.compute_dtype for layer in quantised.layers} == {"float32"}


@pytest.mark.parametrize("heads", [True, False])
def test_saved_weights_load(new_network, images, tmp_path, heads):
    network = new_network() if heads else qat.deployment(new_network())
    saved = qat.quantize(network, [{"image": images}])
    qat.deployment(saved)
    path = tmp_path / "qat.weights.h5"
    saved.save_weights(path)
    loaded = qat.load_quantized(new_network(), str(path))
    assert list(loaded.output) == ["alpha"]
    np.testing.assert_array_equal(alpha(loaded, images), alpha(saved, images))


def test_weights_of_another_network_are_refused(new_network, tmp_path):
    path = tmp_path / "float.weights.h5"
    new_network().save_weights(path)
    with pytest.raises(ValueError, match="not hold quantization-aware weights of toy, but float"):
        qat.load_quantized(new_network(), str(path))
    with pytest.raises(FileNotFoundError, match="weights file not found: missing"):
        qat.load_quantized(new_network(), "missing.weights.h5")


def chain(*between):
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Rescaling(2.0, -1.0)(image)
    for layer in between:
        x = layer(x)
    x = layers.Activation("sigmoid")(layers.Conv2D(1, 1, name="logit")(x))
    return keras.Model({"image": image}, {"alpha": x}, name="strange")


@pytest.mark.parametrize(
    "between, message",
    [
        ([layers.Conv2D(4, 3), layers.ReLU(), layers.BatchNormalization(name="late")], "norm late"),
        ([layers.LayerNormalization(name="strange")], "strange of type LayerNormalization"),
        ([layers.Conv2D(4, 3), layers.Activation("tanh", name="bent")], "bent has no int8 rule"),
        ([layers.AveragePooling2D(padding="same", name="pool")], "pool needs padding='valid'"),
    ],
)
def test_what_has_no_rule_is_named(between, message):
    with pytest.raises(ValueError, match=message):
        qat.quantize(chain(*between))


def test_a_dropout_joins_what_has_one_range(quantised, images):
    """Behind it a map is enlarged and joined: the file has one scale for all of them."""
    data = convert(quantised, "int8_qat")
    rows = worst_layers(data, quantised, {"image": images[0]}, count=99)
    errors = {row["layer"]: row["steps"] for row in rows}
    assert errors["quant_low_relu"] < 1e-3 and errors["quant_fuse_relu"] < 1e-3


def test_a_matte_that_a_network_refines_is_as_integers_hold_it():
    """DIM's raw alpha is an output while it trains, and goes on into the refinement."""
    model = create_model("dim_vgg16_mobile", (32, 32, 3), training_heads=True)
    drawn = tf.random.stateless_uniform((1, 32, 32, 3), [0, 1])
    inputs = {"image": drawn, "trimap": tf.round(2 * drawn[..., :1]) / 2}
    raw = qat.quantize(model, [inputs])(inputs)["alpha_raw"].numpy()
    np.testing.assert_array_equal(raw * 256, np.rint(raw * 256))
