"""int8 files compute what their quantization-aware model computes, in every runtime."""

import numpy as np
import pytest
import tensorflow as tf

from export import qat
from export.convert import convert
from export.interpreters import RUNTIMES, Exported
from export.quantizers import FixedRange, KernelQuantizer, ObservedRange
from keras_matting.models import create_model

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
