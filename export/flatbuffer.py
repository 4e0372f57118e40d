"""A .tflite file as an object that passes change: parsed once, packed once.

A pass is a function that takes the parsed file, a `ModelT` of TFLite's schema, and changes it.
"""

import io
import zipfile

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from keras_matting.inference import checksum


def parse(data: bytes) -> schema.ModelT:
    return flatbuffer_utils.convert_bytearray_to_object(data)


def pack(model, attached: dict[str, str] | None = None) -> bytes:
    """Return the file with a checksum; `attached`: {name: text} of files in a zip behind it."""
    set_metadata(model, checksum.NAME, checksum.MARKER + bytes(checksum.SIZE))
    return checksum.fill_in(_with_zip(_serialized(model), attached))


def edit(data: bytes, *passes, attached: dict[str, str] | None = None) -> bytes:
    """Return a file after `passes`, with a checksum."""
    model = parse(data)
    for apply in passes:
        apply(model)
    return pack(model, attached)


def set_metadata(model, name: bytes, content: bytes):
    """Store `content` as the metadata entry `name`, in place of an older one."""
    entries = model.metadata or []
    for entry in entries:
        if entry.name == name:
            model.buffers[entry.buffer].data = None
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = name, len(model.buffers) - 1
    model.metadata = [*(old for old in entries if old.name != name), entry]


def get_metadata(model, name: bytes) -> bytes | None:
    for entry in model.metadata or []:
        if entry.name == name:
            return bytes(bytearray(model.buffers[entry.buffer].data))
    return None


def operator_code(model, builtin: int, version: int) -> int:
    """Return the index of an operator code, which is added if the file does not have it."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin and code.version >= version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def operator_name(model, operator) -> str:
    return flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)


def _serialized(model):
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _with_zip(data, attached):
    if not attached:
        return data
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in attached.items():
            # a fixed date, so that equal models give equal files
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()
