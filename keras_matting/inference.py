"""One photograph of any size -> its alpha matte at that size, by a Keras model or a .tflite file.

    alpha = predict_alpha(create_model("modnet_mobilenetv2", (None, None, 3), weights=path), image)
    alpha = predict_alpha(load_tflite("modnet_mobilenetv2_512x512_int8.tflite"), image)

TensorFlow is not imported here: a .tflite file runs in LiteRT (`ai_edge_litert`) where that is
installed, and in TensorFlow's own interpreter otherwise.
"""

import os
from pathlib import Path

import cv2
import numpy as np

STRIDE = 32


def predict_alpha(model, image, reference_size=512):
    """image (H, W, 3) RGB, uint8 or float [0, 1] -> alpha (H, W) float32 in [0, 1].

    `model` is a Keras model {"image"} -> {"alpha"}, or what `load_tflite` returns.

    A model of any size gets the photograph as MODNet's published script feeds it (see
    `published_size`). A model of one fixed size gets it whole and undistorted: scaled to fit and
    filled up with its own mirror image on both sides, because faces and hair that are squeezed are
    not what it was trained on, while plain bars look like an object's edge; the fill is cut off the
    matte. Shrinking averages areas, enlarging is bilinear.

    Raises ValueError on images of another shape, type or range, and on mattes that are not finite.
    """
    image = _float_image(image)
    height, width = image.shape[:2]
    fixed = _input_size(model)
    if None in fixed:
        alpha = _run(model, _resize(image, *published_size(height, width, reference_size)))
    else:
        boxed, (top, left, inner_height, inner_width) = _letterbox(image, *fixed)
        alpha = _run(model, boxed)[top : top + inner_height, left : left + inner_width]
    if not np.isfinite(alpha).all():
        raise ValueError("The matte is not finite; the model's weights are damaged or not trained.")
    return np.clip(_resize(alpha, height, width), 0.0, 1.0)


def published_size(height, width, reference_size=512):
    """The size at which MODNet's published inference script runs an image.

    Where the longer side is below `reference_size` or the shorter above it, the shorter side
    becomes `reference_size`, keeping the aspect. Either way both sides are then cut down to a
    multiple of 32, but to no less than 32.
    """
    shorter = min(height, width)
    if max(height, width) < reference_size or shorter > reference_size:
        height, width = height * reference_size // shorter, width * reference_size // shorter
    return max(height // STRIDE, 1) * STRIDE, max(width // STRIDE, 1) * STRIDE


def load_tflite(path, threads: int | None = None):
    """A .tflite file with the signature image -> alpha, as a function of one image.

    Returns a `TFLiteModel`. `threads` is the number of processor cores by default. Raises
    FileNotFoundError, and ValueError on files that are no such model.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no .tflite file {path}.")
    try:
        interpreter = _interpreter_class()(
            model_content=Path(path).read_bytes(), num_threads=threads or os.cpu_count()
        )
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} is no .tflite file with one signature; export it again."
        ) from error
    if "image" not in runner.get_input_details() or "alpha" not in runner.get_output_details():
        raise ValueError(f"{path} has no signature image -> alpha; export it with export.convert.")
    return TFLiteModel(path, runner)


class TFLiteModel:
    """image (H, W, 3) float32 [0, 1] of `input_size` -> alpha (H, W) float32 in [0, 1].

    An int8 image is the bytes minus 128. An integer alpha is stretched so that its largest value is
    1: int8 has scale 1/256 and would end at 255/256.
    """

    def __init__(self, path, runner):
        self._runner = runner
        self._image = runner.get_input_details()["image"]
        self._alpha = runner.get_output_details()["alpha"]
        shape = self._image.get("shape_signature", self._image["shape"])
        self.input_size = tuple(None if side < 0 else int(side) for side in shape[1:3])
        if np.issubdtype(self._alpha["dtype"], np.integer):
            scale, zero_point = self._alpha["quantization"]
            top = scale * (np.iinfo(self._alpha["dtype"]).max - zero_point)
            if not 0.98 < top < 1.02:
                raise ValueError(
                    f"{path} has an alpha that ends at {top:.3f} instead of 1; export it again."
                )

    def __call__(self, image):
        image = self._quantised(image[None])
        return self._stretched(self._runner(image=image)["alpha"][0, ..., 0])

    def _quantised(self, image):
        dtype = self._image["dtype"]
        if not np.issubdtype(dtype, np.integer):
            return image.astype(dtype)
        scale, zero_point = self._image["quantization"]
        limits = np.iinfo(dtype)
        return np.clip(np.rint(image / scale) + zero_point, limits.min, limits.max).astype(dtype)

    def _stretched(self, alpha):
        if not np.issubdtype(alpha.dtype, np.integer):
            return alpha.astype(np.float32)
        zero_point = self._alpha["quantization"][1]
        span = np.iinfo(alpha.dtype).max - zero_point
        return (alpha.astype(np.float32) - np.float32(zero_point)) / np.float32(span)


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter
    return Interpreter


def _input_size(model):
    if isinstance(model, TFLiteModel):
        return model.input_size
    if set(model.input) != {"image"}:
        raise ValueError(f"{model.name} needs more than an image: {', '.join(model.input)}.")
    return tuple(model.input["image"].shape[1:3])


def _run(model, image):
    if isinstance(model, TFLiteModel):
        return model(image)
    return np.asarray(model({"image": image[None]}, training=False)["alpha"])[0, ..., 0]


def _float_image(image):
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"The image has shape {image.shape}; pass RGB of shape (H, W, 3).")
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255)
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"The image is {image.dtype}; pass uint8, or float in [0, 1].")
    if not (image.min() >= 0.0 and image.max() <= 1.0):
        raise ValueError(f"The image is float up to {image.max()}; pass values in [0, 1].")
    return image.astype(np.float32)


def _resize(x, height, width):
    if x.shape[:2] == (height, width):
        return x
    shrinks = height <= x.shape[0] and width <= x.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(x, (width, height), interpolation=interpolation)


def _letterbox(image, height, width):
    """-> image (height, width, 3) and where the photograph lies in it: top, left, height, width."""
    scale = min(height / image.shape[0], width / image.shape[1])
    inner_height = min(max(round(image.shape[0] * scale), 1), height)
    inner_width = min(max(round(image.shape[1] * scale), 1), width)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    bottom, right = height - inner_height - top, width - inner_width - left
    image = _resize(image, inner_height, inner_width)
    boxed = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    return boxed, (top, left, inner_height, inner_width)
