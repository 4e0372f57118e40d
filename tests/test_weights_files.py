"""Weights files say which network they are of, and are refused by every other one."""

import io
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
from tensorflow import keras
from torch_files import tensors, write_zip

from keras_matting import weights_files
from keras_matting.models import create_model, list_models, load_weights
from keras_matting.weights_files import Network, load, read, save


def network(name, layer="conv", filters=2):
    image = keras.Input((4, 4, 3), name="image")
    return Network(image, keras.layers.Conv2D(filters, 1, name=layer)(image), name=name)


def test_every_pair_of_variants_and_formats(tmp_path):
    """The tensors are equal here, as those of some variants are."""
    models = {(name, "float"): network(name) for name in list_models()}
    models |= {(name, "qat"): network(name, "quant_conv") for name in list_models()}
    paths = {key: tmp_path / f"{'.'.join(key)}.weights.h5" for key in models}
    for key, model in models.items():
        model.save_weights(paths[key])
    contents = {key: read(path) for key, path in paths.items()}
    for (name, format), content in contents.items():
        for other, model in models.items():
            problem = content.mismatch(model)
            if other == (name, format):
                assert problem is None
            elif format != other[1]:
                kind = "quantization-aware" if format == "qat" else "float"
                assert problem.startswith(f"it holds {kind} weights of {name}")
            else:
                assert problem == f"it is of {name}"


def test_a_network_with_more_layers_is_refused(tmp_path):
    """Keras would load these layers by their order."""
    names = ("modnet_mobilenetv2_easpp", "modnet_mobilenetv2")
    easpp, plain = (create_model(name, (32, 32, 3), True, width=0.35) for name in names)
    recorded, bare = (tmp_path / f"{kind}.weights.h5" for kind in ("recorded", "bare"))
    save(easpp, recorded)
    keras.Model.save_weights(easpp, bare)
    for path, words in [(recorded, f"it is of {names[0]}"), (bare, "it has 402 tensors with ")]:
        with pytest.raises(ValueError, match=f"not match modnet_mobilenetv2 as built .*{words}"):
            load_weights(plain, path)
        load_weights(easpp, path)


def test_other_options_are_named(tmp_path):
    narrow, wide = network("toy", filters=2), network("toy", filters=5)
    narrow.options, wide.options = '{"width": 0.35}', '{"width": 1.0}'
    save(narrow, path := tmp_path / "narrow.weights.h5")
    with pytest.raises(ValueError, match="made with width=0.35, and the network here with width=1"):
        load(wide, path)


def test_a_file_of_two_possible_variants_has_to_say_which(tmp_path):
    path = tmp_path / "gfm.weights.h5"
    model = create_model("gfm_mobilenetv2_bt_mobile", (32, 32, 3))
    keras.Model.save_weights(model, path)
    with pytest.raises(ValueError, match="gfm_mobilenetv2_bt_mobile and gfm_mobilenetv2_ft_mobile"):
        load_weights(model, path)
    model.load_weights(path)
    model.save_weights(path)
    load_weights(model, path)


def test_tensors_that_differ_are_named(tmp_path):
    save(network("toy", filters=5), path := tmp_path / "five.weights.h5")
    lacks = "lacks conv/kernel 1x1x3x2, conv/bias 2 and it has in addition conv/kernel 1x1x3x5, "
    with pytest.raises(ValueError, match=lacks):
        load(network("toy"), path)


def test_values_that_are_not_finite_are_refused(tmp_path):
    model = network("toy")
    model.set_weights([np.ones((1, 1, 3, 2)), np.float32([0.0, np.inf])])
    save(model, path := tmp_path / "toy.weights.h5")
    with pytest.raises(ValueError, match="toy.weights.h5 has values that are not .* in conv/bias;"):
        load(model, path)


def torch_zip():
    stream = io.BytesIO()
    write_zip(stream, {"state_dict": tensors({"a": np.ones(3, np.float32)})})
    return stream.getvalue()


def zipped(name):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "{}")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content, message",
    [
        (torch_zip(), "is a checkpoint of PyTorch; convert it with python -m keras_matting.w"),
        (b"\x80\x02}q", "is a checkpoint of PyTorch or Paddle; convert it"),
        (zipped("a.npy"), "is a checkpoint of NumPy; convert it"),
        (zipped("config.json"), "is a whole Keras model; save its weights"),
        (b"\x40\0\0\0\0\0\0\0{}", "is a safetensors checkpoint; convert it"),
        (b"\x20\0\0\0TFL3", "is a .tflite file"),
        (b"<!DOCTYPE html>", "is a web page instead of the file"),
        (b"version https://git-lfs.github.com", "is a git-lfs pointer"),
        (b"", "is empty"),
        (b"half a line", "is not an HDF5 file"),
        (b"\x89HDF\r\n\x1a\n half a file", "is damaged or incomplete; copy or download it again"),
    ],
    # a zip file contains its time, which must not become part of a test's name
    ids=["torch", "pickle", "numpy", "keras", "safetensors", "tflite", "html", "lfs", "empty"]
    + ["text", "half"],
)
def test_other_files_are_told_by_their_content(tmp_path, content, message):
    for name in ("a.weights.h5", "a.pth"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError) as error:
            read(path)
        words = str(error.value)
        assert words.startswith(f"{path} {message}") and "\n" not in words


def test_other_hdf5_files(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = ["conv"]
    with pytest.raises(ValueError, match="old.h5 is an .h5 file in Keras' older format"):
        read(tmp_path / "old.h5")
    save(network("toy"), tmp_path / "toy.weights.h5")
    (tmp_path / "toy.weights.h5").rename(tmp_path / "toy.h5")
    with pytest.raises(ValueError, match="rename it to NAME.weights.h5"):
        read(tmp_path / "toy.h5")
    with pytest.raises(ValueError, match="is a folder"):
        read(tmp_path)


def test_a_damaged_file_is_not_called_one_of_another_network(tmp_path):
    save(network("toy", filters=4000), path := tmp_path / "toy.weights.h5")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="damaged or incomplete"):
        load(network("toy", filters=4000), path)


def test_files_are_not_locked(tmp_path):
    """A file that another process has locked is written and read, as on disks without locks."""
    path = tmp_path / "a.h5"
    script = (
        "import keras_matting, fcntl, h5py, sys; file = open(sys.argv[1], 'w');"
        "fcntl.flock(file, fcntl.LOCK_EX); h5py.File(sys.argv[1], 'w').close()"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True)


def test_derived_models_keep_what_they_are_of():
    model = network("toy")
    model.options = '{"width": 0.35}'
    part = weights_files.derived(model, model.input, model.output)
    assert (part.name, part.options) == ("toy", '{"width": 0.35}')
