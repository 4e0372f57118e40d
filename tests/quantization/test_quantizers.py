"""int8 files compute what their quantization-aware model computes, in every runtime."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.keras import layers

from export import flatbuffer
from export.convert import check, convert
from export.interpreters import RUNTIMES, Exported, structure
from export.promises import promises_broken
from export.stand_in_weights import fill
from keras_matting.layers.blocks import conv, conv_bn_relu
from keras_matting.layers.class_selection import FuseByClass, TrimapClasses
from keras_matting.layers.subpixels import DepthToSpace
from keras_matting.layers.unpooling import PoolWithPositions, Unpool
from keras_matting.models import create_model
from keras_matting.quantization import qat
from keras_matting.quantization.quantizers import FixedRange, KernelQuantizer, ObservedRange

# Only the output is rounded: round(256 a) / 255 is at most (a + 0.5) / 255 from a.
BOUND = 1.5 / 255 + 1e-6


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_toy_is_reproduced_at_every_pixel(quantised, files, pictures, runtime):
    unseen = pictures(16, seed=9)
    expected = quantised.predict({"image": unseen}, verbose=0)["alpha"]
    found = Exported(files["int8_qat"].read_bytes(), runtime)({"image": unseen})["alpha"]
    assert np.abs(found - expected).max() <= BOUND


@pytest.fixture(scope="module")
def mobile(pictures):
    """The quantization-aware mobile network at a size with an odd number of 1/32 cells; its file.

    Its batch norms have seen pictures, so that every layer is in the range it has after training.
    """
    tf.keras.utils.set_random_seed(1)
    images = pictures(4, seed=2, size=(96, 64))
    model = create_model("modnet_mobilenetv2_mobile", (96, 64, 3), width=0.35)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model({"image": images}, training=True)
    quantised = qat.deployment(qat.quantize(model, [{"image": images}]))
    return quantised, convert(quantised, "int8_qat")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_mobile_is_reproduced_at_every_pixel(mobile, pictures, runtime):
    model, data = mobile
    unseen = pictures(4, seed=9, size=(96, 64))
    expected = model({"image": unseen})["alpha"].numpy()
    assert np.ptp(expected) > 0.1
    found = Exported(data, runtime)({"image": unseen})["alpha"]
    assert np.abs(found - expected).max() <= BOUND


def choosing():
    """image, background, trimap -> alpha and foreground, by every rule that the toy lacks."""
    inputs = {
        name: tf.keras.Input((32, 48, channels), name=name)
        for name, channels in (("image", 3), ("background", 3), ("trimap", 1))
    }
    image, background, trimap = inputs.values()
    pixels = layers.Rescaling(2.0, -1.0, name="normalise")(image)
    known = TrimapClasses([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], name="one_hot")(trimap)
    x = skip = conv_bn_relu(layers.Concatenate(name="pixels")([pixels, known]), 8, name="stem")
    x, where = PoolWithPositions(name="pool")(x)
    x = conv_bn_relu(x, 8, name="low")
    x = layers.Dropout(0.5, name="dropout")(Unpool(name="unpool")([x, where]))
    x = layers.Add(name="joined")([x, skip])
    y = layers.MaxPooling2D(3, 2, padding="same", name="maxima")(x)
    y = conv_bn_relu(y, 16, depthwise=True, name="doubled")
    blocks = DepthToSpace(name="blocks")(y)
    y = layers.UpSampling2D(2, name="maxima_up")(y)
    pair = layers.Concatenate(name="pair")([image, background])
    x = layers.Concatenate(name="all")([x, y, blocks, pair])
    first, second = tf.split(conv(x, 6, name="class_logit"), 2, -1)
    classes = layers.Subtract(name="class_difference")([first, second])
    detail = layers.Activation("sigmoid", name="detail")(conv(x, 1, name="detail_logit"))
    rest = layers.Rescaling(-1.0, 1.0, name="rest")(detail)
    alpha = FuseByClass((0.0, None, 1.0), name="alpha")([classes, rest])
    residual = conv(x, 3, name="residual_logit")
    foreground = layers.Add(name="foreground_add")([residual, image])
    foreground = layers.ReLU(1.0, name="foreground")(foreground)
    return tf.keras.Model(inputs, {"alpha": alpha, "foreground": foreground}, name="choosing")


@pytest.fixture(scope="module")
def chosen(pictures):
    """The quantization-aware network that chooses, its file, and samples."""
    model = choosing()
    rng = np.random.default_rng(0)
    samples = {"image": pictures(6, seed=1), "background": pictures(6, seed=2)}
    samples["trimap"] = rng.choice(np.float32([0, 128 / 255, 1]), (6, 32, 48, 1))
    fill(model, samples)
    quantised = qat.deployment(qat.quantize(model, [samples]))
    return quantised, convert(quantised, "int8_qat"), samples


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_chooses_is_reproduced_at_every_pixel(chosen, runtime):
    model, data, samples = chosen
    found, expected = Exported(data, runtime)(samples), model(samples)
    assert len(np.unique(expected["alpha"])) > 20 and {0.0, 255 / 256} < set(
        np.unique(expected["alpha"])
    )
    assert np.abs(found["alpha"] - expected["alpha"]).max() <= BOUND
    np.testing.assert_allclose(found["foreground"], expected["foreground"], atol=1e-6)


def test_what_chooses_has_integers_only(chosen):
    _, data, _ = chosen
    assert promises_broken(data, "int8_qat") == []
    found = structure(data)
    assert found["float_tensors"] == []
    assert found["quantization"]["foreground"] == pytest.approx([1 / 255, -128])


@pytest.fixture(scope="module")
def steep():
    """A network whose first kernels are 756, 378, ... 0.37, and its file: all powers of two."""
    image = tf.keras.Input((16, 16, 3), name="image")
    x = layers.ReLU(6.0, name="relu")(conv(image, 12, 1, name="steep"))
    alpha = layers.Activation("sigmoid", name="alpha")(conv(x, 1, 1, name="logit"))
    model = tf.keras.Model({"image": image}, {"alpha": alpha}, name="steep")
    kernel = np.array([1.0, -1.0, 0.5])[:, None] * 756 * 0.5 ** np.arange(12)
    model.get_layer("steep_conv").set_weights([kernel[None, None], np.full(12, 0.1)])
    dark = (np.random.default_rng(0).integers(0, 9, (1, 16, 16, 3)) / 255).astype(np.float32)
    quantised = qat.deployment(qat.quantize(model, [{"image": dark}]))
    return quantised, convert(quantised, "int8_qat"), dark


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_multiplier_rounds_alike(steep, runtime):
    model, data, dark = steep
    (kernel, quantizer), _ = model.get_layer("quant_steep_conv").kernel_and_bias()
    assert {0.25, 0.5, 1.0} < set(quantizer.multipliers(kernel).numpy())
    found = Exported(data, runtime)({"image": dark})["alpha"]
    assert np.abs(found - model({"image": dark})["alpha"]).max() <= BOUND
    np.testing.assert_array_equal(found, Exported(data)({"image": dark})["alpha"])


def test_a_file_on_which_kernels_differ_is_refused(steep):
    model, data, dark = steep

    def in_the_middle(tflite):
        """Make every sum of the first convolution even."""
        graph = tflite.subgraphs[0]
        convolution = next(op for op in graph.operators if len(op.inputs) == 3)
        buffer = tflite.buffers[graph.tensors[convolution.inputs[2]].buffer]
        buffer.data = (buffer.data.view("<i4") + 1).view(np.uint8)

    with pytest.raises(ValueError, match="between XNNPACK and TFLite's own kernels"):
        check(flatbuffer.edit(data, in_the_middle), model, "int8_qat", {"image": dark})
    check(data, model, "int8_qat", {"image": dark})


def scaled(step, depthwise=False):
    return KernelQuantizer(depthwise, FixedRange(0.0, 255.0), FixedRange(0.0, 255.0 * step))


def test_kernels_have_even_levels_and_a_power_of_two_per_channel():
    kernel = np.random.default_rng(0).normal(0, [0.1, 1.0, 7.0], (3, 3, 4, 3)).astype(np.float32)
    quantizer = scaled(0.3)
    steps = quantizer.steps(kernel).numpy()
    exponents = np.log2(steps / 0.3)
    np.testing.assert_allclose(exponents, np.rint(exponents), atol=1e-6)
    levels = quantizer(tf.constant(kernel), False, {}).numpy() / steps
    np.testing.assert_allclose(levels, 2 * np.rint(levels / 2), atol=1e-4)
    largest = np.abs(levels).max((0, 1, 2))
    assert (largest > 62.9).all() and (largest < 126.1).all()


def test_a_depthwise_kernel_has_a_step_per_channel():
    kernel = np.array([0.1, 1.0], np.float32).reshape(1, 1, 2, 1)
    found = scaled(1.0, depthwise=True)(tf.constant(kernel), False, {}).numpy()
    np.testing.assert_allclose(found, kernel, rtol=1 / 63)


def observe(quantizer, low, high):
    quantizer(tf.constant([low, high]), True, {})
    return [float(variable) for variable in quantizer.variables.values()]


def test_a_range_grows_at_once_and_shrinks_by_a_hundredth():
    quantizer = ObservedRange()
    assert observe(quantizer, -1.0, 3.0) == [-1.0, 3.0]
    np.testing.assert_allclose(observe(quantizer, -2.0, 1.0), [-2.0, 2.98])
    np.testing.assert_allclose(observe(quantizer, 0.5, 5.0), [-1.98, 5.0])


@pytest.mark.parametrize("high", [0.3, 1.0, 7.7])
def test_restricted_steps_still_cover_the_range(high):
    for power in (False, True):
        quantizer = ObservedRange(lambda: tf.constant(0.001), power)
        observe(quantizer, 0.0, high)
        multiple = float(quantizer.step()) / 0.001
        np.testing.assert_allclose(multiple, np.rint(multiple), atol=1e-3)
        assert 255 * float(quantizer.step()) >= high
        if power:
            assert np.rint(multiple) in 2.0 ** np.arange(10)
        else:
            assert np.rint(multiple) % 2 == 1
