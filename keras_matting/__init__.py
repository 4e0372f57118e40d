"""Image matting in Keras: published methods, their training data and losses, and TFLite export."""

import os

# TensorFlow 2.15 logs plugin registrations as errors on every import; real errors are raised.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__version__ = "0.1.0"
