"""Read PyTorch files: zip archives (since 1.6) and the older sequence of pickles and storages."""

import io
import struct
import zipfile

import numpy as np

from keras_matting.weights import pickles
from keras_matting.weights.pickles import Array, Refused, Tensor

MAGIC = 0x1950A86A20F9469CFC6C
MAGIC_PICKLE = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
PROTOCOL = 1001
# aliases may double the size, and a running average of the weights doubles it again
LARGEST_SHARE = 8


def read_zip(path):
    """Read the object in a zip archive, with tensors in its first two levels turned into arrays."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith("data.pkl")]
        if any(info.flag_bits & 1 for info in archive.infolist()):
            raise Refused("encryption")
        if any(name.endswith("constants.pkl") for name in archive.namelist()):
            raise Refused("TorchScript, which is a program")
        # PyTorch does not compress, and compressed data may unpack to any size
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise Refused("compression")
        size = path.stat().st_size
        if sum(info.file_size for info in archive.infolist()) > size:
            raise Refused("storages that overlap")
        if len(names) != 1:
            raise Refused(f"{len(names)} data.pkl files instead of one")
        root = names[0].removesuffix("data.pkl")
        if f"{root}byteorder" in archive.namelist():
            if archive.read(f"{root}byteorder") != b"little":
                raise Refused("numbers in big-endian order")
        found = pickles.load(io.BytesIO(archive.read(names[0])), pickles.storage_of)

        def content(key):
            try:
                return archive.read(f"{root}data/{key}")
            except KeyError:
                raise Refused(f"a tensor whose storage {key} is not in the file") from None

        return _arrays(found, content, size)


def read_legacy(path):
    """Read the object in a file of PyTorch before 1.6, as `read_zip` does."""
    with open(path, "rb") as stream:
        if pickles.load(stream) != MAGIC or pickles.load(stream) != PROTOCOL:
            raise Refused("a protocol other than PyTorch's 1001")
        info = pickles.load(stream)
        if not isinstance(info, dict) or not info.get("little_endian", True):
            raise Refused("numbers in big-endian order")
        wanted = {}

        def storage_of(identifier):
            storage = pickles.storage_of(identifier)
            if wanted.setdefault(storage.key, storage) != storage:
                raise Refused(f"two storages {storage.key}")
            return storage

        found = pickles.load(stream, storage_of)
        keys = pickles.load(stream)
        if not isinstance(keys, list) or set(keys) != set(wanted):
            raise Refused("storages that do not match its tensors")
        contents = {}
        for key in keys:
            storage = wanted[key]
            (count,) = struct.unpack("<q", _exactly(stream, 8))
            if count != storage.count:
                raise Refused(f"a storage {key} whose size does not match its tensors")
            size = count * _dtype(storage).itemsize
            contents[key] = _exactly(stream, size)
        return _arrays(found, contents.get, path.stat().st_size)


def _arrays(found, content, size):
    """Turn tensors into arrays, in a mapping and the mappings in it.

    `content(key)` returns a storage's bytes and is called once per storage. Tensors may share a
    storage, but all together may not exceed `LARGEST_SHARE` times `size`, that of the file.
    """
    contents, left = {}, LARGEST_SHARE * size

    def turned(value):
        if isinstance(value, Array):
            return value.array()
        if not isinstance(value, Tensor):
            return value
        key, dtype, count = value.storage.key, _dtype(value.storage), value.storage.count
        if key not in contents:
            contents[key] = content(key)
        if len(contents[key]) < count * dtype.itemsize:
            raise Refused(f"a storage {key} that is shorter than its tensors")
        nonlocal left
        left -= value.count * dtype.itemsize
        if left < 0:
            raise Refused(f"tensors of more than {LARGEST_SHARE} times its size")
        return value.array(np.frombuffer(contents[key], dtype, count))

    if not isinstance(found, dict):
        return turned(found)
    return {
        key: {k: turned(v) for k, v in value.items()} if isinstance(value, dict) else turned(value)
        for key, value in found.items()
    }


def _dtype(storage):
    # bfloat16 is read as its bits, an untyped storage as bytes
    return np.dtype({"bfloat16": "u2", "untyped": "u1"}.get(storage.dtype, storage.dtype))


def _exactly(stream, size):
    position = stream.tell()
    end = stream.seek(0, 2)
    stream.seek(position)
    if end - position < size:
        raise EOFError
    return stream.read(size)
