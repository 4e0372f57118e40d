"""Golden vectors hold what a file takes and gives, byte for byte."""

import json

import numpy as np
import pytest

from export import golden
from export.interpreters import load
from keras_matting.quantization.qat import deployment


@pytest.fixture(scope="module")
def folder(files, network, quantised, pictures, tmp_path_factory):
    target = tmp_path_factory.mktemp("golden")
    samples = [{"name": str(i), "image": x} for i, x in enumerate(pictures(2, seed=30))]
    models = {"float32": network, "int8": network, "int8_qat": deployment(quantised)}
    entries = [(files[f], f, model, ("p999", 0.1)) for f, model in models.items()]
    golden.write(target, entries, samples)
    return target


@pytest.fixture(scope="module")
def index(folder):
    return {
        entry["format"]: entry
        for entry in json.loads((folder / "golden.json").read_text())["files"]
    }


def test_an_integer_file_takes_bytes_minus_128(folder, index, pictures):
    entry = index["int8_qat"]
    assert entry["inputs"] == {"image": {"dtype": "int8", "shape": [1, 32, 48, 3]}}
    for image, sample in zip(pictures(2, seed=30), entry["samples"], strict=True):
        tensor = np.fromfile(folder / sample["inputs"]["image"], "<i1").reshape(image.shape)
        np.testing.assert_array_equal(tensor, np.rint(image * 255) - 128)


def test_a_float_file_takes_the_image(folder, index, pictures):
    name = index["float32"]["samples"][1]["inputs"]["image"]
    np.testing.assert_array_equal(
        np.fromfile(folder / name, "<f4").reshape(32, 48, 3), pictures(2, seed=30)[1]
    )


@pytest.mark.parametrize("format", ["float32", "int8", "int8_qat"])
def test_alphas_are_those_of_keras_and_of_this_machine(folder, index, files, network, format):
    images = np.stack([
        np.fromfile(folder / sample["inputs"]["image"], "<f4").reshape(32, 48, 3)
        for sample in index["float32"]["samples"]
    ])  # fmt: skip
    alphas = {
        kind: np.stack([
            np.fromfile(folder / sample["references"][kind], "<f4").reshape(32, 48, 1)
            for sample in index[format]["samples"]
        ])
        for kind in ("keras", "litert")
    }  # fmt: skip
    np.testing.assert_array_equal(alphas["litert"], load(files[format])({"image": images})["alpha"])
    if format != "int8_qat":
        keras = network({"image": images}, training=False)["alpha"]
        np.testing.assert_allclose(alphas["keras"], keras, atol=1e-6)
    else:
        assert np.abs(alphas["keras"] - alphas["litert"]).max() <= 1.5 / 255 + 1e-6


def test_keras_counts_where_the_trimap_is_unknown():
    alpha, trimap = np.float32([0.1, 0.2, 0.3]), np.float32([0.0, 128 / 255, 1.0])
    found = golden._where_unknown({"trimap": trimap}, alpha, np.float32([0.7, 0.8, 0.9]))
    np.testing.assert_array_equal(found, np.float32([0.7, 0.2, 0.9]))
    assert golden._where_unknown({}, alpha, None) is alpha


def test_an_index_is_there_only_when_all_is(folder, files, network, pictures, tmp_path):
    entry = (files["float32"], "float32", network, ("max_difference", 1e-4))
    sample = {"name": "0", "image": pictures(1, seed=1)[0]}
    for stays in (sample, {**sample, "image": 1 - sample["image"]}):
        golden.write(tmp_path, [entry], [stays])
        assert len(list(tmp_path.glob("*.bin"))) == 3  # none of an earlier run
    assert (tmp_path / "golden.json").exists()
    with pytest.raises(FileNotFoundError, match="no.tflite"):
        golden.write(tmp_path, [(tmp_path / "no.tflite", *entry[1:])], [sample])
    assert not (tmp_path / "golden.json").exists()
