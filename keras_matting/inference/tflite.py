"""A .tflite file as a model: bytes to integers at its inputs, integer alphas stretched to 1.

TensorFlow is not imported here: a .tflite file runs in LiteRT (`ai_edge_litert`) where that is
installed, and in TensorFlow's own interpreter otherwise.
"""

import os
import threading
from pathlib import Path

import numpy as np


def load_tflite(path, threads: int | None = None):
    """A .tflite file with the signature image (and trimap, or background) -> alpha.

    Returns a `TFLiteModel`. `threads` is the number of processor cores by default. Raises
    FileNotFoundError, and ValueError on files that are no such model.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no .tflite file {path}.")
    try:
        interpreter = _interpreter_class()(
            model_content=Path(path).read_bytes(), num_threads=threads or os.cpu_count()
        )
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} is no .tflite file with one signature; export it again."
        ) from error
    if "image" not in runner.get_input_details() or "alpha" not in runner.get_output_details():
        raise ValueError(f"{path} has no signature image -> alpha; export it with export.convert.")
    return TFLiteModel(path, runner)


class TFLiteModel:
    """{"image": (H, W, 3), ...} float32 [0, 1] of `input_size` -> alpha (H, W) float32 in [0, 1].

    An int8 image is the bytes minus 128. An integer alpha is stretched so that its largest value is
    1: int8 has scale 1/256 and would end at 255/256. Threads may share one: calls take turns, since
    each uses all of the interpreter's threads. Load the file once per thread to run them at once.
    """

    def __init__(self, path, runner):
        self.name = Path(path).name
        self._runner, self._lock = runner, threading.Lock()
        self._inputs = runner.get_input_details()
        self._alpha = runner.get_output_details()["alpha"]
        self.input_names = tuple(self._inputs)
        image = self._inputs["image"]
        shape = image.get("shape_signature", image["shape"])
        self.input_size = tuple(None if side < 0 else int(side) for side in shape[1:3])
        if np.issubdtype(self._alpha["dtype"], np.integer):
            scale, zero_point = self._alpha["quantization"]
            top = scale * (np.iinfo(self._alpha["dtype"]).max - zero_point)
            if not 0.98 < top < 1.02:
                raise ValueError(
                    f"{path} has an alpha that ends at {top:.3f} instead of 1; export it again."
                )

    def __call__(self, inputs):
        inputs = {k: _quantised(x, self._inputs[k]) for k, x in batched(inputs).items()}
        with self._lock:  # the interpreter has one set of tensors
            alpha = self._runner(**inputs)["alpha"]
        return self._stretched(alpha[0, ..., 0])

    def _stretched(self, alpha):
        if not np.issubdtype(alpha.dtype, np.integer):
            return alpha.astype(np.float32)
        zero_point = self._alpha["quantization"][1]
        span = np.iinfo(alpha.dtype).max - zero_point
        return (alpha.astype(np.float32) - np.float32(zero_point)) / np.float32(span)


def _quantised(x, tensor):
    dtype = tensor["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return x.astype(dtype)
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(dtype)
    return np.clip(np.rint(x / scale) + zero_point, limits.min, limits.max).astype(dtype)


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter
    return Interpreter


def batched(inputs):
    return {name: np.atleast_3d(x)[None] for name, x in inputs.items()}
