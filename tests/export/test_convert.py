"""Files: their promises, their names, and that no bad one is written."""

import json
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import shallow
from tensorflow import keras
from tensorflow.keras import layers

from export import convert as module
from export import metadata
from export import network as network_of_flags
from export.convert import FORMATS, check, convert, export, parse_size, representative_inputs
from export.interpreters import RUNTIMES, Exported, structure
from keras_matting.layers.unpooling import PoolWithPositions, Unpool
from keras_matting.models import create_model


@pytest.mark.parametrize("format", FORMATS)
def test_name_signature_and_size(files, format):
    assert files[format].name == f"toy_32x48_{format}.tflite"
    assert Exported(files[format].read_bytes()).size == (32, 48)
    assert [path.name for path in files[format].parent.iterdir() if path.suffix != ".tflite"] == []


@pytest.mark.parametrize("format", ["int8", "int8_qat"])
def test_int8_is_integers_from_end_to_end(files, format):
    found = structure(files[format].read_bytes())
    assert found["float_tensors"] == []
    assert "QUANTIZE" not in found["operators"] or format == "int8"
    assert found["dtypes"] == {"image": "int8", "alpha": "int8"}
    np.testing.assert_allclose(found["quantization"]["image"], [1 / 255, -128], rtol=1e-6)
    np.testing.assert_allclose(found["quantization"]["alpha"], [1 / 256, -128], rtol=1e-6)


def test_float_ends_have_integers_between(files):
    found = structure(files["int8_float_ends"].read_bytes())
    assert found["dtypes"] == {"image": "float32", "alpha": "float32"}
    assert found["operators"]["QUANTIZE"] == found["operators"]["DEQUANTIZE"] == 1
    assert len(found["float_results"]) == 1  # the alpha
    np.testing.assert_allclose(found["quantization"]["image"], [1 / 255, -128], rtol=1e-6)
    np.testing.assert_allclose(found["quantization"]["alpha"], [1 / 256, -128], rtol=1e-6)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_float_ends_give_the_alpha_of_int8_ends(files, pictures, runtime):
    """Also at the top: the file stretches its alpha as hosts stretch integers."""
    images = pictures(4, seed=11)
    found, expected = (
        Exported(files[format].read_bytes(), runtime)({"image": images})["alpha"]
        for format in ("int8_float_ends", "int8_qat")
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_float_ends_around_float_arithmetic_are_refused(network, files, images):
    with pytest.raises(ValueError, match="it has [0-9]+ float tensors"):
        check(files["dynamic"].read_bytes(), network, "int8_float_ends", {"image": images})


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    "format, limit",
    [("float32", 1e-4), ("float16", 1e-2), ("dynamic", 0.1), ("int8", 0.2), ("int16x8", 0.1)],
)
def test_files_agree_with_keras(network, files, pictures, format, limit, runtime):
    images = pictures(4, seed=11)
    expected = network.predict({"image": images}, verbose=0)["alpha"]
    found = Exported(files[format].read_bytes(), runtime)({"image": images})["alpha"]
    assert np.abs(found - expected).max() < limit


