"""A checkpoint cannot run code: anything but tensors is refused, without side effects."""

import json
import os
import pickle
import struct
import sys
import zipfile

import numpy as np
import pytest
from torch_files import Storage, Tensor, pickled, tensors, write_archive, write_legacy, write_zip

from keras_matting.weights.checkpoints import read


class Call:
    """Pickled as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments, state=None):
        self.call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.call


def instructions(*parts):
    """Assemble a pickle of protocol 2 from its operations."""
    return b"\x80\x02" + b"".join(parts) + b"."


def text(value):
    value = value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def named(module, name):
    return f"c{module}\n{name}\n".encode()


TRACE = "touch {}"
# kind: (pickle that would create the file `mark` or exhaust memory, text of the error)
HOSTILE = {
    "os.system": lambda mark: (
        instructions(named("os", "system"), text(TRACE.format(mark)), b"\x85R"),
        "os.system",
    ),
    "posix.system": lambda mark: (
        pickle.dumps(Call(os.system, TRACE.format(mark)), 2),
        "posix.system",
    ),
    "eval": lambda mark: (
        pickle.dumps(Call(eval, f"open({str(mark)!r}, 'w')"), 2),
        r"builtins.eval",
    ),
    "exec by its new name": lambda mark: (
        pickle.dumps(Call(exec, f"open({str(mark)!r}, 'w')"), 4),
        "builtins.exec",
    ),
    # Python 3.13 names the module _io
    "open": lambda mark: (pickle.dumps(Call(open, str(mark), "w"), 2), "_?io.open"),
    "getattr": lambda mark: (
        instructions(named("builtins", "getattr"), named("os", "path"), text("os"), b"\x86R"),
        "builtins.getattr",
    ),
    "nested in a dictionary": lambda mark: (
        pickle.dumps({"state_dict": {"w": [Call(os.system, TRACE.format(mark))]}}, 2),
        "posix.system",
    ),
    "an argument of a known function": lambda mark: (
        instructions(
            named("collections", "OrderedDict"),
            named("os", "system"),
            text(TRACE.format(mark)),
            b"\x85R",
            b"\x85R",
        ),
        "os.system",
    ),  # fmt: skip
    "a dotted name after a known one": lambda mark: (
        b"\x80\x04" + text("collections") + text("OrderedDict.__init__") + b"\x93.",
        r"collections.OrderedDict.__init__",
    ),
    "taken from the memo": lambda mark: (
        instructions(
            named("os", "system"), b"q\x000", b"h\x00", text(TRACE.format(mark)), b"\x85R"
        ),
        "os.system",
    ),
    "a memo of gigabytes": lambda mark: (
        instructions(b"}", b"r" + struct.pack("<I", 2**31 - 1)),
        "a memo of many gigabytes",
    ),
    "an extension code": lambda mark: (instructions(b"\x82\x01"), "the operation EXT1"),
    "an instance": lambda mark: (
        instructions(b"(" + text(TRACE.format(mark)) + b"ios\nsystem\n"),
        "the operation INST",
    ),
    "a persistent id of text": lambda mark: (
        instructions(b"P../../etc/passwd\n"),
        "the operation PERSID",
    ),
    "a persistent id that is not a storage": lambda mark: (
        instructions(text("module"), text("os"), b"\x86Q"),
        "a persistent id that is not a storage",
    ),
    "a storage named as a path": lambda mark: (
        instructions(
            b"(",
            text("storage"),
            named("torch", "FloatStorage"),
            text("../../secret"),
            text("cpu"),
            b"K\x04tQ",
        ),
        r"a storage named '\.\./\.\./secret'",
    ),  # fmt: skip
    "a state that modifies a type": lambda mark: (
        instructions(named("torch", "FloatStorage"), b"}", text("dtype"), text("f8"), b"sb"),
        "an attempt to modify a kind",
    ),
    "a state that modifies a function": lambda mark: (
        instructions(
            named("_codecs", "encode"), b"N}", text("__defaults__"), text("utf8"), b"\x85s\x86b"
        ),
        "an attempt to modify a name",
    ),
    "a NumPy array of objects": lambda mark: (
        pickle.dumps({"w": np.array([Call(os.system, TRACE.format(mark))], object)}, 2),
        "posix.system",
    ),
    "a NumPy array of plain objects": lambda mark: (
        pickle.dumps({"w": np.array([None, 1], object)}, 2),
        "an array of type 'O8'",
    ),
    "another module's loader": lambda mark: (
        instructions(named("torch.storage", "_load_from_bytes"), b"C\x00\x85R"),
        "torch.storage._load_from_bytes",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("form", ["zip", "plain"])
def test_hostile_pickles_are_refused_without_effect(kind, form, tmp_path):
    mark, path = tmp_path / "mark", tmp_path / "model.pth"
    content, name = HOSTILE[kind](mark)
    if form == "zip":
        write_archive(path, content)
    else:
        path.write_bytes(content)
    if form == "plain" and kind.startswith(("a persistent id that", "a storage named")):
        name = "a reference to data outside the pickle"
    with pytest.raises(ValueError, match=f"was not read because it contains {name}"):
        read(path)
    assert not mark.exists()


def test_the_pickles_are_effective_in_python(tmp_path):
    """Python's own unpickler runs the code in the pickles above."""
    for kind in ("os.system", "nested in a dictionary", "taken from the memo"):
        mark = tmp_path / kind.replace(" ", "_")
        pickle.loads(HOSTILE[kind](mark)[0])
        assert mark.exists()


