"""Predict alpha mattes of photographs of any size with a Keras model or a .tflite file."""

from keras_matting.inference.alignment import align_background
from keras_matting.inference.cutouts import foreground_colours
from keras_matting.inference.predict import check_call, input_names, predict_alpha
from keras_matting.inference.tflite import TFLiteModel, load, load_tflite
from keras_matting.inference.trimaps import trimap_from_matte

__all__ = [
    "TFLiteModel",
    "align_background",
    "check_call",
    "foreground_colours",
    "input_names",
    "load",
    "load_tflite",
    "predict_alpha",
    "trimap_from_matte",
]
