"""What goes behind a cut-out: a colour, a picture, or the photograph's own background, blurred."""

from collections.abc import Callable

import cv2
import numpy as np

from keras_matting.image_files import read_photograph

COLOURS = {
    "black": (0, 0, 0),
    "blue": (0, 71, 187),
    "green": (0, 177, 64),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
}
BLUR = "blur"
_BLUR_SIDE = 512  # pixels; a background is blurred at this size
_LEAST_WEIGHT = 1e-3  # keeps a picture that is entirely foreground well-defined


def background_of(text: str, height: int, width: int) -> Callable:
    """Return a function (image, alpha) -> background, uint8 (height, width, 3) RGB.

    `text` is a name of `COLOURS`, a colour as #rrggbb, "blur", or the path of a picture, which is
    cropped to the shape. Raises ValueError if it is none of these.
    """
    if text == BLUR:
        return blurred_background
    colour = colour_of(text)
    if colour is None:
        try:
            still = cover(read_photograph(text), height, width)
        except ValueError as error:
            names = ", ".join(COLOURS)
            raise ValueError(
                f"background {text} is no colour ({names}, #rrggbb), blur or picture: {error}"
            ) from error
    else:
        still = np.full((height, width, 3), colour, np.uint8)
    return lambda image, alpha: still


def colour_of(text: str) -> tuple | None:
    """Return red, green and blue of a name of `COLOURS` or of #rrggbb, None for other text."""
    if text in COLOURS:
        return COLOURS[text]
    try:
        return tuple(bytes.fromhex(text[1:])) if text[0] == "#" and len(text) == 7 else None
    except ValueError:
        return None


def cover(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crop the centre of a picture (h, w, 3) to the shape of height x width and resize it."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    inner = [
        min(max(round(side / scale), 1), of)
        for side, of in zip((height, width), picture.shape[:2], strict=True)
    ]
    top, left = ((of - side) // 2 for side, of in zip(inner, picture.shape[:2], strict=True))
    part = picture[top : top + inner[0], left : left + inner[1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=way)


def compose(foreground, alpha, background):
    """Return foreground over background, uint8 (H, W, 3), with alpha float32 (H, W) in [0, 1]."""
    return cv2.blendLinear(foreground, background, alpha, 1 - alpha)


def blurred_background(image, alpha):
    """Return the image's own background, blurred without the foreground's colours, uint8."""
    height, width = alpha.shape
    scale = min(1, _BLUR_SIDE / max(height, width))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    small = [cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (image, alpha)]
    return cv2.resize(blurred(*small, max(1, size[0] // 32)), (width, height))


def blurred(image, alpha, radius):
    """Blur an image (H, W, 3) with weights 1 - alpha, so that no halo of the foreground remains.

    Three box filters of `radius`, with windows clipped at the borders, approximate a Gaussian. The
    Android app does the same.
    """
    weight = 1 - alpha.astype(np.float64) + _LEAST_WEIGHT
    planes = cv2.merge([*(weight * image[..., i] for i in range(3)), weight])
    counts = _box(np.ones(planes.shape), radius)
    for _ in range(3):
        planes = _box(planes, radius) / counts
    return np.rint(np.clip(planes[..., :3] / planes[..., 3:], 0, 255)).astype(np.uint8)


def _box(planes, radius):
    size = (2 * radius + 1,) * 2
    return cv2.boxFilter(planes, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
