"""Running exported files: two runtimes, with and without XNNPACK, and what a file consists of."""

import io
import re
import warnings
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert import interpreter as litert

# TensorFlow 2.21 says so for every interpreter; LiteRT, its successor, is the other runtime here
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


def interpreter(data: bytes, runtime=DEFAULT_RUNTIME, threads: int = 1):
    """An interpreter of `data` with its tensors allocated; ValueError or RuntimeError if bad."""
    make, resolvers, resolver = RUNTIMES[runtime]
    made = make(
        model_content=data,
        num_threads=threads,
        experimental_op_resolver_type=getattr(resolvers, resolver),
    )
    made.allocate_tensors()
    return made


class Exported:
    """A .tflite file in one runtime, as a function of dicts, with the names of its signature.

    Called with {"image": (B, H, W, 3) float [0, 1], ...} it returns {"alpha": (B, H, W, 1), ...}
    float32. Integers of an alpha are stretched so that the largest is 1, as
    `keras_matting.inference` does it. ValueError: `data` is no such file.
    """

    def __init__(self, data: bytes, runtime=DEFAULT_RUNTIME, threads: int = 1):
        try:
            self.interpreter = interpreter(data, runtime, threads)
            runner = self.interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise ValueError("No .tflite file with one signature.") from error
        self.inputs, self.outputs = runner.get_input_details(), runner.get_output_details()
        if "image" not in self.inputs:
            raise ValueError("A .tflite file whose signature has no image.")

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
        """Writes {"image": (H, W, 3), ...} into the input tensors."""
        for name, details in self.inputs.items():
            self.interpreter.set_tensor(details["index"], quantise(sample[name], details)[None])

    def _run(self, sample):
        self.set_inputs(sample)
        self.interpreter.invoke()
        return {name: self._output(name) for name in self.outputs}

    def _output(self, name):
        details = self.outputs[name]
        value = self.interpreter.get_tensor(details["index"])[0]
        if not np.issubdtype(value.dtype, np.integer):
            return value.astype(np.float32)
        scale, zero_point = details["quantization"]
        if name == "alpha":
            scale = 1.0 / (np.iinfo(value.dtype).max - zero_point)
        return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def structure(data: bytes) -> dict:
    """What a file holds: operators {name: count}, the names of float tensors, of operators' results
    (without mere conversions to float) and of float results, its ends' types and scales."""
    make, resolvers, _ = RUNTIMES["tf.lite without XNNPACK"]
    interpreter = make(
        model_content=data,
        experimental_op_resolver_type=resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    tensors = interpreter.get_tensor_details()
    floats = [t["name"] for t in tensors if np.issubdtype(t["dtype"], np.floating)]
    described = interpreter._get_ops_details()
    operators = Counter(operator["op_name"] for operator in described)
    names = {tensor["index"]: tensor["name"] for tensor in tensors}
    results = [
        names[i]
        for operator in described
        for i in operator["outputs"]
        if i in names and operator["op_name"] != "DEQUANTIZE"
    ]
    runner = interpreter.get_signature_runner()
    ends = runner.get_input_details() | runner.get_output_details()
    return {
        "operators": dict(sorted(operators.items())),
        "float_tensors": floats,
        "float_results": [name for name in floats if name in set(results)],
        "results": results,
        "quantization": {name: [float(t["quantization"][0]), int(t["quantization"][1])]
                         for name, t in ends.items()},
        "dtypes": {name: np.dtype(t["dtype"]).name for name, t in ends.items()},
    }  # fmt: skip


def gpu_warnings(data: bytes) -> list[str]:
    """What TensorFlow's analyzer says against running a file on the GPU delegate; [] is good."""
    captured = io.StringIO()
    with redirect_stdout(captured):
        tf.lite.experimental.Analyzer.analyze(model_content=data, gpu_compatibility=True)
    warnings = re.findall(r"GPU COMPATIBILITY WARNING: (.+)", captured.getvalue())
    return list(dict.fromkeys(warnings))


def load(path, runtime=DEFAULT_RUNTIME, threads: int = 1) -> Exported:
    """The file at `path`; FileNotFoundError and ValueError name it."""
    try:
        return Exported(read(path), runtime, threads)
    except ValueError as error:
        raise ValueError(
            f"{path} is no .tflite file with one signature from an image; write it with "
            "export.convert."
        ) from error


def read(path) -> bytes:
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no .tflite file {path}; write it with export.convert.")
    return Path(path).read_bytes()


def quantise(image, details):
    """Numbers -> the type and scale of the tensor that `details` describe."""
    dtype = details["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return np.asarray(image, dtype)
    scale, zero_point = details["quantization"]
    limits = np.iinfo(dtype)
    return np.clip(np.rint(image / scale) + zero_point, limits.min, limits.max).astype(dtype)
