"""Small constants of a float16 file are the float32 ones again, the others stay halved."""

from functools import partial

import numpy as np
import tensorflow as tf
from tensorflow import keras

from export.convert import convert
from export.flatbuffer import edit
from export.float16 import SHARE, halve_large_weights
from export.interpreters import Exported, structure
from export.operators import by_kind, operator_times


def model():
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(16, 3, padding="same", bias_initializer="random_normal")(image)
    x = keras.layers.Conv2D(96, 3, padding="same", activation="relu")(x)
    assert 9 * 3 * 16 + 16 + 96 + 96 + 1 < SHARE * 9 * 16 * 96
    alpha = keras.layers.Conv2D(1, 1, activation="sigmoid", name="alpha")(x)
    return keras.Model({"image": image}, {"alpha": alpha}, name="toy")


def test_only_the_large_kernel_is_halved():
    network = model()
    float32, float16 = convert(network, "float32"), convert(network, "float16")
    halved = network.layers[2].kernel.numpy().astype(np.float16).astype(np.float32)
    network.layers[2].kernel.assign(halved)
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    expected = network({"image": images})["alpha"]
    np.testing.assert_allclose(Exported(float16)({"image": images})["alpha"], expected, atol=1e-6)
    assert np.abs(Exported(float32)({"image": images})["alpha"] - expected).max() > 1e-6
    assert len(float16) < len(float32)


def converter(network):
    names = list(network.output)
    spec = tf.TensorSpec((1, *network.input["image"].shape[1:]), name="image")
    run = tf.function(lambda image: {n: network({"image": image})[n] for n in names})
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [run.get_concrete_function(spec)], network
    )


def test_all_weights_halved_is_the_file_of_the_converter():
    network = model()
    ours = edit(converter(network).convert(), partial(halve_large_weights, share=0.0))
    theirs = converter(network)
    theirs.optimizations = [tf.lite.Optimize.DEFAULT]
    theirs.target_spec.supported_types = [tf.float16]
    theirs = theirs.convert()
    assert structure(ours)["operators"] == structure(theirs)["operators"]
    images = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
    expected = Exported(theirs)({"image": images})["alpha"]
    np.testing.assert_array_equal(Exported(ours)({"image": images})["alpha"], expected)


def test_equal_kernels_share_their_halved_buffer():
    image = keras.Input((16, 16, 3), name="image")
    kernel = np.random.default_rng(0).normal(0, 0.1, (3, 3, 3, 64)).astype(np.float32)
    sides = [
        keras.layers.Conv2D(64, 3, kernel_initializer=lambda *_, **__: tf.constant(kernel))(x)
        for x in (image, 1.0 - image)
    ]
    alpha = keras.layers.Activation("sigmoid")(sides[0] - sides[1])
    network = keras.Model({"image": image}, {"alpha": alpha}, name="toy")
    data = convert(network, "float16")
    images = np.random.default_rng(1).random((1, 16, 16, 3), np.float32)
    expected = network({"image": images})["alpha"]
    np.testing.assert_allclose(Exported(data)({"image": images})["alpha"], expected, atol=1e-3)


def test_weights_are_widened_once_and_not_in_every_run():
    data = convert(model(), "float16")
    assert structure(data)["operators"]["DEQUANTIZE"] == 1
    assert "DEQUANTIZE" not in by_kind(operator_times(data, runs=1))