def archive_of(arrays):
    data, storages = pickled(tensors(arrays))
    return data, {key: storage.values.tobytes() for key, storage in storages.items()}


def test_a_huge_shape_over_a_small_storage(tmp_path):
    data, storages = archive_of({"w": np.zeros((2, 3), np.float32)})
    # the shape (2, 3) is pickled as two small numbers
    assert data.count(b"K\x02K\x03\x86") == 1
    huge = data.replace(b"K\x02K\x03\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86")
    write_archive(tmp_path / "huge.pth", huge, storages)
    with pytest.raises(ValueError, match="a tensor of shape .* in a storage of 6 elements"):
        read(tmp_path / "huge.pth")


def test_a_storage_shorter_than_its_tensor(tmp_path):
    data, storages = archive_of({"w": np.zeros((2, 3), np.float32)})
    write_archive(tmp_path / "short.pth", data, {"0": storages["0"][:-1]})
    with pytest.raises(ValueError, match="a storage 0 that is shorter than its tensors"):
        read(tmp_path / "short.pth")
    write_archive(tmp_path / "none.pth", data, {"../0": storages["0"]})
    with pytest.raises(ValueError, match="a tensor whose storage 0 is not in the file"):
        read(tmp_path / "none.pth")


def test_a_zip_bomb(tmp_path):
    data, storages = archive_of({"w": np.zeros(2**20, np.float32)})
    write_archive(tmp_path / "bomb.pth", data, storages, zipfile.ZIP_DEFLATED)
    assert (tmp_path / "bomb.pth").stat().st_size < 20_000
    with pytest.raises(ValueError, match="bomb.pth was not read because it contains compression"):
        read(tmp_path / "bomb.pth")
    np.savez_compressed(tmp_path / "bomb.npz", w=np.zeros(2**22, np.float32))
    with pytest.raises(ValueError, match="w.npy, which unpacks to 16777344 bytes"):
        read(tmp_path / "bomb.npz")


