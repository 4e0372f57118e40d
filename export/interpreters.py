"""Run exported files in two runtimes, with and without XNNPACK, and list what a file contains."""

import io
import re
import warnings
from collections import Counter
from contextlib import redirect_stdout

import numpy as np
import tensorflow as tf
from ai_edge_litert import interpreter as litert

from keras_matting.inference.tflite import (
    dequantize,
    open_interpreter,
    quantize,
    read_tflite,
    signature_runner,
)

# TensorFlow 2.21 warns about every interpreter; its successor, LiteRT, is used here as well
warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")

_TFLITE = tf.lite.Interpreter, tf.lite.experimental.OpResolverType
_LITERT = litert.Interpreter, litert.OpResolverType
RUNTIMES = {
    "litert": (*_LITERT, "AUTO"),
    "litert without XNNPACK": (*_LITERT, "BUILTIN_WITHOUT_DEFAULT_DELEGATES"),
    "tf.lite": (*_TFLITE, "AUTO"),
    "tf.lite without XNNPACK": (*_TFLITE, "BUILTIN_WITHOUT_DEFAULT_DELEGATES"),
}
DEFAULT_RUNTIME = "litert"


def interpreter(data, runtime=DEFAULT_RUNTIME, name="the file", **options):
    """Return an interpreter of a file in one runtime; see `open_interpreter`."""
    make, resolvers, resolver = RUNTIMES[runtime]
    options["experimental_op_resolver_type"] = getattr(resolvers, resolver)
    return open_interpreter(name, make, data, **options)


class Exported:
    """A .tflite file in one runtime, as a function of dicts, with the names of its signature.

    Called with {"image": (B, H, W, 3) float [0, 1], ...} it returns {"alpha": (B, H, W, 1), ...}
    float32. `name` is for messages. ValueError: `data` is not such a file.
    """

    def __init__(self, data: bytes, runtime=DEFAULT_RUNTIME, threads: int = 1, name="the file"):
        self.interpreter = interpreter(data, runtime, name, num_threads=threads)
        runner = signature_runner(name, self.interpreter)
        self.inputs, self.outputs = runner.get_input_details(), runner.get_output_details()

    @property
    def size(self):
        return tuple(int(side) for side in self.inputs["image"]["shape"][1:3])

    def __call__(self, inputs):
        results = [
            self._run(dict(zip(inputs, sample, strict=True)))
            for sample in zip(*inputs.values(), strict=True)
        ]
        return {name: np.stack([result[name] for result in results]) for name in self.outputs}

    def set_inputs(self, sample):
        """Write {"image": (H, W, 3), ...} into the input tensors."""
        for name, details in self.inputs.items():
            self.interpreter.set_tensor(details["index"], quantize(sample[name], details)[None])

    def _run(self, sample):
        self.set_inputs(sample)
        self.interpreter.invoke()
        return {name: self._output(name) for name in self.outputs}

    def _output(self, name):
        value = self.interpreter.get_tensor(self.outputs[name]["index"])[0]
        return dequantize(value, self.outputs[name], name)


def load(path, runtime=DEFAULT_RUNTIME, threads: int = 1) -> Exported:
    """Load the file at `path`; FileNotFoundError and ValueError name it."""
    return Exported(read_tflite(path), runtime, threads, path)


def structure(data: bytes) -> dict:
    """List what a file contains.

    Returns operators {name: count}; the names of float tensors, of operators' results (except of
    conversions to float) and of float results; the largest scale and the tensor that has it; the
    names of the tensors, types and scales of inputs and outputs. A float end that the file
    quantises has the scale of its integers.
    """
    # not allocated, or it would list scratch tensors as well
    loaded = interpreter(data, "tf.lite without XNNPACK", allocate=False)
    tensors = loaded.get_tensor_details()
    floats = [t["name"] for t in tensors if np.issubdtype(t["dtype"], np.floating)]
    described = loaded._get_ops_details()
    operators = Counter(operator["op_name"] for operator in described)
    by_index = {tensor["index"]: tensor for tensor in tensors}
    results = [
        by_index[i]["name"]
        for operator in described
        for i in operator["outputs"]
        if i in by_index and operator["op_name"] != "DEQUANTIZE"
    ]
    runner = signature_runner("the file", loaded)
    ends = runner.get_input_details() | runner.get_output_details()
    return {
        "operators": dict(sorted(operators.items())),
        "float_tensors": floats,
        "float_results": [name for name in floats if name in set(results)],
        "results": results,
        "largest_scale": max(
            ((float(max(t["quantization_parameters"]["scales"], default=0.0)), t["name"])
             for t in tensors), default=(0.0, "")),
        "quantization": {name: _quantization(t["index"], described, by_index)
                         for name, t in ends.items()},
        "ends": [t["name"] for t in ends.values()],
        "dtypes": {name: np.dtype(t["dtype"]).name for name, t in ends.items()},
    }  # fmt: skip


def _quantization(index, operators, tensors):
    """Return [scale, zero point] of an end, or of the integers that a float end is made of."""
    if np.issubdtype(tensors[index]["dtype"], np.floating):
        for operator in operators:
            if operator["op_name"] == "QUANTIZE" and index in operator["inputs"]:
                return _quantization(operator["outputs"][0], operators, tensors)
            if operator["op_name"] in ("DEQUANTIZE", "MUL") and index in operator["outputs"]:
                return _quantization(operator["inputs"][0], operators, tensors)
    scale, zero_point = tensors[index]["quantization"]
    return [float(scale), int(zero_point)]


def gpu_warnings(data: bytes) -> list[str]:
    """Return the warnings of TensorFlow's analyzer about running a file on the GPU delegate."""
    captured = io.StringIO()
    with redirect_stdout(captured):
        tf.lite.experimental.Analyzer.analyze(model_content=data, gpu_compatibility=True)
    warnings = re.findall(r"GPU COMPATIBILITY WARNING: (.+)", captured.getvalue())
    return list(dict.fromkeys(warnings))
