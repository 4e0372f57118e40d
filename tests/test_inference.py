"""Sizes on the way through a network, and the integers of .tflite files."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting import sizes
from keras_matting.inference import load_tflite, predict_alpha


def red_model(size=(None, None)):
    """alpha = sigmoid(8 red - 4), a network whose right answer is known at every pixel."""
    image = keras.Input((*size, 3), name="image")
    kernel = keras.initializers.Constant(np.reshape([8.0, 0.0, 0.0], (1, 1, 3, 1)))
    bias = keras.initializers.Constant(-4.0)
    logit = keras.layers.Conv2D(1, 1, kernel_initializer=kernel, bias_initializer=bias)(image)
    alpha = keras.layers.Activation("sigmoid", name="alpha")(logit)
    return keras.Model({"image": image}, {"alpha": alpha}, name="red")


def red_alpha(image):
    return 1.0 / (1.0 + np.exp(4.0 - 8.0 * image[..., 0] / 255.0))


def smooth_image(height, width):
    """uint8, so smooth that resizing hardly matters."""
    y, x = np.mgrid[0:height, 0:width]
    red = 127.5 + 127.5 * np.sin(3.0 * x / width + 2.0 * y / height)
    return np.stack([red, 255.0 * x / width, 255.0 * y / height], -1).round().astype(np.uint8)


def red_tflite(path, size=(64, 96), integer=False):
    model = red_model(size)
    function = tf.function(
        lambda image: model({"image": image}),
        input_signature=[tf.TensorSpec((1, *size, 3), name="image")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], model
    )
    if integer:
        sample = np.tile(np.linspace(0, 1, size[1], dtype=np.float32)[:, None], (1, size[0], 1, 3))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([{"image": sample}])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 512), (512, 512)),
        ((600, 400), (576, 384)),  # one side on either side of 512: only cut to multiples of 32
        ((300, 400), (512, 672)),  # all below: 682.67 is truncated, then cut
        ((1080, 1920), (512, 896)),  # all above: 910.2
        ((1920, 1080), (896, 512)),
        ((700, 20), (672, 32)),
        ((1, 1), (512, 512)),
    ],
)
def test_size_of_the_published_script(size, expected):
    assert sizes.near(*size, 512) == expected


def test_another_reference_size():
    assert sizes.near(400, 300, 256) == (320, 256)


@pytest.mark.parametrize("fixed", [(None, None), (64, 96), (96, 64)])
@pytest.mark.parametrize("size", [(67, 101), (200, 91), (33, 700), (5, 3), (1, 1)])
def test_any_size_in_is_the_size_out(fixed, size):
    image = smooth_image(*size)
    alpha = predict_alpha(red_model(fixed), image, None if fixed[0] else 128)
    assert alpha.shape == size and alpha.dtype == np.float32
    assert 0.0 <= alpha.min() and alpha.max() <= 1.0
    if min(size) > 64:  # smaller images are too coarse for the network's answer to be known
        assert np.abs(alpha - red_alpha(image)).mean() < 0.005


def test_a_fixed_size_sees_the_image_undistorted_between_its_mirror_images():
    seen = []

    def spy(inputs, training):
        seen.append(inputs["image"][0])
        return {"alpha": inputs["image"][..., :1]}

    spy.input, spy.output, spy.name = {"image": np.empty((1, 40, 80, 3))}, {"alpha": None}, "spy"
    image = smooth_image(40, 60)
    alpha = predict_alpha(spy, image)
    inner = image / np.float32(255)
    np.testing.assert_array_equal(seen[0][:, 10:70], inner)
    np.testing.assert_array_equal(seen[0][:, :10], inner[:, 10:0:-1])
    np.testing.assert_array_equal(seen[0][:, 70:], inner[:, -2:-12:-1])
    np.testing.assert_array_equal(alpha, inner[..., 0])


def test_uint8_and_float_images_agree():
    image, model = smooth_image(64, 96), red_model((64, 96))
    expected = predict_alpha(model, image)
    np.testing.assert_array_equal(predict_alpha(model, image / np.float32(255)), expected)


def test_float_tflite(tmp_path):
    image = smooth_image(64, 96)
    alpha = predict_alpha(load_tflite(red_tflite(tmp_path / "red.tflite")), image)
    np.testing.assert_allclose(alpha, red_alpha(image), atol=1e-5)


def test_int8_tflite_reads_bytes_and_its_alpha_reaches_one(tmp_path):
    model = load_tflite(red_tflite(tmp_path / "red.tflite", integer=True))
    assert model.input_size == (64, 96)
    fed = {}
    model._runner = lambda image: fed.update(image=image) or {
        "alpha": np.resize(np.arange(-128, 128, dtype=np.int8), (1, 64, 96, 1))
    }
    image = np.resize(np.arange(256, dtype=np.uint8), (64, 96, 3))
    alpha = predict_alpha(model, image)
    np.testing.assert_array_equal(fed["image"][0], image.astype(np.int32) - 128)
    assert fed["image"].dtype == np.int8
    # q from -128 to 127 is (q + 128) / 255: 0 and 1 are reached, and 8-bit output is exact
    np.testing.assert_array_equal(np.rint(255 * alpha).ravel()[:256], np.arange(256))
    assert (alpha.min(), alpha.max()) == (0.0, 1.0)


def test_int8_tflite_runs(tmp_path):
    image = smooth_image(64, 96)
    alpha = predict_alpha(load_tflite(red_tflite(tmp_path / "red.tflite", integer=True)), image)
    assert np.abs(alpha - red_alpha(image)).max() < 0.03


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 5), np.uint8), r"shape \(4, 5\)"),
        (np.zeros((4, 5, 4), np.uint8), r"shape \(4, 5, 4\)"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 3), np.uint16), "uint16"),
        (np.full((4, 5, 3), 255.0), "255.0"),
        (np.full((4, 5, 3), np.nan), "nan"),
    ],
)
def test_images_of_another_kind_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        predict_alpha(red_model((64, 96)), image)


def test_a_matte_that_is_not_finite_is_refused():
    model = red_model((64, 96))
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    with pytest.raises(ValueError, match="not finite"):
        predict_alpha(model, smooth_image(64, 96))


def test_files_that_are_no_models_are_named(tmp_path):
    broken = tmp_path / "broken.tflite"
    with pytest.raises(FileNotFoundError, match="broken.tflite"):
        load_tflite(broken)
    broken.write_bytes(b"no flatbuffer")
    with pytest.raises(ValueError, match="broken.tflite"):
        load_tflite(broken)
