"""A step of SOC against the losses and gradients recorded from the published code."""

import numpy as np
import pytest
import tensorflow as tf
from recordings import recording
from tensorflow import keras

from keras_matting.training.soc import RefreshBackup, SelfSupervised

GOLDEN = recording("losses/modnet_soc_odd.npz")
KEYS = {"semantic": "pred_semantic", "detail": "pred_detail", "alpha": "pred_matte"}
BACKUP = {"semantic": "pred_semantic", "detail": "backup_detail", "alpha": "backup_matte"}


class Recorded(keras.layers.Layer):
    """Returns an array that can be trained, whatever its input is."""

    def __init__(self, array):
        super().__init__()
        self.array = self.add_weight("array", array.shape, initializer=lambda *_, **__: array)

    def call(self, image):
        return self.array + 0.0 * tf.reduce_sum(image)


def network(keys):
    image = keras.Input((96, 112, 3), batch_size=2, name="image")
    outputs = {output: Recorded(GOLDEN[key])(image) for output, key in keys.items()}
    return keras.Model({"image": image}, outputs)


@pytest.fixture
def model():
    model = SelfSupervised(network(KEYS), network(BACKUP))
    model.compile(keras.optimizers.SGD(1.0))
    return model


@pytest.fixture
def scaled_model():
    """The same with loss scaling, as in mixed precision on GPUs; its layers stay float32."""
    networks = network(KEYS), network(BACKUP)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = SelfSupervised(*networks)
        model.compile(keras.optimizers.SGD(1.0))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert float(model.optimizer.loss_scale) == 2.0**15
    return model


@pytest.mark.parametrize("kind", ["model", "scaled_model"])
def test_a_step_is_the_published_one(kind, request):
    model = request.getfixturevalue(kind)
    images = np.zeros((2, 96, 112, 3), np.float32)
    logs = model.train_step({"image": images})
    np.testing.assert_allclose(logs["soc_semantic_loss"], GOLDEN["soc_semantic_loss"][0], 1e-5)
    np.testing.assert_allclose(logs["soc_detail_loss"], GOLDEN["soc_detail_loss"][0], 1e-5)
    total = GOLDEN["soc_semantic_loss"][0] + GOLDEN["soc_detail_loss"][0]
    np.testing.assert_allclose(logs["loss"], total, 1e-5)
    after = model.network(images)
    for output, key in KEYS.items():
        gradient = GOLDEN[f"grad_{key}"]
        found = GOLDEN[key] - after[output].numpy()
        # float32 weights near 1 hold a small step to 1e-7
        tolerance = 1e-4 * np.abs(gradient).max() + 1.2e-7
        np.testing.assert_allclose(found, gradient, rtol=0, atol=tolerance)
    backup = model.backup(images)
    for output, key in BACKUP.items():
        np.testing.assert_array_equal(backup[output], GOLDEN[key])


def test_the_backup_becomes_the_network_before_an_epoch(model):
    refresh = RefreshBackup()
    refresh.set_model(model)
    refresh.on_epoch_begin(0)
    images = np.zeros((2, 96, 112, 3), np.float32)
    for output, key in KEYS.items():
        np.testing.assert_array_equal(model.backup(images)[output], GOLDEN[key])


def test_norms_keep_their_running_statistics():
    image = keras.Input((32, 32, 3), batch_size=1, name="image")
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3, padding="same")(image))
    coarse = keras.layers.AveragePooling2D(16)(x)
    outputs = {"semantic": coarse[..., :1], "detail": x[..., 1:2], "alpha": x[..., 2:]}
    outputs = {name: tf.sigmoid(output) for name, output in outputs.items()}
    ours = keras.Model({"image": image}, outputs)
    model = SelfSupervised(ours, keras.models.clone_model(ours))
    model.compile(keras.optimizers.SGD(0.1))
    before = [weight.numpy() for weight in ours.weights]
    model.train_step({"image": tf.random.stateless_uniform((1, 32, 32, 3), (1, 2))})
    for weight, old in zip(ours.weights, before, strict=True):
        moved = not np.array_equal(weight.numpy(), old)
        assert moved == ("moving" not in weight.name), weight.name
