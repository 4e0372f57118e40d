"""Write PyTorch's file formats without PyTorch, with stand-ins for its names."""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from contextlib import contextmanager

import numpy as np

STORAGES = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage"}
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class Storage:
    def __init__(self, key, values, kind=None):
        self.key, self.values = str(key), np.ascontiguousarray(values).ravel()
        self.kind = kind or STORAGES[self.values.dtype.str[1:]]


class Tensor:
    """A view of a storage; offset and strides in elements."""

    def __init__(self, storage, shape, strides=None, offset=0):
        if strides is None:
            strides = np.cumprod([1, *shape[::-1]])[:-1][::-1]
        self.arguments = (offset, tuple(shape), tuple(map(int, strides)), False, OrderedDict())
        self.storage = storage

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (self.storage, *self.arguments)


def tensors(arrays):
    """Make an OrderedDict of tensors with one storage each and PyTorch's _metadata."""
    state = OrderedDict()
    for key, (name, array) in enumerate(arrays.items()):
        state[name] = Tensor(Storage(key, array), array.shape)
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


@contextmanager
def torch_names():
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in [*STORAGES.values(), "BFloat16Storage"]:
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        pass

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch._utils = utils
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules |= {"torch": torch, "torch._utils": utils}
    try:
        yield torch
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def pickled(found, legacy=False):
    """Return the pickle and {key: storage}."""
    storages, stream = {}, io.BytesIO()
    with torch_names() as torch:

        class Pickler(pickle.Pickler):
            def persistent_id(self, value):
                if not isinstance(value, Storage):
                    return None
                storages[value.key] = value
                kind = getattr(torch, value.kind)
                view = (None,) if legacy else ()
                return ("storage", kind, value.key, "cpu", len(value.values), *view)

        Pickler(stream, protocol=2).dump(found)
    return stream.getvalue(), storages


def write_zip(path, found):
    data, storages = pickled(found)
    write_archive(path, data, {key: s.values.tobytes() for key, s in storages.items()})


def write_archive(path, data, storages=(), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        for key, content in dict(storages).items():
            archive.writestr(f"archive/data/{key}", content)
        archive.writestr("archive/version", "3\n")


def write_legacy(path, found):
    data, storages = pickled(found, legacy=True)
    parts = [pickle.dumps(x, 2) for x in (MAGIC, PROTOCOL, {"little_endian": True})]
    parts += [data, pickle.dumps(sorted(storages), 2)]
    for key in sorted(storages):
        parts += [struct.pack("<q", len(storages[key].values)), storages[key].values.tobytes()]
    path.write_bytes(b"".join(parts))
