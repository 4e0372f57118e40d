"""Files run in every runtime, bad ones are refused in one sentence."""

import numpy as np
import pytest

from export.interpreters import RUNTIMES, Exported, interpreter, load, structure
from keras_matting.inference import checksum, load_tflite, predict_alpha
from keras_matting.inference.tflite import dequantize, quantize


def test_integers_by_hand():
    image = {"dtype": np.int8, "quantization": (1 / 255, -128)}
    x = np.float32([0, 1 / 255, 0.25, 1, 2])
    expected = np.int8([-128, -127, -64, 127, 127])  # 63.75 is rounded
    np.testing.assert_array_equal(quantize(x, image), expected)
    assert quantize(x, {"dtype": np.float32}).dtype == np.float32
    stored = np.int8([-128, 0, 127])
    alpha = {"dtype": np.int8, "quantization": (1 / 256, -128)}
    expected = np.float32([0, 128 / 255, 1])  # stretched: 127 would be 255/256
    np.testing.assert_array_equal(dequantize(stored, alpha, "alpha"), expected)
    expected = np.float32([0, 0.5, 255 / 256])
    np.testing.assert_array_equal(dequantize(stored, alpha, "foreground"), expected)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("format", "limit"), [("float32", 1e-5), ("int8_qat", 1 / 255)])
def test_runtimes_and_inference_agree(files, pictures, format, limit, runtime):
    (image,) = pictures(1, seed=3)
    found = load(files[format], runtime)({"image": image[None]})["alpha"][0, ..., 0]
    expected = predict_alpha(load_tflite(files[format]), image)
    np.testing.assert_allclose(found, expected, atol=limit)


def test_a_batch_is_its_samples(files, pictures):
    model, images = load(files["float32"]), pictures(2, seed=4)
    both = model({"image": images})["alpha"]
    assert model.size == (32, 48) and both.shape == (2, 32, 48, 1)
    for image, alpha in zip(images, both, strict=True):
        np.testing.assert_array_equal(model({"image": image[None]})["alpha"][0], alpha)


def test_structure_of_an_integer_file(files):
    found = structure(files["int8"].read_bytes())
    assert found["dtypes"] == {"image": "int8", "alpha": "int8"}
    assert found["operators"]["CONV_2D"] > 3 and found["float_results"] == []


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("data", [b"", b"no flatbuffer", b"\x1c\0\0\0TFL3" + bytes(60)])
def test_what_is_not_a_file_is_one_sentence(data, runtime, capfd):
    for make in (Exported, interpreter):
        with pytest.raises(ValueError) as caught:
            make(data, runtime, name="bad.tflite")
        assert str(caught.value).startswith("bad.tflite ") and "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_every_exported_file_has_a_checksum_that_loaders_verify(files, tmp_path):
    for path in files.values():
        data = bytearray(path.read_bytes())
        assert checksum.has_checksum(bytes(data))
        data[len(data) // 2] ^= 1
        damaged = tmp_path / path.name
        damaged.write_bytes(data)
        for loader in (load, load_tflite):
            with pytest.raises(ValueError, match="is damaged: its checksum does not match"):
                loader(damaged)
