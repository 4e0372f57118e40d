"""Every network that ships: intact, of the recorded kind, and good on a photograph that may ship.

`astronaut_trimap.png` was drawn for scikit-image's astronaut: 255 is certainly hers, 0 certainly
not (flag, shuttle, table), 128 is left open; `chelsea_trimap.png` likewise for its cat. Networks
with further inputs are tried on drawn figures, whose alpha is exact.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import skimage
import tensorflow as tf

import keras_matting
from keras_matting import image_files, pretrained
from keras_matting.data.augment import trimaps
from keras_matting.data.synthetic import draw_background, draw_foreground
from keras_matting.inference import predict_alpha
from keras_matting.models import create_model

NETWORKS = pretrained.networks()


def spelt(row):
    return "-".join(map(str, row)) if isinstance(row, tuple) else None


FILES = [
    (name, kind, int(size))
    for name, network in NETWORKS.items()
    for kind, sizes in network["tflite"].items()
    for size in sizes
]
ASTRONAUT = Path(skimage.__path__[0], "data", "astronaut.png")
PEOPLE = [row for row in FILES if row[0] == "portrait"]
ANIMALS = [row for row in FILES if row[0] == "animal"]
TRIMAPS = [row for row in FILES if "trimap" in NETWORKS[row[0]]["inputs"]]
CAPTURED = [row for row in FILES if "background" in NETWORKS[row[0]]["inputs"]]
LARGEST_ERROR = 0.02  # mean over the known pixels


@pytest.fixture(scope="module")
def astronaut():
    trimap = image_files.read_trimap(Path(__file__).with_name("astronaut_trimap.png"))
    return image_files.read_photograph(ASTRONAUT), trimap


def drawn(seed, kind, size=384):
    """A drawn figure over a drawn background -> image, alpha float, background."""
    foreground, alpha = draw_foreground((9, seed), size, size, kind)
    background = draw_background((9, seed), size, size)
    alpha = alpha / np.float32(255)
    image = alpha * foreground + (1.0 - alpha) * background
    return np.rint(image).astype(np.uint8), alpha[..., 0], background


def error(alpha, trimap):
    known = trimap != 128
    return float(np.abs(alpha - trimap / 255.0)[known].mean())


def test_the_table_and_the_folder_name_the_same_files():
    content = json.loads((pretrained.FOLDER / "networks.json").read_text())
    there = {path.name for path in pretrained.FOLDER.iterdir() if path.suffix in (".h5", ".tflite")}
    assert there == set(content["sha256"])
    for name, expected in content["sha256"].items():
        data = (pretrained.FOLDER / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == expected
        assert len(data) <= 12e6
    assert sum((pretrained.FOLDER / name).stat().st_size for name in there) <= 60e6


@pytest.mark.parametrize("row", FILES, ids=spelt)
def test_files_load_by_name_with_their_inputs(row):
    name, kind, size = row
    model = keras_matting.load(name, kind, size)
    assert model.input_size == (size, size)
    assert set(model.input_names) == set(NETWORKS[name]["inputs"])


@pytest.mark.parametrize("row", PEOPLE, ids=spelt)
def test_the_astronaut_is_cut_out(row, astronaut):
    image, trimap = astronaut
    alpha = predict_alpha(keras_matting.load(*row), image)
    assert error(alpha, trimap) < LARGEST_ERROR


@pytest.mark.parametrize("row", ANIMALS, ids=spelt)
def test_the_cat_is_cut_out(row):
    trimap = image_files.read_trimap(Path(__file__).with_name("chelsea_trimap.png"))
    image = image_files.read_photograph(ASTRONAUT.with_name("chelsea.png"))
    alpha = predict_alpha(keras_matting.load(*row), image)
    assert error(alpha, trimap) < 0.04


@pytest.mark.parametrize("row", [("trimap",), *TRIMAPS], ids=spelt)
def test_drawn_figures_are_matted_within_wide_trimaps(row):
    model, errors, of_one_half = keras_matting.load(*row), [], []
    for seed in range(3):
        image, alpha, _ = drawn(seed, "animal")
        known = trimaps.trimap(12.0)({"alpha": tf.constant(alpha[..., None])})["trimap"].numpy()
        found, unknown = predict_alpha(model, image, trimap=known[..., 0]), known[..., 0] == 128
        errors.append(np.abs(found - alpha)[unknown].mean())
        of_one_half.append(np.abs(0.5 - alpha)[unknown].mean())
    assert np.mean(errors) < 0.3 * np.mean(of_one_half)


@pytest.mark.parametrize("row", CAPTURED, ids=spelt)
def test_drawn_figures_are_matted_with_the_captured_background(row):
    model, errors = keras_matting.load(*row), []
    for seed in range(3):
        image, alpha, background = drawn(seed, "portrait")
        errors.append(np.abs(predict_alpha(model, image, background=background) - alpha).mean())
    assert np.mean(errors) < 0.05


@pytest.mark.parametrize("size", sorted({size for _, _, size in PEOPLE}))
def test_formats_and_weights_give_the_same_matte(size, astronaut):
    image, _ = astronaut
    heads = create_model("modnet_mobilenetv2_mobile", (size, size, 3), True, weights="pretrained")
    assert set(heads.output) == {"alpha", "detail", "semantic"}  # training can go on
    expected = predict_alpha(heads, image)
    for name, kind, side in PEOPLE:
        if side == size:
            alpha = predict_alpha(keras_matting.load(name, kind, size), image)
            assert np.abs(alpha - expected).mean() < {"float16": 1e-3, "int8": 0.01}[kind]


def test_the_list_has_a_row_for_each_network():
    rows = {row["name"]: row for row in keras_matting.list_pretrained()}
    assert rows.keys() == NETWORKS.keys()
    portrait = rows["portrait"]
    assert portrait["variant"] == "modnet_mobilenetv2_mobile" and portrait["inputs"] == ["image"]
    assert set(portrait["tflite"]) >= {"float16", "int8"}


def test_another_name_format_or_size_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="unknown pretrained network 'portraits'; .*portrait"):
        keras_matting.load("portraits")
    with pytest.raises(ValueError, match="portrait has no int4 file; it has "):
        keras_matting.load("portrait", "int4")
    with pytest.raises(ValueError, match="of size 77; it has "):
        keras_matting.load("portrait", "int8", 77)
    with pytest.raises(ValueError, match="no pretrained weights for dim_vgg16; available for "):
        create_model("dim_vgg16", weights="pretrained")


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    file = next(iter(NETWORKS["portrait"]["tflite"]["int8"].values()))
    data = bytearray((pretrained.FOLDER / file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / file).write_bytes(data)
    (tmp_path / "networks.json").write_bytes((pretrained.FOLDER / "networks.json").read_bytes())
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    pretrained._verified.cache_clear()
    with pytest.raises(ValueError, match="is damaged; install keras_matting again"):
        pretrained.tflite_file("portrait", "int8", int(file.split("_")[1].split("x")[0]))
    with pytest.raises(FileNotFoundError, match="is missing; install keras_matting again"):
        pretrained.weights_file(NETWORKS["portrait"])
    pretrained._verified.cache_clear()
