"""From a float Keras model to checked .tflite files: qat, convert, parity, benchmark.

Each module is a command (`python -m export.convert --help`) and a function.
"""

import keras_matting  # noqa: F401  before TensorFlow, whose Keras it chooses
