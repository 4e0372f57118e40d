"""A stream is a function of its seed: reproducible, resumable, alike in every process."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data import Source, composition, training, unlabelled, validation
from keras_matting.data.augment.geometry import random_crop

SIZE = 48


def foregrounds(count=3):
    def load(index):
        ys, xs = tf.meshgrid(tf.range(90.0), tf.range(70.0), indexing="ij")
        distance = tf.sqrt((ys - 50.0) ** 2 + (xs - 35.0) ** 2) - 5.0 * tf.cast(index, tf.float32)
        alpha = tf.clip_by_value(128.0 + 20.0 * (25.0 - distance), 0.0, 255.0)
        colour = tf.stack([3.0 * xs, 2.0 * ys, 0.0 * xs + 40.0 * tf.cast(index, tf.float32)], -1)
        return {
            "foreground": tf.ensure_shape(tf.cast(colour, tf.uint8), (None, None, 3)),
            "alpha": tf.ensure_shape(tf.cast(alpha[..., None], tf.uint8), (None, None, 1)),
        }

    return Source(count, load)


def backgrounds(count=5, key="background"):
    def load(index):
        seed = tf.stack([1, tf.cast(index, tf.int32)])
        values = tf.random.stateless_uniform((60, 80, 3), seed, 0, 256, tf.int32)
        return {key: tf.cast(values, tf.uint8)}

    return Source(count, load)


def indices(count, key="index"):
    return Source(count, lambda index: {key: index})


def batches(count, start=0, seed=1, transforms=None):
    stream = composition(foregrounds(), backgrounds(), transforms or training(SIZE), 2, seed, start)
    return list(stream.take(count).as_numpy_iterator())


def assert_equal(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


@pytest.mark.parametrize("preset", [training, validation])
def test_what_a_batch_holds(preset):
    stream = composition(foregrounds(), backgrounds(), preset(SIZE), 4, seed=1)
    channels = {"image": 3, "alpha": 1, "foreground": 3, "background": 3, "trimap": 1}
    assert stream.element_spec == {
        key: tf.TensorSpec((4, SIZE, SIZE, depth), tf.uint8 if key == "trimap" else tf.float32)
        for key, depth in channels.items()
    }
    batch = next(stream.as_numpy_iterator())
    assert set(np.unique(batch.pop("trimap"))) == {0, 128, 255}
    for value in batch.values():
        assert value.min() >= 0.0 and value.max() <= 1.0 and value.std() > 0.01


@pytest.fixture(scope="module")
def undisturbed():
    return batches(5)


def test_same_seed_same_batches(undisturbed):
    assert_equal(undisturbed, batches(5))


def test_other_seed_other_batches(undisturbed):
    assert np.abs(undisturbed[0]["image"] - batches(1, seed=2)[0]["image"]).max() > 0.1


def test_start_equals_skipping(undisturbed):
    assert_equal(undisturbed[3:], batches(2, start=6))


def test_validation_is_the_definition():
    for batch in batches(2, transforms=validation(SIZE)):
        expected = (
            batch["alpha"] * batch["foreground"]
            + (np.float32(1) - batch["alpha"]) * batch["background"]
        )
        np.testing.assert_allclose(batch["image"], expected, atol=1e-6)


def test_eager_equals_graph():
    """Byte for byte up to the last bit of floats, which the JPEG step could turn into a level."""
    transforms = [op for op in training(SIZE) if "random_jpeg" not in op.__qualname__]

    def sample(seed):
        index = tf.constant(1, tf.int64)
        return foregrounds().load(index) | backgrounds().load(index) | {"seed": seed}

    def run(seed):
        result = sample(seed)
        for transform in transforms:
            result = transform(result)
        return result

    seeds = tf.stack([[3, i] for i in range(6)])
    graph = list(tf.data.Dataset.from_tensor_slices(seeds).map(run))
    for seed, expected in zip(seeds, graph, strict=True):
        result = run(seed)
        assert result.keys() == expected.keys()
        for key in result:
            np.testing.assert_allclose(result[key], expected[key], atol=1e-5, err_msg=key)


def test_every_pass_is_a_permutation_of_its_own():
    stream = composition(indices(7, "a"), indices(5, "b"), [], 35, seed=3)
    batch = next(stream.as_numpy_iterator())
    for key, size in (("a", 7), ("b", 5)):
        passes = batch[key].reshape(-1, size)
        np.testing.assert_array_equal(np.sort(passes), np.tile(np.arange(size), (len(passes), 1)))
        assert len({tuple(order) for order in passes}) > 1
    assert len(set(zip(batch["a"], batch["b"], strict=True))) > 20


def test_one_background_serves_all():
    stream = composition(indices(4, "a"), indices(1, "b"), [], 8, seed=3)
    assert not next(stream.as_numpy_iterator())["b"].any()


def test_unlabelled_photographs():
    stream = unlabelled(backgrounds(key="image"), [random_crop("image", SIZE)], 2, seed=1)
    assert stream.element_spec == {"image": tf.TensorSpec((2, SIZE, SIZE, 3), tf.float32)}


def test_another_process_with_op_determinism_gives_the_same_batches(undisturbed, tmp_path):
    script = (
        "import sys, numpy, tensorflow as tf\n"
        "import keras_matting.data\n"
        "tf.config.experimental.enable_op_determinism()\n"
        "from tests.data.test_pipeline import batches\n"
        "for i, batch in enumerate(batches(3)):\n"
        "    numpy.savez(f'{sys.argv[1]}/{i}.npz', **batch)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert_equal(undisturbed[:3], [dict(np.load(tmp_path / f"{i}.npz")) for i in range(3)])
