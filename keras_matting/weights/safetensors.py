"""Read safetensors files: a JSON header followed by the tensors' bytes."""

import json
import struct
from pathlib import Path

import numpy as np

from keras_matting.weights.pickles import Refused, as_float32

DTYPES = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "BF16": "u2",
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "b1",
}


def read(path):
    """Read {name: array}; raises Refused if the header does not match the file."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    if length > len(content) - 8:
        raise EOFError
    header = json.loads(content[8 : 8 + length])
    data = memoryview(content)[8 + length :]
    header.pop("__metadata__", None)
    arrays, spans = {}, []
    for name, entry in header.items():
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if dtype not in DTYPES:
            raise Refused(f"values of type {dtype}")
        if not all(type(side) is int and side >= 0 for side in [*shape, begin, end]):
            raise Refused(f"an invalid shape or offset of {name}")
        size = int(np.prod(shape, dtype=object)) * np.dtype(DTYPES[dtype]).itemsize
        if not begin <= end <= len(data) or end - begin != size:
            raise Refused(f"a tensor {name} that does not match the file")
        array = np.frombuffer(data[begin:end], DTYPES[dtype]).reshape(shape)
        arrays[name] = as_float32(array) if dtype == "BF16" else array
        spans.append((begin, end))
    spans.sort()
    if any(end > begin for (_, end), (begin, _) in zip(spans, spans[1:], strict=False)):
        raise Refused("tensors that overlap")
    return arrays
