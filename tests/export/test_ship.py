"""What ships: weights in half precision, checked files, and a table of them with checksums."""

import hashlib
import json
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from tensorflow import keras

from export import ship
from export.stand_in_weights import fill
from keras_matting import pretrained
from keras_matting.models import create_model

OPTIONS = dict(task="tests", model="modnet_mobilenetv2_mobile", width=0.35, num_classes=None)
OPTIONS |= dict(option=[], qat_weights=None, images=None, files=["float16:32"])


def test_kernels_are_halved_and_vectors_are_not(tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    model.set_weights([np.full((3, 3, 3, 2), 0.1, np.float32), np.float32([0.1, 0.2])])
    model.save_weights(tmp_path / "float.weights.h5")
    ship.halved(tmp_path / "float.weights.h5", tmp_path / "half.weights.h5")
    model.load_weights(tmp_path / "half.weights.h5")
    kernel, bias = model.get_weights()
    assert (kernel == np.float32(np.float16(0.1))).all()
    assert bias.tolist() == np.float32([0.1, 0.2]).tolist()
    with h5py.File(tmp_path / "half.weights.h5") as file:
        types = []
        file.visititems(lambda _, x: types.append(x.dtype) if isinstance(x, h5py.Dataset) else None)
    assert types.count(np.float16) == 1


def test_a_network_is_recorded_with_its_files_and_others_are_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    old = {"networks": {"toy": {"weights": "old.h5", "tflite": {}}}, "sha256": {"old.h5": "0"}}
    (tmp_path / "networks.json").write_text(json.dumps(old))
    model = create_model("modnet_mobilenetv2_mobile", (32, 32, 3), True, width=0.35)
    fill(model, {"image": np.zeros((1, 32, 32, 3), np.float32)})
    model.save_weights(tmp_path / "float.weights.h5")
    weights = str(tmp_path / "float.weights.h5")
    ship._ship("toy", SimpleNamespace(**OPTIONS, weights=weights))
    content = json.loads((tmp_path / "networks.json").read_text())
    assert content["networks"]["toy"] == {
        "task": "tests",
        "variant": "modnet_mobilenetv2_mobile",
        "options": {"width": 0.35},
        "inputs": ["image"],
        "weights": "toy.weights.h5",
        "tflite": {"float16": {"32": "toy_32x32_float16.tflite"}},
    }
    assert content["sha256"] == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("toy.weights.h5", "toy_32x32_float16.tflite")
    }


def test_an_int8_file_on_which_kernels_differ_does_not_ship(monkeypatch):
    monkeypatch.setattr(ship, "kernels_differ", lambda *_: ["p999 of its alpha is 0.1"])
    with pytest.raises(ValueError, match="toy_int8.tflite does not ship because p999 of its alpha"):
        ship._check_kernels("toy_int8.tflite", b"", {})


def test_float_ends_need_quantization_aware_weights():
    options = SimpleNamespace(**OPTIONS | dict(files=["int8_float_ends:32"], weights="none"))
    with pytest.raises(ValueError, match="int8_float_ends needs --qat_weights"):
        ship._ship("toy", options)


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="--files has unknown formats: dynamic"):
        ship._wanted(["float16:32", "dynamic:32"])
