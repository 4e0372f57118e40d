"""TFLite metadata: what a file is and what its inputs and outputs hold.

The entry `TFLITE_METADATA` follows TensorFlow's public schema (metadata_schema.fbs, version 1),
which Android's tools read. Its tables are written here as {slot: value}, with the slots of that
schema, because the package that has classes for them is no longer maintained. As the schema
requires, the names of classes are a text file in a zip appended to the model.
"""

import io
import zipfile

import flatbuffers
from flatbuffers import number_types
from flatbuffers.table import Table

import keras_matting
from export import flatbuffer
from keras_matting.models import inference_outputs

ENTRY = b"TFLITE_METADATA"
IDENTIFIER = b"M001"
LABELS = "semantic_labels.txt"
# labels of a segmentation network whose second class is the alpha, whatever it was trained on
CLASSES = {2: ("background", "foreground")}

# name of an input or output: whether its channels are RGB; what it holds
ENDS = {
    "image": (True, "the photograph"),
    "background": (True, "the photograph's background, taken without the subject"),
    "trimap": (False, "0 background, 128 unknown, 255 foreground; cut at 1/3 and 2/3 of 255"),
    "alpha": (False, "how much of every pixel is foreground; integers end at 255, which is 1"),
    "foreground": (True, "the foreground's colours, to be blended by alpha"),
}


def attachments(model) -> dict[str, str]:
    """Return {name: text} of the files that the metadata of a Keras model refer to."""
    classes = _class_count(model)
    return {LABELS: "\n".join(CLASSES[classes])} if classes in CLASSES else {}


def describe(tflite, model, calibrated=None):
    """Store name, size, roles, normalisation, thresholds and labels of a Keras model in its file.

    Pixels of its inputs are bytes divided by 255; an int8 file takes bytes minus 128. `calibrated`
    is the number of pictures that its ranges come from.
    """
    (signature,) = tflite.signatureDefs
    graph = tflite.subgraphs[0]
    height, width = model.input["image"].shape[1:3]
    ends = [_ordered(graph.inputs, signature.inputs), _ordered(graph.outputs, signature.outputs)]
    classes = _class_count(model)
    inputs, outputs = (
        [_input(name) for name in ends[0]],
        [_output(name, classes) for name in ends[1]],
    )
    ranges = f" Integer ranges from {calibrated} pictures." if calibrated else ""
    root = {
        0: model.name,
        1: f"Image matting at {height}x{width}: {', '.join(ends[0])} to {', '.join(ends[1])}."
        + ranges,
        2: keras_matting.__version__,
        3: [{2: inputs, 3: outputs}],
        5: "Apache-2.0, the code; the weights have the licence of their data",
        7: "1.0.0",
    }
    builder = flatbuffers.Builder()
    builder.Finish(_table(builder, root), file_identifier=IDENTIFIER)
    flatbuffer.set_metadata(tflite, ENTRY, bytes(builder.Output()))


def read(data: bytes) -> dict:
    """Return {"name", "description", "version", "inputs": {name: content}, "outputs", "labels"}.

    Raises ValueError if the file has no metadata.
    """
    buffer = flatbuffer.get_metadata(flatbuffer.parse(data), ENTRY)
    if buffer is None:
        raise ValueError("the file has no metadata; write it with export.convert")
    root = Table(buffer, flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, buffer, 0))
    (graph,) = _tables(root, 3)
    found = {
        name: _string(root, slot) for slot, name in enumerate(("name", "description", "version"))
    }
    for key, slot in (("inputs", 2), ("outputs", 3)):
        found[key] = {_string(end, 0): _string(end, 1) for end in _tables(graph, slot)}
    found["labels"] = []
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found["labels"] = archive.read(LABELS).decode().split()
    return found


class _Byte(int):
    """An enum of the schema, one byte and not a table."""


_IMAGE, _NORMALISATION, _THRESHOLD = _Byte(2), _Byte(1), _Byte(3)  # members of unions
_RGB, _GREY = _Byte(1), _Byte(2)
_AXIS_LABELS = _Byte(2)


def _class_count(model):
    """Return the number of classes of a model that exports their logits, otherwise 0."""
    exported = "semantic" in inference_outputs(model)
    return model.output["semantic"].shape[-1] if exported else 0


def _ordered(indices, ends):
    """Return the names of a graph's inputs or outputs in its own order, as metadata list them."""
    names = {end.tensorIndex: end.name.decode() for end in ends}
    return [names[index] for index in indices]


def _picture(name):
    rgb, role = ENDS[name]
    content = {0: _IMAGE, 1: {0: _RGB if rgb else _GREY}}
    return {0: name, 1: role, 3: content, 5: {0: [1.0], 1: [0.0]}}


def _input(name):
    return _picture(name) | {4: [{0: _NORMALISATION, 1: {0: [0.0], 1: [255.0]}}]}


def _output(name, classes):
    if name == "semantic":
        logits = {0: name, 1: "logits of classes"}
        labels = {0: LABELS, 1: "labels of the last axis", 2: _AXIS_LABELS}
        return logits | {6: [labels]} if classes in CLASSES else logits
    if name == "alpha" and classes:
        # the alpha is a mask: the second class is where it exceeds this
        return _picture(name) | {4: [{0: _THRESHOLD, 1: {0: 0.5}}]}
    return _picture(name)


def _table(builder, fields):
    """Write {slot: value} and return its offset."""
    values = {
        slot: value if isinstance(value, (_Byte, float)) else _object(builder, value)
        for slot, value in fields.items()
    }
    builder.StartObject(max(fields) + 1)
    for slot, value in values.items():
        if isinstance(fields[slot], _Byte):
            builder.PrependUint8Slot(slot, value, 0)
        elif isinstance(fields[slot], float):
            builder.PrependFloat32Slot(slot, value, 0.0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def _object(builder, value):
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, dict):
        return _table(builder, value)
    floats = isinstance(value[0], float)
    items = value if floats else [_object(builder, item) for item in value]
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependFloat32(item) if floats else builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def _string(table, slot):
    offset = table.Offset(4 + 2 * slot)
    return table.String(offset + table.Pos).decode() if offset else ""


def _tables(table, slot):
    offset = table.Offset(4 + 2 * slot)
    start = table.Vector(offset)
    return [
        Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))
    ]

