"""Matting metrics of one image; see `keras_matting.metrics.streaming` for metrics in `fit`.

Importing this package does not import TensorFlow.
"""

from keras_matting.metrics.matting import connectivity_error, gradient_error, mad, mse, sad

__all__ = ["connectivity_error", "gradient_error", "mad", "mse", "sad"]
