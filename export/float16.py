"""float16 files whose smallest weights stay float32.

Most of a network's float16 error comes from its first layers: their filters are differences, whose
rounding errors add up to an offset that every later layer amplifies. Those kernels are small, as
all biases are, so keeping them in float32 adds little to the file and removes most of the error
(TFLite's int8 weight quantization has a similar rule, from 1,024 elements).
"""

import numpy as np

from export.flatbuffer import operator_code, schema

SHARE = 0.08  # of all weights


def halve_large_weights(model, share: float = SHARE):
    """Store the constants of a float32 file as float16, except the smallest ones.

    The smallest are those that make up `share` of all elements. Each of the others is followed by a
    DEQUANTIZE operation, the form that TFLite's converter writes and its delegates fuse.
    """
    graph = model.subgraphs[0]
    constants = {i: t for i, t in enumerate(graph.tensors) if _is_float_constant(model, t)}
    largest_kept = _largest_kept([np.prod(tensor.shape) for tensor in constants.values()], share)
    large = {i: t for i, t in constants.items() if np.prod(t.shape) > largest_kept}
    if not large:
        return
    for buffer in {tensor.buffer for tensor in large.values()}:  # equal constants share one
        values = np.frombuffer(bytes(model.buffers[buffer].data), "<f4")
        model.buffers[buffer].data = np.frombuffer(values.astype("<f2").tobytes(), np.uint8)
    code = operator_code(model, schema.BuiltinOperator.DEQUANTIZE, version=3)  # of float16
    graph.operators = [_widen(graph, i, code) for i in large] + graph.operators


def _is_float_constant(model, tensor):
    is_float = tensor.type == schema.TensorType.FLOAT32
    return is_float and model.buffers[tensor.buffer].data is not None


def _largest_kept(sizes, share):
    """Return the largest size such that all up to it make up at most `share` of their sum, or 0."""
    sizes = np.asarray(sizes)
    fitting = [size for size in sizes if sizes[sizes <= size].sum() <= share * sizes.sum()]
    return max(fitting, default=0)


def _widen(graph, index, code):
    """Move a tensor's constant into a float16 tensor; return the operation that widens it."""
    wide, half, operator = graph.tensors[index], schema.TensorT(), schema.OperatorT()
    half.name, half.shape, half.hasRank = wide.name + b"_float16", wide.shape, wide.hasRank
    half.type, half.buffer, wide.buffer = schema.TensorType.FLOAT16, wide.buffer, 0
    graph.tensors.append(half)
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = [len(graph.tensors) - 1], [index]
    return operator
