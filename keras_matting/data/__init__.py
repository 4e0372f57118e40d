"""Training data: sources with random access, dict -> dict operations, endless streams."""

import importlib

from keras_matting.data.source import Source

# Imported on first use: drawing synthetic figures, and --help, need no TensorFlow.
_PUBLIC = {
    "composition": "keras_matting.data.pipeline",
    "unlabelled": "keras_matting.data.pipeline",
    "training": "keras_matting.data.augment.presets",
    "validation": "keras_matting.data.augment.presets",
}
__all__ = ["Source", *_PUBLIC]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__():
    return sorted({*globals(), *_PUBLIC})
