"""From a float Keras model to checked .tflite files.

qat, convert, parity, benchmark, zoo and ship are commands (`python -m export.convert --help`)
and functions.
"""

import keras_matting  # noqa: F401  before TensorFlow, whose Keras it chooses
