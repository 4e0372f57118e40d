"""Google's quantised MobileNetV2 as backbone: the same function in inference and training."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras
from tensorflow.lite.python import schema_py_generated as schema

from keras_matting.backbones.mobilenet_v2 import mobilenet_v2
from keras_matting.models import create_model
from keras_matting.weights import load_backbone, quantised_mobilenet

RNG = np.random.default_rng(7)
PICTURES = RNG.random((16, 64, 64, 3), np.float32)
SCALES = {"kernel": 0.02, "bias": 0.001}


@pytest.fixture(scope="module")
def backbone():
    image = keras.Input((64, 64, 3))
    pixels = keras.layers.Rescaling(2.0, -1.0)(image)
    return keras.Model(image, mobilenet_v2(pixels, symmetric=False), name="backbone")


def published_name(ours):
    """backbone_block3_expand -> MobilenetV2/expanded_conv_2/expand"""
    block, _, part = ours.removeprefix("backbone_").partition("_")
    if not part:
        return "MobilenetV2/" + {"stem": "Conv", "last": "Conv_1"}[block]
    number = int(block.removeprefix("block")) - 1
    return f"MobilenetV2/expanded_conv{f'_{number}' if number else ''}/{part}"


@pytest.fixture(scope="module")
def file(backbone, tmp_path_factory):
    """A .tflite file that has only tensors with the published names; (path, its values)."""
    model, graph, numbers = schema.ModelT(), schema.SubGraphT(), {}
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], []
    model.buffers = [schema.BufferT()]
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []

    def add(name, values, kind, scale, zero_point):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.name, tensor.shape, tensor.type = name, list(values.shape), kind
        tensor.buffer = len(model.buffers)
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)

    for layer in backbone.layers:
        if not layer.name.endswith("_conv"):
            continue
        name = layer.name.removesuffix("_conv")
        published = published_name(name)
        shape = tuple(layer.weights[0].shape)
        kernel = RNG.integers(0, 256, shape, dtype=np.uint8)
        channels = shape[2] if name.endswith("depthwise") else shape[3]
        bias = RNG.integers(-900, 900, channels, dtype=np.int32)
        stored = np.ascontiguousarray(kernel.transpose(3, 0, 1, 2))
        fused = f"MobilenetV2/other;{published}/weights_quant/FakeQuantWithMinMaxVars"
        add(fused, stored, schema.TensorType.UINT8, 0.02, 120)
        add(f"{published}/BatchNorm_Fold/bias", bias, schema.TensorType.INT32, 0.001, 0)
        numbers[name] = (kernel.astype(np.float32) - 120) * np.float32(0.02), bias * 1e-3
    builder = __import__("flatbuffers").Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path_factory.mktemp("mobilenet") / "quant.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path, numbers


def test_reads_every_kernel_and_bias(file):
    path, numbers = file
    found = quantised_mobilenet.read(path)
    assert found.keys() == numbers.keys() and len(found) == 52
    for name, (kernel, bias) in numbers.items():
        np.testing.assert_allclose(found[name][0], kernel, atol=1e-6)
        np.testing.assert_allclose(found[name][1], bias, atol=1e-6)


def test_training_starts_from_the_function_in_the_file(backbone, file):
    path, numbers = file
    quantised_mobilenet.fill(backbone, path, PICTURES)
    stem = backbone.get_layer("backbone_stem_bn").output
    kernel, bias = numbers["backbone_stem"]
    expected = tf.nn.conv2d(2.0 * PICTURES - 1.0, kernel, 2, "SAME") + bias
    model = keras.Model(backbone.input, stem)
    np.testing.assert_allclose(model(PICTURES, training=False), expected, atol=2e-4)
    np.testing.assert_allclose(model(PICTURES, training=True), expected, atol=2e-3)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert all(np.isfinite(weight).all() for weight in layer.get_weights())


def test_another_backbone_is_refused(file, tmp_path):
    narrow = create_model("modnet_mobilenetv2_mobile", (64, 64, 3), width=0.5)
    with pytest.raises(ValueError, match="must be a MobileNetV2 of width 1"):
        load_backbone(narrow, file[0], PICTURES)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="is not a .tflite file"):
        load_backbone(narrow, damaged, PICTURES)
