"""float16 files whose few sensitive weights stay float32.

A network loses its accuracy in float16 at its first layers: their filters are differences, in which
roundings add up to an offset that every later layer amplifies. Those kernels are small, and so are
all biases, so keeping them costs a few percent of the file (TFLite's int8 weight quantization has
the same rule, from 1,024 elements).
"""

import numpy as np
from tensorflow.lite.python.schema_py_generated import TensorType
from tensorflow.lite.tools import flatbuffer_utils

SMALL = 2048  # elements


def keep_small_weights(float16: bytes, float32: bytes, small: int = SMALL) -> bytes:
    """Puts the float32 file's constants of fewer than `small` elements back into the float16 file.

    Both are conversions of one model. Raises ValueError where they do not correspond.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(float16)
    graph = model.subgraphs[0]
    exact = _constants(flatbuffer_utils.convert_bytearray_to_object(float32))
    replaced, kept = {}, []
    for operator in graph.operators:
        source = graph.tensors[operator.inputs[0]]
        name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        if name != "DEQUANTIZE" or np.prod(source.shape) >= small:
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


def _constants(model):
    """{name: little-endian bytes} of a file's constant tensors."""
    tensors = model.subgraphs[0].tensors
    data = {tensor.name: model.buffers[tensor.buffer].data for tensor in tensors}
    return {name: values for name, values in data.items() if values is not None}
