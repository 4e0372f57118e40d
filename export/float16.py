"""float16 files whose smallest weights stay float32.

A network loses its accuracy in float16 at its first layers: their filters are differences, in which
roundings add up to an offset that every later layer amplifies. Those kernels are small, and so are
all biases, so keeping them costs little of the file and most of the error (TFLite's int8 weight
quantization has such a rule, from 1,024 elements).
"""

import numpy as np
from tensorflow.lite.python.schema_py_generated import TensorType
from tensorflow.lite.tools import flatbuffer_utils

SHARE = 0.05  # of all weights


def keep_small_weights(float16: bytes, float32: bytes, share: float = SHARE) -> bytes:
    """Puts the smallest of the float32 file's constants back into the float16 file.

    As many as make up `share` of all elements, by which the file grows. Both are conversions of one
    model. Raises ValueError where they do not correspond.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(float16)
    graph = model.subgraphs[0]
    exact = _constants(flatbuffer_utils.convert_bytearray_to_object(float32))
    halved = [o for o in graph.operators if _name(model, o) == "DEQUANTIZE"]
    largest = _largest([np.prod(graph.tensors[o.inputs[0]].shape) for o in halved], share)
    replaced, kept = {}, []
    for operator in graph.operators:
        source = graph.tensors[operator.inputs[0]]
        if _name(model, operator) != "DEQUANTIZE" or np.prod(source.shape) > largest:
            kept.append(operator)
            continue
        if source.name not in exact:
            raise ValueError(f"The float32 file has no constant {source.name.decode()}.")
        source.type = TensorType.FLOAT32
        model.buffers[source.buffer].data = exact[source.name]
        replaced[operator.outputs[0]] = operator.inputs[0]
    for operator in kept:
        operator.inputs = [replaced.get(index, index) for index in operator.inputs]
    graph.operators = kept
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _largest(sizes, share):
    """The largest size such that all up to it make up at most `share` of their sum, or 0."""
    sizes = np.asarray(sizes)
    fitting = [size for size in sizes if sizes[sizes <= size].sum() <= share * sizes.sum()]
    return max(fitting, default=0)


def _name(model, operator):
    return flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)


def _constants(model):
    """{name: little-endian bytes} of a file's constant tensors."""
    tensors = model.subgraphs[0].tensors
    data = {tensor.name: model.buffers[tensor.buffer].data for tensor in tensors}
    return {name: values for name, values in data.items() if values is not None}
