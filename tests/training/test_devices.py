"""What a run says about its devices, and where TensorFlow can be deterministic on a GPU."""

from types import SimpleNamespace

import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.layers.patches import PatchBatchNorm
from keras_matting.layers.resize import NearestUpsampling
from keras_matting.training import devices

GPUS = ["NVIDIA L4", "NVIDIA T4"]
REFUSED = {"ResizeNearestNeighborGrad": 8, "FakeQuantWithMinMaxVarsGradient": 97}
NAMED = "FakeQuantWithMinMaxVarsGradient \\(97\\), ResizeNearestNeighborGrad \\(8\\)"


@pytest.mark.parametrize(
    "gpus, strategy, sentence",
    [
        ([], "none", "No GPU found, training on the CPU."),
        (GPUS[:1], "none", "1 GPU: NVIDIA L4."),
        (GPUS, "mirrored", "2 GPUs: NVIDIA L4, NVIDIA T4."),
        (GPUS, "none", "NVIDIA T4; training uses the first, --strategy=mirrored uses all."),
        ([], "tpu", "Training on a TPU with 8 cores."),
    ],
)
def test_the_devices_are_named(gpus, strategy, sentence):
    assert devices.described(gpus, strategy, replicas=8).endswith(sentence)


@pytest.mark.parametrize(
    "gpus, operations, asked, chosen",
    [
        ([], REFUSED, None, True),
        ([], REFUSED, True, True),
        ([], {}, False, False),
        (GPUS, {}, None, True),
        (GPUS, {}, True, True),
        (GPUS, {}, False, False),
        (GPUS, REFUSED, None, False),
        (GPUS, REFUSED, False, False),
    ],
)
def test_where_a_run_is_deterministic(gpus, operations, asked, chosen):
    assert devices.deterministic(gpus, operations, asked)[0] == chosen


def test_what_refuses_is_named():
    _, sentence = devices.deterministic(GPUS, REFUSED, None)
    assert "Not deterministic" in sentence and "ResizeNearestNeighborGrad (8)" in sentence
    with pytest.raises(ValueError, match=f"--deterministic: .*{NAMED}; leave"):
        devices.deterministic(GPUS, REFUSED, True)


def operations(layer, training):
    """What refuses in the gradient of a layer, also inside a function that the graph calls."""
    inner = tf.function(lambda x: layer(x, **training))
    variables = layer.trainable_variables

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = inner(x)
        return tape.gradient(y, [x, *variables])

    spec = tf.TensorSpec((1, 4, 4, 2))
    return devices.refusing(step.get_concrete_function(spec).graph.as_graph_def())


def test_refusing_operations_are_found():
    norm = keras.layers.BatchNormalization()
    norm.build((1, 4, 4, 2))
    assert operations(norm, {"training": True}) == {}
    assert operations(norm, {"training": False}) == {"FusedBatchNormGradV3": 1}
    assert operations(keras.layers.UpSampling2D(2), {}) == {"ResizeNearestNeighborGrad": 1}
    assert operations(NearestUpsampling(2), {}) == {}
    patches = PatchBatchNorm()
    patches.build((None, 4, 4, 2))
    assert operations(patches, {"training": True}) == {}


def test_memory_grows(monkeypatch):
    pair, grown = [SimpleNamespace(name="0"), SimpleNamespace(name="1")], []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: pair)
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda *given: grown.append(given)
    )
    devices.grow_memory()
    assert grown == [(device, True) for device in pair]
