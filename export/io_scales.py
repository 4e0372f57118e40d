"""The scales of an integer file's ends.

Calibration gives an input the scale that its first operation wants, which may be coarser than a
byte's: a picture that is concatenated with features takes theirs. What is chosen between a matte
and 1 has a scale of its own, too.
"""

from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

ZERO_POINT = -128


def set_io_scales(data: bytes, scales: dict[str, float]) -> bytes:
    """An int8 file whose signature's ends have the `scales` given for their names, zero point -128.

    An end that has another scale gets a QUANTIZE operation; the file is as it was where none has.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(data)
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    changed = False
    for ends, is_input in ((signature.inputs, True), (signature.outputs, False)):
        for end in ends:
            name, inner = end.name.decode(), graph.tensors[end.tensorIndex]
            scale = scales.get(name)
            if scale is None or inner.type != schema.TensorType.INT8 or _has(inner, scale):
                continue
            outer = _add_tensor(graph, inner, scale, f"{name}_end")
            _replace(graph, end, outer, is_input)
            _add_quantize(model, graph, end.tensorIndex, outer, is_input)
            end.tensorIndex, changed = outer, True
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if changed else data


def _has(tensor, scale):
    found = tensor.quantization
    return abs(found.scale[0] / scale - 1) < 1e-6 and found.zeroPoint[0] == ZERO_POINT


def _add_tensor(graph, like, scale, name):
    """-> its index."""
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
    operator.opcodeIndex = _quantize_code(model)
    source, target = (outer, inner) if is_input else (inner, outer)
    operator.inputs, operator.outputs = [source], [target]
    operator.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    operator.builtinOptions = schema.QuantizeOptionsT()
    if is_input:
        graph.operators.insert(0, operator)
    else:
        graph.operators.append(operator)


def _quantize_code(model):
    quantize = schema.BuiltinOperator.QUANTIZE
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == quantize:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = quantize
    code.version = 2  # of int8 to int8
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
