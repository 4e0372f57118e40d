"""A .tflite file as a model.

TensorFlow is not imported here: a .tflite file runs in LiteRT (`ai_edge_litert`) where that is
installed, and in TensorFlow's own interpreter otherwise.
"""

import logging
import os
import threading
from pathlib import Path

import numpy as np

from keras_matting import native_messages
from keras_matting.inference import checksum
from keras_matting.pretrained import networks, tflite_file, weights_file

# what interpreters raise on files that are damaged or of another format
_ERRORS = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


def load(name: str, format: str | None = None, size: int | None = None):
    """Load a network that ships with the package, such as "portrait", for `predict_alpha`.

    `keras_matting.list_pretrained()` lists the names with their formats and sizes; the default is
    float16, or int8 if there is no such file, and the largest size. A network with a trimap, which
    sees photographs at their own size, is by default the Keras model. Raises ValueError on another
    name, format or size.
    """
    network = networks().get(name, {})
    if (format, size) == (None, None) and "trimap" in network.get("inputs", ()):
        from keras_matting.models import create_model  # imports TensorFlow

        path, shape = weights_file(network), (None, None, 3)
        return create_model(network["variant"], shape, weights=path, **network["options"])
    return load_tflite(tflite_file(name, format, size))


def load_tflite(path, threads: int | None = None):
    """Load a .tflite file with the signature image (and trimap, or background) -> alpha.

    Returns a `TFLiteModel`. `threads` is the number of processor cores by default. Raises
    FileNotFoundError, and ValueError if the file is damaged or not such a model.
    """
    data = read_tflite(path)
    threads = threads or os.cpu_count()
    interpreter = open_interpreter(path, _interpreter_class(), data, num_threads=threads)
    runner = signature_runner(path, interpreter)
    if "alpha" not in runner.get_output_details():
        raise ValueError(f"{path} has no output alpha; export it with export.convert")
    return TFLiteModel(path, runner)


def read_tflite(path) -> bytes:
    """Return the contents of a .tflite file after verifying its checksum, if it has one.

    Raises FileNotFoundError, and ValueError if the file has changed since it was exported.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f".tflite file not found: {path}")
    data = Path(path).read_bytes()
    try:
        if not checksum.has_checksum(data):
            logging.getLogger(__name__).info("%s has no checksum, so it is not verified.", path)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; copy or export it again") from error
    return data


def open_interpreter(path, interpreter_class, data, allocate=True, **options):
    """Return an interpreter of any .tflite file, with its tensors allocated if `allocate` is set.

    `path` is for messages, `options` are the interpreter's. ValueError: it cannot run `data`.
    """
    try:
        with native_messages.hidden(2):
            interpreter = interpreter_class(model_content=data, **options)
            if allocate:
                interpreter.allocate_tensors()
    except _ERRORS as error:
        raise ValueError(
            f"{path} is not a .tflite file that the interpreter runs; export it again"
        ) from error
    return interpreter


def signature_runner(path, interpreter):
    """Return the runner of a file's only signature; ValueError if it has no input image."""
    try:
        with native_messages.hidden(2):
            runner = interpreter.get_signature_runner()
            image = runner.get_input_details()["image"]
            usable = len(image["shape"]) == 4
    except _ERRORS:
        usable = False
    if not usable:
        raise ValueError(
            f"{path} does not have one signature with an input image; export it with "
            "export.convert"
        )
    return runner


class TFLiteModel:
    """{"image": (H, W, 3), ...} float32 [0, 1] of `input_size` -> alpha (H, W) float32 in [0, 1].

    `outputs` returns the other outputs, too: Background Matting predicts a foreground. Threads may
    share one: calls take turns, since each uses all of the interpreter's threads. To run several at
    once, load the file once per thread.
    """

    def __init__(self, path, runner):
        self.name = Path(path).name
        self._runner, self._lock = runner, threading.Lock()
        self._inputs, self._outputs = runner.get_input_details(), runner.get_output_details()
        self.input_names = tuple(self._inputs)
        image = self._inputs["image"]
        shape = image.get("shape_signature", image["shape"])
        self.input_size = tuple(None if side < 0 else int(side) for side in shape[1:3])
        alpha = self._outputs["alpha"]
        if np.issubdtype(alpha["dtype"], np.integer):
            scale, zero_point = alpha["quantization"]
            top = scale * (np.iinfo(alpha["dtype"]).max - zero_point)
            if not 0.98 < top < 1.02:
                raise ValueError(
                    f"{path} has an alpha that ends at {top:.3f} instead of 1; export it again"
                )

    def __call__(self, inputs):
        return self.outputs(inputs)["alpha"][..., 0]

    def outputs(self, inputs):
        """Return {"alpha": (H, W, 1), ...}, float32; raise ValueError if the file cannot be run."""
        inputs = {name: quantize(x, self._inputs[name]) for name, x in batched(inputs).items()}
        try:
            with self._lock:  # the interpreter has one set of tensors
                found = self._runner(**inputs)
        except _ERRORS as error:
            raise ValueError(f"{self.name} cannot be run; export it again") from error
        return {name: dequantize(x[0], self._outputs[name], name) for name, x in found.items()}


def quantize(x, details):
    """Convert numbers to the type of the input tensor that an interpreter's `details` describe.

    An int8 image, whose scale is 1/255 and zero point -128, is the bytes minus 128.
    """
    dtype = details["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return np.asarray(x, dtype)
    scale, zero_point = details["quantization"]
    limits = np.iinfo(dtype)
    return np.clip(np.rint(x / scale) + zero_point, limits.min, limits.max).astype(dtype)


def dequantize(x, details, name):
    """Convert values of the output tensor `name` to float32.

    An integer alpha is stretched so that its largest value is 1: int8 has scale 1/256 and would end
    at 255/256.
    """
    if not np.issubdtype(x.dtype, np.integer):
        return x.astype(np.float32)
    scale, zero_point = details["quantization"]
    x = x.astype(np.float32) - np.float32(zero_point)
    if name == "alpha":
        return x / np.float32(np.iinfo(details["dtype"]).max - zero_point)
    return x * np.float32(scale)


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter
    return Interpreter


def batched(inputs):
    """Return images (H, W, C) or (H, W) as batches of one."""
    return {name: np.atleast_3d(x)[None] for name, x in inputs.items()}
