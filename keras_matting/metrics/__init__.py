"""Matting metrics: of one image, and dtSSD of a video.

`keras_matting.metrics.streaming` has metrics for `fit`. Importing this package does not import
TensorFlow.
"""

from keras_matting.metrics.matting import connectivity_error, gradient_error, mad, mse, sad
from keras_matting.metrics.video import dtssd

__all__ = ["connectivity_error", "dtssd", "gradient_error", "mad", "mse", "sad"]
