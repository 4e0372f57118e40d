"""Synchronised norms: precise moments, over all replicas, in all norms but one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from tensorflow import keras

from keras_matting.layers.patches import PatchBatchNorm
from keras_matting.training.norms import synchronise

ROOT = Path(__file__).parents[2]


def test_mean_and_variance_of_pixels_far_from_zero():
    """In float32, E(x²) - E(x)² of a mean of 300 and a variance of 1 is off by 1e-2."""
    pixels = np.random.default_rng(0).normal(300.0, 1.0, (4, 8, 8, 2)).astype(np.float32)
    pixels = pixels.astype(np.float64)
    norm = keras.layers.BatchNormalization(momentum=0.0, epsilon=1e-5)
    model = synchronise(keras.Sequential([keras.Input((8, 8, 2)), norm]))
    model(pixels.astype(np.float32), training=True)
    mean, variance = pixels.mean((0, 1, 2)), pixels.var((0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-5)


def test_norms_of_patches_are_left_as_they_are():
    image = keras.Input((8, 8, 2))
    plain, patches = keras.layers.BatchNormalization(), PatchBatchNorm()
    synchronise(keras.Model(image, [plain(image), patches(image)]))
    assert "_calculate_mean_and_var" in vars(plain)
    assert "_calculate_mean_and_var" not in vars(patches)


TWO_REPLICAS = """
import numpy as np
from keras_matting.training.norms import synchronise
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = np.float32([[0.0, 10.0], [2.0, 10.0], [4.0, 30.0], [10.0, 30.0]])
with strategy.scope():
    norm = tf.keras.layers.BatchNormalization(momentum=0.0, epsilon=0.0)
    model = synchronise(tf.keras.Sequential([tf.keras.Input((2,)), norm]))
data = tf.data.Dataset.from_tensor_slices(x).batch(4)
(batch,) = strategy.experimental_distribute_dataset(data)
out = strategy.run(lambda part: model(part, training=True), args=(batch,))
print(np.concatenate([part.numpy() for part in out.values]).tolist())
print(norm.moving_mean.numpy().tolist(), norm.moving_variance.numpy().tolist())
"""


def test_two_replicas_normalise_by_the_whole_batch():
    """Means are 4 and 20, variances (16 + 4 + 0 + 36) / 4 = 14 and 100."""
    done = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    out, moving = done.stdout.splitlines()[-2:]
    root = 14**0.5
    expected = [[-4 / root, -1], [-2 / root, -1], [0, 1], [6 / root, 1]]
    np.testing.assert_allclose(eval(out), expected, atol=1e-6)
    np.testing.assert_allclose(eval(moving.replace("] [", "], [")), [[4, 20], [14, 100]], rtol=1e-6)
