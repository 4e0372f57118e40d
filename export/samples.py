"""Samples to try exported files on: photographs, and synthetic composites with known alphas.

A sample is {"name": str, "image": (H, W, 3) float32 in [0, 1], "alpha": (H, W, 1) or None}. A
synthetic one also has its "background", the picture behind the figure, and a "trimap" (H, W, 1).
Inputs are multiples of 1/255, so that an int8 file and Keras see the same numbers: unknown pixels
of a trimap are 128/255, as in a bitmap, instead of 1/2.
"""

import os
from pathlib import Path

import cv2
import numpy as np

from keras_matting import native_messages
from keras_matting.data.augment import trimaps
from keras_matting.data.synthetic import draw_background, draw_foreground
from keras_matting.image_files import SUFFIXES, read_photograph


def photographs(height, width, folder=None) -> list[dict]:
    """Return samples from the images of a folder, by default scikit-image's if it is installed.

    ValueError: `folder` does not exist, or contains no images or a damaged one.
    """
    if folder is None:
        return [_photograph(name, image, height, width) for name, image in _bundled()]
    if not Path(folder).is_dir():
        raise ValueError(f"folder not found: {folder}; specify one with photographs as --images")
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"no images in {folder} ({' '.join(SUFFIXES)})")
    return [_photograph(_text(path.stem), read_photograph(path), height, width) for path in paths]


def behind_figures(height, width, folder=None, seed=1000, kind=None) -> list[dict]:
    """Return `photographs` behind drawn figures, for networks with a trimap or background input.

    One sample like those of `synthetic` for every photograph; ValueError as `photographs`.
    """
    samples = []
    for i, photograph in enumerate(photographs(2 * height, 2 * width, folder)):
        foreground, alpha = draw_foreground((seed, i), 2 * height, 2 * width, kind)
        name, background = f"figure and {photograph['name']}", 255 * photograph["image"]
        samples.append(_composite(name, foreground, alpha, background))
    return samples


def synthetic(height, width, count=8, seed=1000, kind=None) -> list[dict]:
    """Return synthetic composites with their alphas; element i depends only on (seed, i, kind).

    `kind` as in `synthetic.draw_foreground`: portrait, animal, object, or None for all.
    """
    samples = []
    for i in range(count):
        foreground, alpha = draw_foreground((seed, i), 2 * height, 2 * width, kind)
        background = draw_background((seed, i), 2 * height, 2 * width)
        samples.append(_composite(f"synthetic {i}", foreground, alpha, background))
    return samples


def usable(samples, names) -> list[dict]:
    """Return the samples that have all inputs `names`; ValueError if there are none."""
    found = [sample for sample in samples if all(name in sample for name in names)]
    if not found:
        missing = " and no ".join(name for name in names if name != "image")
        raise ValueError(f"photographs have no {missing}; synthetic composites do")
    return found


def stacked(samples, names) -> dict:
    """Return {name: (N, H, W, C)} for a model with inputs `names`."""
    return {name: np.stack([sample[name] for sample in samples]) for name in names}


def batches(inputs, size=8) -> list[dict]:
    """Split {"image": (N, H, W, C), ...} into dicts of at most `size` samples each."""
    count = len(inputs["image"])
    return [{k: v[i : i + size] for k, v in inputs.items()} for i in range(0, count, size)]


def _composite(name, foreground, alpha, background):
    """Return a sample from images in [0, 255] of twice its size."""
    alpha = alpha / np.float32(255)
    image = alpha * foreground + (1 - alpha) * background
    alpha = _halved(alpha)
    return {
        "name": name,
        "image": _bytes(_halved(image)),
        "alpha": alpha,
        "trimap": _trimap(alpha),
        "background": _bytes(_halved(background)),
    }


def _bytes(x):
    return np.rint(x) / np.float32(255)


def _trimap(alpha):
    """Return a trimap whose unknown band, 1/40 of the image, is as wide as in a quick sketch."""
    radius = max(2.0, min(alpha.shape[:2]) / 40)
    with native_messages.hidden(2):  # XLA reports its first compilation
        return trimaps.trimap(radius)({"alpha": alpha})["trimap"].numpy() / np.float32(255)


def _halved(x):
    """Return means of 2x2 pixels: figures are drawn larger, as photographs are taken larger."""
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).mean((1, 3), dtype=np.float32)


def _photograph(name, image, height, width):
    """Return the central part with the given aspect ratio, resized."""
    scale = max(height / image.shape[0], width / image.shape[1])
    inner_height = min(round(height / scale), image.shape[0])
    inner_width = min(round(width / scale), image.shape[1])
    top, left = (image.shape[0] - inner_height) // 2, (image.shape[1] - inner_width) // 2
    image = image[top : top + inner_height, left : left + inner_width]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, (width, height), interpolation=interpolation)
    return {"name": name, "image": image.astype(np.float32) / np.float32(255), "alpha": None}


def _text(name):
    """Return a file's name as text; names are bytes to the system, in any encoding."""
    return os.fsencode(name).decode(errors="replace")


def _bundled():
    try:
        from skimage import data
    except ImportError:
        return []
    return [(name, getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee")]
