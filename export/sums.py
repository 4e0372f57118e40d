"""The largest sum of a mean in a file, which a phone's GPU may add up in half precision."""

import numpy as np

from export import flatbuffer
from export.interpreters import Exported

LARGEST_HALF = 65504.0  # the largest float16
WARNED = 0.25  # share of it above which parity warns: brighter pictures may reach the rest
ADDING = ("MEAN", "SUM")


def largest_sum(data: bytes, samples) -> dict | None:
    """Return {"result", "sum"} of the mean (or sum) that adds up to most in any sample.

    `result` is the name of the operator's output. Absolute values are added, so that no partial sum
    is larger, in whatever order. `samples` are dicts of inputs {"image": (H, W, 3) in [0, 1], ...}.
    None: the file has no such operator.
    """
    model = flatbuffer.parse(data)
    graph, means = model.subgraphs[0], []
    for operator in graph.operators:
        if flatbuffer.operator_name(model, operator) in ADDING:
            source, axes = (int(i) for i in operator.inputs)
            axes = np.frombuffer(bytes(model.buffers[graph.tensors[axes].buffer].data), np.int32)
            result = graph.tensors[operator.outputs[0]].name.decode().split(";")[0]
            means.append((source, tuple(int(axis) for axis in axes), result))
    if not means:
        return None
    exposed = {source for source, _, _ in means} - {int(i) for i in graph.outputs}
    graph.outputs = [*graph.outputs, *sorted(exposed)]
    loaded = Exported(flatbuffer.pack(model))
    found = []
    for sample in samples:
        loaded.set_inputs(sample)
        loaded.interpreter.invoke()
        for source, axes, result in means:
            values = np.abs(loaded.interpreter.get_tensor(source).astype(np.float64))
            found.append({"result": result, "sum": float(values.sum(axes).max())})
    return max(found, key=lambda mean: mean["sum"])


def sum_warning(largest: dict | None) -> str | None:
    """Return a phrase about a `largest_sum` that comes near float16's limit, or None."""
    if largest is None or largest["sum"] <= WARNED * LARGEST_HALF:
        return None
    return (
        f"the mean {largest['result']} adds up to {largest['sum']:.0f}; the largest number in half "
        f"precision is {LARGEST_HALF:.0f}"
    )
