"""Matting metrics of one image; `keras_matting.metrics.streaming` has those that `fit` can compute.

Importing this package does not import TensorFlow.
"""

from keras_matting.metrics.matting import connectivity_error, gradient_error, mad, mse, sad

__all__ = ["connectivity_error", "gradient_error", "mad", "mse", "sad"]