def test_many_small_arrays_are_a_zip_bomb_too(tmp_path):
    content = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (262000,)}") + bytes(1048000)
    with zipfile.ZipFile(tmp_path / "many.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(8):
            archive.writestr(f"w{i}.npy", content)
    with pytest.raises(ValueError, match="arrays that unpack to 8[0-9]{6} bytes in total"):
        read(tmp_path / "many.npz")


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_many_tensors_of_one_storage(write, tmp_path):
    storage = Storage(0, np.zeros(2**16, np.float32))
    write(tmp_path / "many.pth", {f"w{i}": Tensor(storage, (2**16,)) for i in range(50)})
    with pytest.raises(ValueError, match="tensors of more than 8 times its size"):
        read(tmp_path / "many.pth")


def test_a_storage_that_claims_two_sizes(tmp_path):
    """Reading the larger one would read past the end of the smaller one."""
    large, small = (Storage(0, np.zeros(count, np.float32)) for count in (50_000, 1))
    found = {"w": Tensor(large, (50_000,)), "x": Tensor(small, (1,))}
    write_legacy(tmp_path / "two.pth", found)
    with pytest.raises(ValueError, match="two storages 0"):
        read(tmp_path / "two.pth")
    write_zip(tmp_path / "two.pth", found)
    with pytest.raises(ValueError, match="a storage 0 that is shorter than its tensors"):
        read(tmp_path / "two.pth")


def doubled(kind):
    """Nest an object forty times, each level holding the previous one twice."""
    first, whole = {"tuple": (b")", b"h%ch%c\x86"), "list": (b"]", b"](h%ch%ce")}[kind]
    steps = [whole % (i, i) + b"q%c0" % (i + 1) for i in range(40)]
    return first + b"q\x000" + b"".join(steps) + b"h\x28"


@pytest.mark.parametrize(
    "content",
    [
        instructions(b"}", doubled("tuple"), b"K\x01s"),  # hashing it
        instructions(b"(X\x07\x00\x00\x00storageN", doubled("list"), b"NK\x04tQ"),  # formatting it
    ],
)
def test_objects_that_would_keep_python_busy_for_hours(content, tmp_path):
    write_archive(tmp_path / "busy.pth", content)
    with pytest.raises(ValueError, match="an object with millions of nested objects"):
        read(tmp_path / "busy.pth")


def test_a_tuple_made_of_a_list_that_grew(tmp_path):
    grown = b"]q\x00(K\x01\x85K\x01\x85e0h\x00\x85R"
    (tmp_path / "x.pdparams").write_bytes(
        instructions(b"}", named("torch", "Size"), grown, b"K\x01s")
    )
    with pytest.raises(ValueError, match="a tuple of unsupported values"):
        read(tmp_path / "x.pdparams")


def test_a_long_name_gives_one_line(tmp_path):
    name = "x\n" * 5000
    (tmp_path / "x.pdparams").write_bytes(b"\x80\x04" + text(name) + text(name) + b"\x93.")
    with pytest.raises(ValueError, match="contains x x x") as error:
        read(tmp_path / "x.pdparams")
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000


def npy(header):
    header = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    "content, message",
    [
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576)}"), "its size"),
        (
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + pickle.dumps(1),
            "objects",
        ),
    ],
)
def test_wrong_npz_headers(content, message, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("w.npy", content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "entries, message",
    [
        ({"x": ("F32", [4], [0, 400])}, "x that does not match the file"),
        ({"x": ("F32", [2**40], [0, 16])}, "x that does not match the file"),
        ({"x": ("F32", [-1], [0, 16])}, "an invalid shape or offset of x"),
        ({"x": ("F32", [4], [0, 16]), "y": ("F32", [2], [8, 16])}, "tensors that overlap"),
        ({"x": ("F8_E5M2", [16], [0, 16])}, "values of type F8_E5M2"),
    ],
)
def test_wrong_safetensors_headers(entries, message, tmp_path):
    header = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": place}
        for name, (dtype, shape, place) in entries.items()
    }
    header = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    with pytest.raises(ValueError, match=message):
        read(path)


def test_deep_nesting_is_reported(tmp_path):
    path = tmp_path / "deep.pdparams"
    path.write_bytes(b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".")
    with pytest.raises(ValueError, match="deep.pdparams"):
        read(path)


def test_nothing_is_imported(tmp_path):
    (tmp_path / "x.pdparams").write_bytes(instructions(named("antigravity", "fly"), b")R"))
    with pytest.raises(ValueError, match="antigravity.fly"):
        read(tmp_path / "x.pdparams")
    assert "antigravity" not in sys.modules
