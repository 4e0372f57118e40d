"""Image matting in Keras: published methods, their training data and losses, and TFLite export."""

import importlib
import importlib.util
import os
import sys

# TensorFlow 2.15 logs plugin registrations as errors on import; real errors raise exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# HDF5 reads this when it is loaded. Files are replaced atomically, and NFS or Lustre may not lock.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")


def _choose_keras_2():
    """Make `tensorflow.keras` Keras 2, which later versions of TensorFlow have as tf-keras."""
    if importlib.util.find_spec("tf_keras") is None:
        return  # TensorFlow 2.15, whose Keras is Keras 2
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # read when TensorFlow is imported
    keras = getattr(sys.modules.get("keras"), "__version__", "")
    if "tensorflow" in sys.modules and "tf_keras" not in sys.modules and keras.startswith("3."):
        raise ImportError(
            "keras_matting needs Keras 2, but TensorFlow was imported before it with Keras 3; "
            "import keras_matting first, or set the environment variable TF_USE_LEGACY_KERAS=1."
        )
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietTensorFlow)


class _QuietTensorFlow:
    """An import hook: hides what TensorFlow's libraries log while they load, at any log level."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(_QuietTensorFlow)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            load = spec.loader.exec_module

            def exec_module(module):
                from keras_matting import native_messages

                with native_messages.hidden(2, shown_on_error=True):
                    load(module)

            spec.loader.exec_module = exec_module
        return spec


_choose_keras_2()

__version__ = "0.1.0"

# The public names and their modules, which are imported on first use: most need TensorFlow.
_PUBLIC = {
    "create_model": "keras_matting.models",
    "foreground_colours": "keras_matting.inference",
    "list_models": "keras_matting.models",
    "list_pretrained": "keras_matting.pretrained",
    "load": "keras_matting.inference",
    "load_published": "keras_matting.weights",
    "load_tflite": "keras_matting.inference",
    "predict_alpha": "keras_matting.inference",
}
__all__ = [*_PUBLIC]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__():
    return sorted({*globals(), *_PUBLIC})
