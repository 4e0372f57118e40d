"""What exported files are tried on: photographs, and synthetic composites whose alpha is known.

A sample is {"name": str, "image": (H, W, 3) float32 in [0, 1], "alpha": (H, W, 1) or None}. A
synthetic one has also its "background", the picture behind the figure, and "trimap" (H, W, 1).
Inputs hold multiples of 1/255, so that an int8 file and Keras see the same numbers: what is unknown
in a trimap is 128/255, as in a bitmap, and not 1/2.
"""

from pathlib import Path

import cv2
import numpy as np

from keras_matting.data.synthetic import draw_background, draw_foreground

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def photographs(height, width, folder=None) -> list[dict]:
    """Samples from the images of a folder, by default scikit-image's if that is installed.

    ValueError: `folder` is not there, holds no image, or holds a damaged one.
    """
    if folder is None:
        return [_photograph(name, image, height, width) for name, image in _bundled()]
    if not Path(folder).is_dir():
        raise ValueError(f"There is no folder {folder}; name one with photographs in --images.")
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} holds no image ({', '.join(sorted(SUFFIXES))}); add one.")
    return [_photograph(path.stem, _read(path), height, width) for path in paths]


def behind_figures(height, width, folder=None, seed=1000, kind=None) -> list[dict]:
    """`photographs` behind drawn figures: for networks that want a trimap or the background.

    Samples as of `synthetic`, one for every photograph; ValueError as `photographs`.
    """
    samples = []
    for i, photograph in enumerate(photographs(2 * height, 2 * width, folder)):
        foreground, alpha = draw_foreground((seed, i), 2 * height, 2 * width, kind)
        name, background = f"figure and {photograph['name']}", 255 * photograph["image"]
        samples.append(_composite(name, foreground, alpha, background))
    return samples


def synthetic(height, width, count=8, seed=1000, kind=None) -> list[dict]:
    """Synthetic composites with their alphas; element i depends on (seed, i, kind) alone.

    `kind` as in `synthetic.draw_foreground`: portrait, animal, object, or None for all.
    """
    samples = []
    for i in range(count):
        foreground, alpha = draw_foreground((seed, i), 2 * height, 2 * width, kind)
        background = draw_background((seed, i), 2 * height, 2 * width)
        samples.append(_composite(f"synthetic {i}", foreground, alpha, background))
    return samples


def usable(samples, names) -> list[dict]:
    """Those that have all inputs `names`; ValueError if there is none."""
    found = [sample for sample in samples if all(name in sample for name in names)]
    if not found:
        missing = " and no ".join(name for name in names if name != "image")
        raise ValueError(f"Photographs bring no {missing}; synthetic composites do.")
    return found


def stacked(samples, names) -> dict:
    """{name: (N, H, W, C)}, what a model with inputs `names` takes."""
    return {name: np.stack([sample[name] for sample in samples]) for name in names}


def _composite(name, foreground, alpha, background):
    """Of pictures in [0, 255] that are twice as large."""
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
    """Unknown as far from the edge as a quick hand would leave it: a fortieth of the picture."""
    from keras_matting.data.augment.trimaps import trimap

    radius = max(2.0, min(alpha.shape[:2]) / 40)
    return trimap(radius)({"alpha": alpha})["trimap"].numpy() / np.float32(255)


def _halved(x):
    """Means of 2x2 pixels: the pictures are drawn larger, as photographs are taken larger."""
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).mean((1, 3), dtype=np.float32)


def _photograph(name, image, height, width):
    """The central part of the wanted aspect, resized."""
    scale = max(height / image.shape[0], width / image.shape[1])
    inner_height = min(round(height / scale), image.shape[0])
    inner_width = min(round(width / scale), image.shape[1])
    top, left = (image.shape[0] - inner_height) // 2, (image.shape[1] - inner_width) // 2
    image = image[top : top + inner_height, left : left + inner_width]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, (width, height), interpolation=interpolation)
    return {"name": name, "image": image.astype(np.float32) / np.float32(255), "alpha": None}


def _read(path):
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is damaged or not an image; replace or remove it.")
    return image[..., ::-1]


def _bundled():
    try:
        from skimage import data
    except ImportError:
        return []
    return [(name, getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee")]
