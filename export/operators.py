"""Time every operator of a file with LiteRT's profiler, in the whole network.

XNNPACK times its kernels, one of which may compute several operators or a part of one. Kernels have
only a name; which operator of the file they compute is derived from their order.
"""

from itertools import pairwise

import numpy as np

from export import flatbuffer
from export.interpreters import DEFAULT_RUNTIME
from export.profiler import KERNEL, OPERATOR, record

# A common name for operators and XNNPACK's kernels where theirs differ.
_WEIGHTS = "WEIGHTS"
_ALIKE = {
    "CONV_2D": _WEIGHTS, "DEPTHWISE_CONV_2D": _WEIGHTS, "CONVOLUTION": _WEIGHTS,
    "TRANSPOSE_CONV": _WEIGHTS, "DECONVOLUTION": _WEIGHTS, "FULLY_CONNECTED": _WEIGHTS,
    "AVERAGE_POOL_2D": "AVERAGE_POOLING", "MAX_POOL_2D": "MAX_POOLING", "PAD": "CONSTANT_PAD",
    "BATCH_MATMUL": "BATCH_MATRIX_MULTIPLY", "MUL": "MULTIPLY", "DIV": "DIVIDE", "SUB": "SUBTRACT",
    "RELU": "CLAMP", "RELU6": "CLAMP", "HARD_SWISH": "HARDSWISH", "LOGISTIC": "SIGMOID",
    "QUANTIZE": "CONVERT", "DEQUANTIZE": "CONVERT", "STRIDED_SLICE": "SLICE",
    "CONCATENATION": "COPY", "RESHAPE": "COPY",
}  # fmt: skip


def operator_times(
    data: bytes, threads: int = 1, runs: int = 5, runtime=DEFAULT_RUNTIME, summary=np.median
):
    """Return [{"operator", "kernel", "result", "shape", "ms"}, ...], the slowest first.

    `result` is the name of the operator's output tensor, of `shape`; `kernel` is XNNPACK's name of
    its kernel, "" if TFLite computes it. A kernel that cannot be assigned to one operator has its
    name as `operator` as well, and "" and [] as result and shape. ms is the `summary` of the wall
    times of `runs`, for any number of threads; the profiler counts whole microseconds.

    Raises ValueError if the data are not a .tflite file with one subgraph or the runtime has no
    profiler, and OSError if another version of LiteRT is installed.
    """
    turns = record(data, threads, runs, runtime)
    model = flatbuffer.parse(data)
    (graph,) = model.subgraphs
    kinds = [flatbuffer.operator_name(model, o) for o in graph.operators]
    operators, rows = _operators(graph, kinds, turns[0]), []
    for i, times in enumerate(zip(*turns, strict=True)):
        event = times[0]
        row = {"operator": event.name, "kernel": event.name if event.type == KERNEL else ""}
        row |= {"result": "", "shape": []}
        if i in operators:
            result = graph.tensors[graph.operators[operators[i]].outputs[0]]
            row["operator"] = kinds[operators[i]]
            row["result"] = result.name.decode().split(";")[0]
            row["shape"] = [] if result.shape is None else [int(side) for side in result.shape]
        taken = float(summary([time.microseconds for time in times]))
        rows.append(row | {"ms": taken / 1000.0})
    return sorted(rows, key=lambda row: -row["ms"])


def by_kind(times) -> dict[str, float]:
    """Sum the milliseconds of the operators of each kind, the longest first."""
    sums = {}
    for row in times:
        sums[row["operator"]] = sums.get(row["operator"], 0.0) + row["ms"]
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def _operators(graph, kinds, events):
    """Return {index of an event: index of its operator} for those that can be assigned."""
    found = {i: event.index for i, event in enumerate(events) if event.type == OPERATOR}
    parts = _parts(graph, set(found.values()))
    kernels = [i for i, event in enumerate(events) if event.type == KERNEL]
    starts = [n for n, i in enumerate(kernels) if events[i].index == 0]
    if len(parts) == len(starts):
        for part, (start, stop) in zip(parts, pairwise([*starts, len(kernels)]), strict=True):
            run = kernels[start:stop]
            labels = [events[i].name.split(" (")[0].upper().replace(" ", "_") for i in run]
            pairs = _pairs(labels, [kinds[index] for index in part])
            found |= {run[k]: part[o] for k, o in pairs}
    return found


def _parts(graph, others):
    """List the operators that XNNPACK computes without interruption; `others` are TFLite's.

    TFLite alternates between the two: one computes everything that is ready, then the other.
    """
    missing = {tensor for operator in graph.operators for tensor in operator.outputs}
    waiting, parts = list(range(len(graph.operators))), []
    while waiting:
        part, before = [], None
        while before != waiting:
            before = list(waiting)
            for index in before:
                operator = graph.operators[index]
                alike = not part or (index in others) == (part[0] in others)
                if alike and missing.isdisjoint(operator.inputs):
                    part.append(index)
                    waiting.remove(index)
                    missing -= set(operator.outputs)
        parts.append(part)
    return [part for part in parts if part[0] not in others]


def _pairs(labels, kinds):
    """Pair the kernels and operators of one part.

    Those with weights are paired in order. Others are paired if, between the same two with weights,
    there are as many kernels as operators of a kind.
    """
    ours, theirs = _places(labels), _places(kinds)
    if sum(name == _WEIGHTS for _, name in ours) != sum(name == _WEIGHTS for _, name in theirs):
        return []
    alike = [key for key in ours if len(ours[key]) == len(theirs.get(key, ()))]
    return [pair for key in alike for pair in zip(ours[key], theirs[key], strict=True)]


def _places(names):
    """Return {(number of those with weights before it, name): indices}."""
    places, before = {}, 0
    for i, name in enumerate(names):
        name = _ALIKE.get(name, name)
        places.setdefault((before, name), []).append(i)
        before += name == _WEIGHTS
    return places
