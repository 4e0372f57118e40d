"""Keras metrics equal the NumPy functions for any batches."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting import metrics
from keras_matting.metrics.streaming import MAD, MSE, SAD

PAIRS = [(SAD, metrics.sad), (MSE, metrics.mse), (MAD, metrics.mad)]


@pytest.fixture(scope="module")
def images():
    """Five 24x20 images of varying difficulty: alpha, prediction float32; trimap uint8."""
    random = np.random.default_rng(3)
    alpha = random.random((5, 24, 20), np.float32)
    noise = np.linspace(0.05, 0.6, 5, dtype=np.float32)[:, None, None]
    prediction = np.clip(alpha + noise * random.standard_normal(alpha.shape), 0, 1)
    trimap = random.choice([0, 128, 255], alpha.shape, p=[0.2, 0.5, 0.3]).astype(np.uint8)
    return alpha, prediction.astype(np.float32), trimap


def _truth(alpha, trimap):
    steps = np.select([trimap == 255, trimap == 128], [1.0, 0.5], 0.0)
    return np.stack([alpha, steps], -1).astype(np.float32)


@pytest.mark.parametrize(("streaming", "function"), PAIRS)
@pytest.mark.parametrize("region", ["whole", "unknown"])
def test_mean_over_images_in_uneven_batches(images, streaming, function, region):
    alpha, prediction, trimap = images
    metric = streaming(region=region)
    for batch in (slice(0, 2), slice(2, 5)):
        metric.update_state(_truth(alpha[batch], trimap[batch]), prediction[batch, ..., None])
    expected = np.mean(
        [
            function(p, a, t if region == "unknown" else None)
            for p, a, t in zip(prediction, alpha, trimap, strict=True)
        ]
    )
    assert metric.result().numpy() == pytest.approx(expected, rel=2e-6)


def test_images_without_unknown_pixels(images):
    alpha, prediction, trimap = (a[:2] for a in images)
    trimap = trimap.copy()
    trimap[1] = 255
    truth = _truth(alpha, trimap)
    sums, means = SAD(region="unknown"), MSE(region="unknown")
    for metric in (sums, means):
        metric.update_state(truth, prediction[..., None])
    first = prediction[0], alpha[0], trimap[0]
    assert sums.result().numpy() == pytest.approx(metrics.sad(*first) / 2, rel=2e-6)
    assert means.result().numpy() == pytest.approx(metrics.mse(*first), rel=2e-6)


def test_weights_of_images(images):
    alpha, prediction, _ = images
    metric = MAD()
    metric.update_state(alpha[..., None], prediction[..., None], sample_weight=[0, 0, 1, 0, 3])
    expected = (metrics.mad(prediction[2], alpha[2]) + 3 * metrics.mad(prediction[4], alpha[4])) / 4
    assert metric.result().numpy() == pytest.approx(expected, rel=2e-6)


def test_in_compile_and_evaluate(images):
    alpha, prediction, trimap = images
    image = keras.Input((24, 20, 1), name="image")
    model = keras.Model({"image": image}, {"alpha": keras.layers.Activation("linear")(image)})
    model.compile(metrics={"alpha": [SAD(), MSE(region="unknown", name="mse_unknown")]})
    logs = model.evaluate(
        {"image": prediction[..., None]},
        {"alpha": _truth(alpha, trimap)},
        batch_size=2,
        verbose=0,
        return_dict=True,
    )
    per_image = list(zip(prediction, alpha, trimap, strict=True))
    assert logs["sad"] == pytest.approx(np.mean([metrics.sad(p, a) for p, a, _ in per_image]), 2e-6)
    expected = np.mean([metrics.mse(*image) for image in per_image])
    assert logs["mse_unknown"] == pytest.approx(expected, rel=2e-6)


def test_saved_by_configuration():
    metric = MAD(region="unknown", name="mad_hair")
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(copy) is MAD
    assert (copy.region, copy.name) == ("unknown", "mad_hair")


def test_reset():
    metric = SAD()
    metric.update_state(tf.ones((1, 4, 4, 1)), tf.zeros((1, 4, 4, 1)))
    metric.reset_state()
    assert metric.result().numpy() == 0.0


REPLICAS = """
import tensorflow as tf
from keras_matting.metrics.streaming import MAD
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    metric = MAD()
@tf.function
def step():
    def replica():
        value = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        metric.update_state(tf.zeros((1, 4, 4, 1)), tf.fill((1, 4, 4, 1), 0.25 + 0.5 * value))
    strategy.run(replica)
step()
assert strategy.num_replicas_in_sync == 2
assert abs(float(metric.result()) - 0.5) < 1e-6, float(metric.result())
"""


def test_replicas_are_averaged():
    # In a separate process: devices can only be split before TensorFlow starts.
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_invalid_use_is_reported():
    alpha = tf.zeros((1, 4, 4, 1))
    with pytest.raises(ValueError, match="region is 'hair'; use one of whole, unknown"):
        SAD(region="hair")
    with pytest.raises(ValueError, match="y_true has no trimap"):
        SAD(region="unknown").update_state(alpha, alpha)
    with pytest.raises(ValueError, match="predictions"):
        SAD().update_state(alpha, alpha[..., 0])
