"""Weights files (.weights.h5) that say which network they are of, checked when they are loaded.

Keras keys the tensors of a weights file by the class and order of their layers and ignores what is
left over, so a file of another network may load without an error. Files of a `Network` therefore
have these attributes:

    variant   name of the network, as in list_models()
    options   options of `create_model`, as JSON
    format    "float", or "qat" for quantization-aware weights
    version   of keras_matting
    tensors   "layer/variable 3x3x16x32" of each tensor, in the order of the layers

Files without attributes are accepted if they have exactly the tensors of the network.
"""

import json
import os
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from tensorflow import keras

from keras_matting import __version__
from keras_matting.atomic import replacing

SUFFIX = ".weights.h5"
QUANTIZED = "quant_"  # how names of layers begin in a quantization-aware model
QAT_REMEDY = "give it to --quantize of a recipe or --qat_weights of export.convert"
CONVERT = "convert it with python -m keras_matting.weights first"
KINDS = {  # by the first bytes
    b"\x80": f"a checkpoint of PyTorch or Paddle; {CONVERT}",
    b"version https://git-lfs": "a git-lfs pointer instead of the file; run git lfs pull",
}
# an operation's layer, which Keras numbers anew for every model
NUMBERED = re.compile(r"(tf\.[\w.]*?[a-zA-Z])(_\d+)+$")
SHOWN = 3  # tensors that a message names


@keras.utils.register_keras_serializable("keras_matting")
class Network(keras.Model):
    """A functional model whose .weights.h5 files say what they are.

    `options` are those of `create_model` as JSON, which Keras, unlike a dict, does not track.
    """

    options = "{}"

    def save_weights(self, filepath, *args, **kwargs):
        super().save_weights(filepath, *args, **kwargs)
        if str(filepath).endswith(SUFFIX):
            mark(filepath, self)

    def load_weights(self, filepath, *args, **kwargs):
        if str(filepath).endswith(SUFFIX) and not (args or kwargs):
            return load(self, filepath)
        return super().load_weights(filepath, *args, **kwargs)


def derived(model, inputs, outputs):
    """Return a model of these tensors with the name and options of `model`."""
    network = Network(inputs, outputs, name=model.name)
    network.options = getattr(model, "options", Network.options)
    return network


@dataclass
class Content:
    """What a weights file holds. Without attributes, `variant` is None."""

    variant: str | None
    format: str
    shapes: list = field(repr=False)
    tensors: list = field(default_factory=list, repr=False)
    options: dict = field(default_factory=dict)
    version: str = ""

    def mismatch(self, model) -> str | None:
        """Return why the file is not of `model`, as the rest of a sentence, or None if it is."""
        ours = tensors(model)
        if self.format != format_of(model):
            of = f" of {self.variant}" if self.variant else ""
            if self.format == "qat":
                return f"it holds quantization-aware weights{of}; {QAT_REMEDY}"
            return f"it holds float weights{of}, not quantization-aware ones"
        if self.variant is None:
            return None if Counter(self.shapes) == Counter(_shapes(model)) else self._sizes(model)
        if self.variant != model.name:
            return f"it is of {self.variant}"
        if self.tensors == ours:
            return None
        options = json.loads(getattr(model, "options", "{}"))
        changed = [name for name in self.options if self.options[name] != options.get(name)]
        if changed and options:
            theirs, here = (
                " ".join(f"{name}={values.get(name)}" for name in changed)
                for values in (self.options, options)
            )
            return f"it was made with {theirs}, and the network here with {here}"
        return self._difference(ours)

    def _difference(self, ours):
        missing, unknown = Counter(ours) - Counter(self.tensors), Counter(self.tensors)
        unknown -= Counter(ours)
        parts = [
            f"it {verb} {named(found)}"
            for verb, found in (("lacks", missing), ("has in addition", unknown))
            if found
        ]
        return " and ".join(parts) or f"its layers have another order (version {self.version})"

    def _sizes(self, model):
        theirs, ours = (
            f"{len(shapes)} tensors with {sum(int(np.prod(s)) for s in shapes):,} values"
            for shapes in (self.shapes, _shapes(model))
        )
        return f"it has {theirs}, and the network here {ours}; check the variant and its options"


def save(model, path):
    """Write the weights of a model and what they are of, atomically, to a .weights.h5 file."""
    with replacing(path) as temporary:
        keras.Model.save_weights(model, temporary)
        mark(temporary, model)


def mark(path, model):
    """Write what `model` is into the attributes of its weights file."""
    with h5py.File(path, "r+", locking=False) as file:
        file.attrs["variant"] = model.name
        file.attrs["options"] = getattr(model, "options", "{}")
        file.attrs["format"] = format_of(model)
        file.attrs["version"] = __version__
        # of variable length, since other attributes are limited to 64 kB
        file.attrs.create("tensors", tensors(model), dtype=h5py.string_dtype())


