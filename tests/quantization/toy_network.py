"""A small network with every kind of layer that the int8 rules know, and pictures for it."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.layers.blocks import batch_norm, conv, downsample_image, upsample

SIZE = (32, 48)


def _network(size=SIZE):
    """image -> alpha and semantic, weights and batch norm statistics drawn from one seed."""
    keras.utils.set_random_seed(3)

    def block(x, filters, kernel_size=3, *, name, **options):
        x = conv(x, filters, kernel_size, symmetric=False, name=name, **options)
        return layers.ReLU(name=f"{name}_relu")(batch_norm(x, name=name))

    image = keras.Input((*size, 3), name="image")
    pixels = layers.Rescaling(2.0, -1.0, name="normalise")(image)
    x = skip = block(pixels, 8, strides=2, name="stem")
    small = keras.initializers.HeUniform()  # over all channels: a kernel that one byte holds well
    x = block(x, 8, name="spread", depthwise=True, use_bias=False, initializer=small)
    x = batch_norm(conv(x, 8, 1, name="project"), name="project")
    x = layers.Add(name="residual")([skip, x])
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    x = layers.Add(name="context")([x, conv(mean, 8, 1, use_bias=False, name="context")])
    image4 = downsample_image(pixels, 4, name="image4")
    x = layers.Concatenate(name="join4")([block(x, 8, strides=2, name="down"), image4])
    low = block(x, 8, name="low")
    x = layers.Dropout(0.5, name="drop")(low)
    x = upsample(x, 4, interpolation="nearest", name="up")
    x = layers.Concatenate(name="join1")([x, pixels])
    alpha = conv(block(x, 8, name="fuse"), 1, 1, name="alpha_logit")
    outputs = {
        "alpha": layers.Activation("sigmoid", name="alpha")(alpha),
        "semantic": layers.Activation("sigmoid", name="semantic")(conv(low, 1, name="semantic")),
    }
    model = keras.Model({"image": image}, outputs, name="toy")
    rng = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights([
                rng.uniform(0.5, 1.5, shape),
                rng.normal(0, 0.3, shape),
                rng.normal(0, 0.3, shape),
                rng.uniform(0.3, 2.0, shape),
            ])  # fmt: skip
    return model


def _pictures(count, seed, size=SIZE):
    """(count, H, W, 3) in [0, 1], multiples of 1/255 with a 0 and a 1 in each."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((count, 4, 4, 3), np.float32)
    noise = rng.normal(0, 0.05, (count, *size, 3))
    image = tf.image.resize(coarse, size, "bicubic").numpy() + noise
    image[:, 0, 0], image[:, 0, 1] = 0.0, 1.0
    return (np.rint(np.clip(image, 0, 1) * 255) / 255).astype(np.float32)


@pytest.fixture(scope="session")
def new_network():
    """The function that builds the network, equal weights each time."""
    return _network


@pytest.fixture(scope="session")
def pictures():
    """The function that draws (count, H, W, 3) from a seed."""
    return _pictures


@pytest.fixture(scope="session")
def network():
    return _network()


@pytest.fixture(scope="session")
def images():
    return _pictures(8, seed=1)


@pytest.fixture(scope="session")
def quantised(network, images):
    from keras_matting.quantization.qat import quantize

    return quantize(network, [{"image": images}, {"image": _pictures(8, seed=2)}])


@pytest.fixture(scope="session")
def files(network, quantised, images, tmp_path_factory):
    """{format: path}, every format of the network, written and checked by `export`."""
    from export.convert import FORMATS, FROM_QAT, export
    from keras_matting.quantization.qat import deployment

    folder = tmp_path_factory.mktemp("files")
    models = dict.fromkeys(FORMATS, network) | dict.fromkeys(FROM_QAT, deployment(quantised))
    few, many = {"image": images[:2]}, {"image": _pictures(16, seed=4)}
    return {f: export(models[f], f, folder, few, many) for f in FORMATS}
