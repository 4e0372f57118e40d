"""Files of every format return the arrays that were saved; bad ones are reported."""

import json
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from torch_files import Storage, Tensor, tensors, write_archive, write_legacy, write_zip

from keras_matting.weights.checkpoints import read

RNG = np.random.default_rng(0)
ARRAYS = {
    "stem.weight": RNG.normal(size=(4, 3, 3, 3)).astype("f4"),
    "stem.bias": RNG.normal(size=(4,)).astype("f8"),
    "half": RNG.normal(size=(2, 5)).astype("f2"),
    "count": np.array(7, "i8"),
    "empty": np.zeros((0, 3), "f4"),
}


def same(found, expected=ARRAYS):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "params"])
def test_torch(write, wrapper, tmp_path):
    state = tensors(ARRAYS)
    # training scripts save other values too
    found = {wrapper: state, "epoch": 3, "optimizer": {"lr": 0.1}} if wrapper else state
    write(tmp_path / "model.pth", found)
    same(read(tmp_path / "model.pth"))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_tensors_outside_the_network_are_ignored(write, tmp_path):
    # GCA's trainer saves its last loss as a tensor
    loss = Tensor(Storage(9, np.float32([0.5])), ())
    write(tmp_path / "gca.pth", {"iter": 7, "loss": loss, "state_dict": tensors(ARRAYS)})
    same(read(tmp_path / "gca.pth"))


def test_views_of_a_shared_storage(tmp_path):
    values = np.arange(24, dtype="f4")
    storage = Storage(0, values)
    state = {
        "transposed": Tensor(storage, (4, 6), (1, 4)),
        "part": Tensor(storage, (3,), (2,), offset=10),
    }
    write_zip(tmp_path / "views.pt", state)
    expected = {"transposed": values.reshape(6, 4).T, "part": values[[10, 12, 14]]}
    same(read(tmp_path / "views.pt"), expected)


def test_bfloat16_becomes_float32(tmp_path):
    bits = np.array([0x3F80, 0xC000, 0x4049], np.uint16)  # 1, -2, 3.140625
    write_zip(tmp_path / "b.pt", {"x": Tensor(Storage(0, bits, "BFloat16Storage"), (3,))})
    same(read(tmp_path / "b.pt"), {"x": np.float32([1, -2, 3.140625])})


@pytest.mark.parametrize("protocol", [2, 4])
def test_paddle(protocol, tmp_path):
    path = tmp_path / "model.pdparams"
    names = {"StructuredToParameterName@@": {"stem.weight": "conv2d_0.w_0"}}
    path.write_bytes(pickle.dumps(ARRAYS | names, protocol))
    same(read(path))
    pairs = {name: (f"tensor_{name}", array) for name, array in ARRAYS.items()}
    path.write_bytes(pickle.dumps(pairs, protocol))
    same(read(path))


def test_paddle_in_a_wrapper_and_bfloat16(tmp_path):
    path = tmp_path / "model.pdparams"
    path.write_bytes(pickle.dumps({"state_dict": ARRAYS, "epoch": 3}, 2))
    same(read(path))
    bits = np.array([0x3F80, 0xC000], np.uint16)
    path.write_bytes(pickle.dumps({"x": bits}, 2))
    same(read(path), {"x": np.float32([1, -2])})


def test_paddle_joins_split_arrays(tmp_path):
    big = np.arange(12, dtype="f4")
    pieces = {"w@@.0": big[:7], "w@@.1": big[7:]}
    record = {"w": {"OriginShape": (3, 4), "slices": ["w@@.0", "w@@.1"]}}
    path = tmp_path / "big.pdparams"
    path.write_bytes(pickle.dumps(pieces | {"UnpackBigParamInfor@@": record}, 2))
    same(read(path), {"w": big.reshape(3, 4)})


def safetensors(header, data, length=None):
    header = json.dumps(header).encode()
    return struct.pack("<Q", length or len(header)) + header + data


def test_safetensors(tmp_path):
    x, y = np.float32([[1, 2], [3, 4]]), np.array([0x3F80], np.uint16)
    header = {
        "__metadata__": {"format": "pt"},
        "x": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "y": {"dtype": "BF16", "shape": [1], "data_offsets": [16, 18]},
    }
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(header, x.tobytes() + y.tobytes()))
    same(read(path), {"x": x, "y": np.float32([1])})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(save, tmp_path):
    save(tmp_path / "model.npz", **ARRAYS, comment=np.array("trained on a Tuesday"))
    same(read(tmp_path / "model.npz"))


FOREIGN = {
    "empty": (b"", "nothing"),
    "page": (b"<!DOCTYPE html><html>", "a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid", "a git-lfs pointer"),
    "text": (b"hello", "no tensors in a format of PyTorch, Paddle"),
    "tar": (bytes(257) + b"ustar" + bytes(250), "a tar archive"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_formats_are_reported(kind, tmp_path):
    content, message = FOREIGN[kind]
    path = tmp_path / f"{kind}.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{kind}.pth was not read because it contains {message}"):
        read(path)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.pth"):
        read(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("header", ["((((", "'''", "{'descr': '<f4', 'shape': (1"])
def test_damaged_npz_headers_are_reported(header, tmp_path):
    header = header.encode() + b"\n"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
        archive.writestr("w.npy", start + header + bytes(64))
    with pytest.raises(ValueError, match="x.npz is damaged"):
        read(tmp_path / "x.npz")


def test_damaged_compression_is_reported(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, w=RNG.normal(size=(50, 50)))
    content = bytearray(path.read_bytes())
    content[200:260] = b"\xff" * 60
    path.write_bytes(content)
    with pytest.raises(ValueError, match="x.npz is damaged"):
        read(path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "paddle", "safetensors", "npz"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_truncated_files_are_reported(kind, part, tmp_path):
    path = tmp_path / f"model.{kind}"
    if kind == "zip":
        write_zip(path, tensors(ARRAYS))
    elif kind == "legacy":
        write_legacy(path, tensors(ARRAYS))
    elif kind == "paddle":
        path.write_bytes(pickle.dumps(ARRAYS, 2))
    elif kind == "safetensors":
        header = {"x": {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}}
        path.write_bytes(safetensors(header, bytes(64)))
    else:
        with open(path, "wb") as stream:
            np.savez(stream, **ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ValueError, match=f"model.{kind} (is damaged|was not read)") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_an_encrypted_archive_is_reported(tmp_path):
    path = tmp_path / "secret.pth"
    write_archive(path, b"")
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := content.find(signature, start + 1)) >= 0:
            content[start + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="secret.pth was not read because it contains encryption"):
        read(path)


def test_torchscript_is_reported(tmp_path):
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("script/data.pkl", pickle.dumps({}, 2))
        archive.writestr("script/constants.pkl", pickle.dumps((), 2))
        # as PyTorch compresses it
        archive.writestr("script/code/net.py", "pass", zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="script.pt was not read because .* TorchScript"):
        read(path)


def test_a_file_without_tensors_is_reported_with_its_keys(tmp_path):
    write_zip(tmp_path / "log.pth", OrderedDict(epoch=3, history={"loss": 1.0}))
    with pytest.raises(ValueError, match="no tensors at the expected keys .*epoch, history"):
        read(tmp_path / "log.pth")
