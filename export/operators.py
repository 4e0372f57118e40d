"""Where a file's time goes: every operator timed on its own.

LiteRT's profiler is not part of its Python package, so each operator becomes a file of its own and
is run alone, with the same kernels and threads. What a runtime saves by fusing operators, or loses
in the cache between them, is not in these numbers; which operators are slow is.
"""

import time

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from export.interpreters import DEFAULT_RUNTIME, interpreter


def operator_times(data: bytes, threads: int = 1, runs: int = 5, runtime=DEFAULT_RUNTIME):
    """[{"operator", "result", "shape", "ms"}, ...], one per operator, the slowest first.

    `result` is the name of the tensor it makes, of `shape`; ms the median of `runs`, or 0 for what
    has only constants to compute from: runtimes do that once, when they open a file.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(data)
    graph, times, known = model.subgraphs[0], [], {}
    for operator in graph.operators:
        result = graph.tensors[operator.outputs[0]]
        key = _alike(model, operator)
        if key not in known:
            alone = _alone(model, operator)
            known[key] = _timed(alone, threads, runs, runtime) if alone else 0.0
        times.append({
            "operator": flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex),
            "result": result.name.decode().split(";")[0],
            "shape": _shape(result),
            "ms": known[key],
        })  # fmt: skip
    return sorted(times, key=lambda row: -row["ms"])


def by_kind(times) -> dict[str, float]:
    """Milliseconds of all operators of one kind, the longest first."""
    sums = {}
    for row in times:
        sums[row["operator"]] = sums.get(row["operator"], 0.0) + row["ms"]
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def _alike(model, operator):
    """Operators with equal keys take equally long."""
    tensors = model.subgraphs[0].tensors
    ends = [tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
    shapes = tuple((tuple(_shape(tensor)), tensor.type) for tensor in ends)
    options = operator.builtinOptions
    return operator.opcodeIndex, shapes, repr(sorted(vars(options).items()) if options else None)


def _alone(model, operator) -> bytes | None:
    """A file of one operator: what it computes from is its input, but for constants.

    None where there are only constants, as float16 weights are made from: XNNPACK refuses it.
    """
    graph = model.subgraphs[0]
    single, part = schema.ModelT(), schema.SubGraphT()
    single.version, single.operatorCodes = 3, [model.operatorCodes[operator.opcodeIndex]]
    single.buffers, single.subgraphs = [schema.BufferT()], [part]
    part.tensors, places = [], {}
    for index in dict.fromkeys(i for i in (*operator.inputs, *operator.outputs) if i >= 0):
        tensor = _copied(graph.tensors[index])
        buffer = model.buffers[tensor.buffer]
        tensor.buffer = 0
        if buffer.data is not None:
            single.buffers.append(buffer)
            tensor.buffer = len(single.buffers) - 1
        places[index] = len(part.tensors)
        part.tensors.append(tensor)
    only = _copied(operator)
    only.opcodeIndex = 0
    only.inputs = [places.get(int(i), -1) for i in operator.inputs]
    only.outputs = [places[int(i)] for i in operator.outputs]
    part.operators = [only]
    part.inputs = [i for i in only.inputs if i >= 0 and part.tensors[i].buffer == 0]
    part.outputs = only.outputs
    if not part.inputs:
        return None
    return bytes(flatbuffer_utils.convert_object_to_bytearray(single))


def _shape(tensor):
    return [] if tensor.shape is None else [int(side) for side in tensor.shape]


def _copied(thing):
    copy = type(thing)()
    vars(copy).update(vars(thing))
    return copy


def _timed(data, threads, runs, runtime):
    alone = interpreter(data, runtime, threads)
    for details in alone.get_input_details():
        alone.set_tensor(details["index"], np.ones(details["shape"], details["dtype"]))
    milliseconds = []
    for _ in range(1 + runs):
        start = time.perf_counter()
        alone.invoke()
        milliseconds.append((time.perf_counter() - start) * 1000.0)
    return float(np.median(milliseconds[1:]))