def test_16_bits_leave_selections_in_float(pictures):
    keras.utils.set_random_seed(3)
    image = keras.Input((32, 48, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.Conv2D(1, 3, padding="same")(Unpool()(PoolWithPositions()(x)))
    alpha = layers.Activation("sigmoid", name="alpha")(x)
    network = keras.Model({"image": image}, {"alpha": alpha}, name="unpooling")
    images = pictures(4, seed=12)
    images[:, 0, 0], images[:, 0, 1] = 0.0, 1.0
    data = convert(network, "int16x8", {"image": images})
    found = structure(data)
    assert found["dtypes"] == {"image": "float32", "alpha": "float32"}
    assert {"DEPTH_TO_SPACE", "QUANTIZE", "DEQUANTIZE"} <= set(found["operators"])
    expected = network({"image": images})["alpha"].numpy()
    for runtime in RUNTIMES:
        assert np.abs(Exported(data, runtime)({"image": images})["alpha"] - expected).mean() < 1e-3


def test_a_byte_minus_128_is_the_input(files, pictures):
    model = Exported(files["int8_qat"].read_bytes())
    picture = pictures(1, seed=0)[0]
    model.set_inputs({"image": picture})
    written = model.interpreter.get_tensor(model.inputs["image"]["index"])[0]
    np.testing.assert_array_equal(written, np.rint(picture * 255).astype(int) - 128)


def test_a_file_that_differs_from_keras_is_not_written(network, tmp_path, images, monkeypatch):
    data = convert(network, "float32")
    monkeypatch.setattr(module, "convert", lambda *_: data)
    kernel = network.get_layer("alpha_logit_conv").kernel
    before = kernel.numpy()
    kernel.assign(before + 0.01)
    try:
        with pytest.raises(ValueError, match="file of toy was not written because its alpha diff"):
            export(network, "float32", tmp_path, {"image": images})
    finally:
        kernel.assign(before)
    assert list(tmp_path.iterdir()) == []


def test_a_file_says_how_many_pictures_its_ranges_come_from(files):
    said = {f: metadata.read(path.read_bytes())["description"] for f, path in files.items()}
    for format in ("int8", "int16x8"):
        assert said[format].endswith("Integer ranges from 16 pictures.")
    assert "ranges" not in said["float32"] + said["int8_qat"]


def test_float_tensors_in_an_int8_file_are_refused(network, files, images):
    with pytest.raises(ValueError, match="it has [0-9]+ float tensors"):
        check(files["dynamic"].read_bytes(), network, "int8", {"image": images})


def test_calibration_without_black_and_white_is_refused(network, images):
    with pytest.raises(ValueError, match="exactly 0 to exactly 1"):
        convert(network, "int8", {"image": 0.2 + 0.5 * images})


def test_a_folder_of_photographs_calibrates(tmp_path):
    for i, level in enumerate((60, 200)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((48, 64, 3), level, np.uint8))
    images = representative_inputs(["image"], 32, 32, tmp_path)["image"]
    assert images.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(images[:, 5, 5, 0], np.float32([60, 200]) / np.float32(255))
    assert (images.min(), images.max()) == (0.0, 1.0)


def test_open_sizes_and_unknown_formats_are_refused(network, new_network):
    with pytest.raises(ValueError, match="unknown format 'int4'"):
        convert(network, "int4")
    with pytest.raises(ValueError, match="toy has no fixed size"):
        convert(new_network((None, None)), "float32")


def test_sizes_are_height_first():
    assert parse_size("512x384") == (512, 384)
    for wrong in ("512", "0x32", "axb", "1x2x3"):
        with pytest.raises(ValueError, match="write it HxW"):
            parse_size(wrong)


@pytest.mark.parametrize(
    "name, written, given, option",
    [
        ("bgmv2_mobilenetv2", {}, ["refine_mode=thresholding", "refine_threshold=0.3"], 0.3),
        ("dim_mobilenetv2_mobile", {"refinement": False}, ["refinement=False"], False),
    ],
)
def test_options_of_the_builder_are_flags(name, written, given, option, tmp_path, monkeypatch):
    shallow.apply(monkeypatch.setattr)
    path = tmp_path / "a.weights.h5"
    create_model(name, (None, None, 3), True, **written).save_weights(path)
    flags = dict(model=name, weights=path, width=None, num_classes=None, option=given)
    heads = network_of_flags.build(SimpleNamespace(**flags), (32, 32))
    assert option in json.loads(heads.options).values()
    assert "alpha_raw" not in heads.output


def test_the_command_ends_in_one_sentence():
    flags = ["--weights=missing.weights.h5", "--size=64x64"]
    command = [sys.executable, "-m", "export.convert", *flags]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "weights file not found: missing.weights.h5\n"


@pytest.mark.parametrize("command", ["convert", "parity", "qat"])
def test_help_shows_the_flags_of_the_network(command):
    done = subprocess.run(
        [sys.executable, "-m", f"export.{command}", "--help"], capture_output=True, text=True
    )
    shown = done.stdout
    assert all(f"--{flag}" in shown for flag in ("model", "weights", "width", "verbose"))
    assert done.stderr == ""


def test_only_quantization_needs_tensorflow_model_optimization():
    code = "import sys, export.convert, export.parity, export.benchmark\n"
    code += "sys.exit('tensorflow_model_optimization' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