def load(model, path):
    """Load a .weights.h5 file into a model and return it.

    Raises FileNotFoundError, and ValueError if the file cannot be read, belongs to another network
    or has values that no network computes with.
    """
    if problem := read(path).mismatch(model):
        raise ValueError(f"{path} does not match {model.name} as built here: {problem}")
    try:
        keras.Model.load_weights(model, path)
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from error
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{path} does not match {model.name} as built here: its layers have another order; "
            "check the variant and its options"
        ) from error
    values = {name: value for name, value in zip(_names(model), _values(model), strict=True)}
    if bad := unusable(values):
        raise ValueError(f"{path} has {bad}; use weights from before the training diverged")
    return model


def read(path) -> Content:
    """Return what a .weights.h5 file says that it is, or what can be seen of it.

    Raises FileNotFoundError, and ValueError with a sentence that says what else the file is, or why
    it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        if path.is_dir():
            raise ValueError(f"{path} is a folder, not a {SUFFIX} file")
        raise FileNotFoundError(f"weights file not found: {path}")
    try:
        if kind := _other_kind(path):
            raise ValueError(f"{path} is {kind}")
        with h5py.File(path, "r", locking=False) as file:
            return _content(path, file)
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from error


def is_quantized(path) -> bool:
    """Return whether a weights file is of quantization-aware training; raises as `read` does."""
    return read(path).format == "qat"


def tensors(model) -> list[str]:
    """Return "layer/variable 3x3x16x32" of each tensor of a model, in the order of its layers."""
    shapes = ("x".join(map(str, shape)) for shape in _shapes(model))
    return [f"{name} {shape}".rstrip() for name, shape in zip(_names(model), shapes, strict=True)]


def format_of(model) -> str:
    quantized = any(layer.name.startswith(QUANTIZED) for layer in model.layers)
    return "qat" if quantized else "float"


def unusable(values) -> str | None:
    """Name tensors {name: array} that are not finite and running variances below zero, or None."""
    bad = {}
    for name, value in values.items():
        if not np.isfinite(value).all():
            bad.setdefault("values that are not finite", []).append(name)
        elif name.endswith("moving_variance") and (value < 0).any():
            bad.setdefault("negative variances", []).append(name)
    return " and ".join(f"{kind} in {named(names)}" for kind, names in bad.items()) or None


def named(names, separator=", ") -> str:
    """List the first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return separator.join(names[:SHOWN]) + more


def _names(model):
    return [
        NUMBERED.sub(r"\1", layer.name) + f"/{variable.name.split('/')[-1].split(':')[0]}"
        for layer in model.layers
        for variable in layer.weights
    ]


def _shapes(model):
    return [tuple(variable.shape) for layer in model.layers for variable in layer.weights]


def _values(model):
    return (variable.numpy() for layer in model.layers for variable in layer.weights)


def _content(path, file):
    if "layers" not in file:
        raise ValueError(
            f"{path} is {_foreign(file)}; save the weights with model.save_weights('NAME{SUFFIX}')"
        )
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"{path} has the wrong name: rename it to NAME{SUFFIX}")
    shapes, paths = [], []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            shapes.append(item.shape)
            paths.append(name)

    file["layers"].visititems(visit)
    if {"variant", "options", "format", "version", "tensors"} - set(file.attrs):
        quantized = any(name.startswith("quantize") for name in paths)
        return Content(None, "qat" if quantized else "float", shapes)
    return Content(
        variant=file.attrs["variant"],
        format=file.attrs["format"],
        shapes=shapes,
        tensors=list(file.attrs["tensors"]),
        options=json.loads(file.attrs["options"]),
        version=file.attrs["version"],
    )


def _foreign(file):
    if "layer_names" in file.attrs or "model_weights" in file:
        return "an .h5 file in Keras' older format"
    return "an HDF5 file of another program"


def _other_kind(path):
    """Say what a file is by its content if it is not HDF5, as the rest of "the file is ..."."""
    with open(path, "rb") as stream:
        head = stream.read(512)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return None
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    for start, kind in KINDS.items():
        if head.startswith(start):
            return kind
    if head[4:8] == b"TFL3":
        return f"a .tflite file, not a {SUFFIX} file; use it with --tflite"
    if head[8:9] == b"{":
        return f"a safetensors checkpoint; {CONVERT}"
    if head.lstrip()[:1] == b"<":
        return "a web page instead of the file; download it again"
    return f"not an HDF5 file, as {SUFFIX} files are" if head else "empty"


def _kind_of_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        names = []
    if "config.json" in names:
        return f"a whole Keras model; save its weights with model.save_weights('NAME{SUFFIX}')"
    kind = "NumPy" if any(name.endswith(".npy") for name in names) else "PyTorch"
    return f"a checkpoint of {kind}; {CONVERT}"


def _unreadable(path, error):
    """Explain an error of the operating system or of HDF5 on one line."""
    if isinstance(error, PermissionError):
        return f"no permission to read {path}; change its permissions"
    if error.errno:
        return f"{path} cannot be read: {os.strerror(error.errno)}"
    reason = " ".join(str(error).split())
    return f"{path} is damaged or incomplete; copy or download it again ({reason[:200]})"
