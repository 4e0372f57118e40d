"""Image matting in Keras: published methods, their training data and losses, and TFLite export."""

import importlib.util
import os
import sys

# TensorFlow 2.15 logs plugin registrations as errors on every import; real errors are raised.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")



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


_choose_keras_2()

__version__ = "0.1.0"
