"""The scales of an integer file's inputs and outputs.

Calibration gives an input the scale of its first operation, which may be coarser than a byte's: an
image that is concatenated with features takes theirs. The scale of an alpha that is selected from a
matte and constants differs, too.
"""

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
            outer = _add_tensor(graph, inner, scale, f"{name}_end")
            _replace(graph, end, outer, is_input)
            _add_quantize(model, graph, end.tensorIndex, outer, is_input)
            end.tensorIndex = outer


def _has(tensor, scale):
    found = tensor.quantization
    return abs(found.scale[0] / scale - 1) < 1e-6 and found.zeroPoint[0] == ZERO_POINT


def _add_tensor(graph, like, scale, name):
    """Add a tensor of another scale and return its index."""
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = like.shape, like.type, 0
    tensor.name, tensor.hasRank = name.encode(), like.hasRank
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [ZERO_POINT]
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
