"""Compare every operator's output in a quantised file with its Keras model."""

import re

import numpy as np
from tensorflow import keras

from export import flatbuffer
from export.interpreters import Exported


def worst_layers(data: bytes, model, sample, count: int = 5) -> list[dict]:
    """Return the `count` layers of a quantised file with the largest relative error on a sample.

    Each is {"layer", "operator", "relative_error": RMS error / RMS value, "steps": mean error in
    quantization steps}. `model` is the Keras model that the file was converted from, `sample` its
    inputs {"image": (H, W, 3) in [0, 1], ...}.
    """
    names = {layer.name for layer in model.layers if not isinstance(layer.output, (list, tuple))}
    exposed, operators = _with_all_outputs(data, names)
    expected = _layer_outputs(model, {name for _, found in operators.values() for name in found})
    inputs = {name: sample[name][None] for name in model.input}
    expected = {name: np.asarray(value) for name, value in expected(inputs).items()}
    found = _run(exposed, sample)
    errors = {}
    for index, (operator, candidates) in operators.items():
        value, step = found[index]
        error = _smallest_error(value, {name: expected[name] for name in candidates})
        if error is not None:
            name, rms, relative = error
            errors[name] = {
                "layer": name,
                "operator": operator,
                "relative_error": relative,
                "steps": rms / step,
            }
    return sorted(errors.values(), key=lambda e: -e["relative_error"])[:count]


def _with_all_outputs(data, names):
    """Return the file with every operator's output exposed, and {tensor: (operator, layers)}.

    Unlike tensors that an interpreter preserves, exposed ones are safe from operations that
    overwrite their input. A tensor's name lists the layers that were fused into it.
    """
    model = flatbuffer.parse(data)
    graph, operators = model.subgraphs[0], {}
    for operator in graph.operators:
        index = int(operator.outputs[0])
        tensor = graph.tensors[index]
        layers = set(re.split(r"[/;]", tensor.name.decode())) & names
        if layers and index not in set(graph.outputs):
            name = flatbuffer.operator_name(model, operator)
            operators[index] = name, layers
    graph.outputs = [*graph.outputs, *operators]
    return flatbuffer.pack(model), operators


def _layer_outputs(model, names):
    outputs = {name: model.get_layer(name).output for name in sorted(names)}
    return keras.Model(model.input, outputs)


def _run(data, sample):
    """Return {tensor index: (values, quantization step)} of all outputs."""
    loaded = Exported(data)
    loaded.set_inputs(sample)
    loaded.interpreter.invoke()
    found = {}
    for details in loaded.interpreter.get_output_details():
        step, zero_point = details["quantization"]
        value = loaded.interpreter.get_tensor(details["index"]).astype(np.float32)
        found[details["index"]] = (value - zero_point) * step if step else value, step or 1.0
    return found


def _smallest_error(value, candidates):
    """Return (layer, RMS, RMS / RMS of the layer's values) of the best fitting layer, or None."""
    fits = [
        (name, float(np.sqrt(np.mean((value - reference) ** 2))), reference)
        for name, reference in candidates.items()
        if reference.shape == value.shape
    ]
    if not fits:
        return None
    name, rms, reference = min(fits, key=lambda fit: fit[1])
    return name, rms, rms / max(float(np.sqrt(np.mean(reference**2))), 1e-9)
