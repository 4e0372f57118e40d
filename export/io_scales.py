"""The scales of an integer file's inputs and outputs.

Calibration gives an input the scale of its first operation, which may be coarser than a byte's: an
image that is concatenated with features takes theirs. The scale of an alpha that is selected from a
matte and constants differs, too.
"""

import numpy as np

from export.flatbuffer import operator_code, schema

ZERO_POINT = -128
# scales of the inputs and outputs that hold pixels
SCALES = {"image": 1 / 255, "background": 1 / 255, "trimap": 1 / 255, "alpha": 1 / 256}


def set_io_scales(model):
    """Give int8 inputs and outputs the scales in `SCALES`, by a QUANTIZE operation where needed."""
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    for ends, is_input in ((signature.inputs, True), (signature.outputs, False)):
        for end in ends:
            name, inner = end.name.decode(), graph.tensors[end.tensorIndex]
            scale = SCALES.get(name)
            if scale is None or inner.type != schema.TensorType.INT8 or _has(inner, scale):
                continue
            outer = _add_tensor(graph, inner, f"{name}_end", scale)
            _replace(graph, end, outer, is_input)
            _add_quantize(model, graph, end.tensorIndex, outer, is_input)
            end.tensorIndex = outer


def stretch_float_alpha(model):
    """Multiply the alpha of a file with float ends by 256/255.

    Its integers have scale 1/256 and end at 255/256. Hosts stretch an integer alpha to 1
    themselves, but use a float one as it is.
    """
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    end = next(end.tensorIndex for end in signature.outputs if end.name == b"alpha")
    short = _add_tensor(graph, graph.tensors[end], "alpha_short")
    for operator in graph.operators:
        operator.outputs = [short if index == end else index for index in operator.outputs]
    factor = _add_constant(model, graph, np.float32(256 / 255), "alpha_stretch")
    operator = schema.OperatorT()
    operator.opcodeIndex = operator_code(model, schema.BuiltinOperator.MUL, version=1)
    operator.inputs, operator.outputs = [short, factor], [end]
    operator.builtinOptionsType = schema.BuiltinOptions.MulOptions
    operator.builtinOptions = schema.MulOptionsT()
    graph.operators.append(operator)


def _has(tensor, scale):
    found = tensor.quantization
    return abs(found.scale[0] / scale - 1) < 1e-6 and found.zeroPoint[0] == ZERO_POINT


def _add_tensor(graph, like, name, scale=None):
    """Add a tensor, int8 of another scale or float, and return its index."""
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = like.shape, like.type, 0
    tensor.name, tensor.hasRank = name.encode(), like.hasRank
    tensor.quantization = schema.QuantizationParametersT()
    if scale:
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [ZERO_POINT]
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_constant(model, graph, value, name):
    """Add a float constant and return its index."""
    tensor, buffer = schema.TensorT(), schema.BufferT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.shape, tensor.type = [], schema.TensorType.FLOAT32
    tensor.name, tensor.buffer, tensor.hasRank = name.encode(), len(model.buffers) - 1, True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _replace(graph, end, outer, is_input):
    listed = graph.inputs if is_input else graph.outputs
    listed = [outer if index == end.tensorIndex else index for index in listed]
    if is_input:
        graph.inputs = listed
    else:
        graph.outputs = listed


def _add_quantize(model, graph, inner, outer, is_input):
    operator = schema.OperatorT()
    # version 2 quantizes int8 to int8
    operator.opcodeIndex = operator_code(model, schema.BuiltinOperator.QUANTIZE, version=2)
    source, target = (outer, inner) if is_input else (inner, outer)
    operator.inputs, operator.outputs = [source], [target]
    operator.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    operator.builtinOptions = schema.QuantizeOptionsT()
    if is_input:
        graph.operators.insert(0, operator)
    else:
        graph.operators.append(operator)
