"""Measure how well foreground colours are estimated, on composites whose colours are known.

    python -m benchmarks.foreground_colours
    python -m benchmarks.foreground_colours CUTOUTS --backgrounds PICTURES

Composes RGBA images, by default synthetic figures, over backgrounds. Prints the mean absolute error
in levels of 255 over pixels with 0 < alpha < 1, once unweighted and once weighted by alpha, which
is how it shows over another background. Compares the raw photograph, `foreground_colours`, and
pymatting's multi-level estimation, and the time of both.
"""

import time
from pathlib import Path

import cv2
import numpy as np
import pymatting
from absl import app, flags

from keras_matting import image_files
from keras_matting.data import synthetic
from keras_matting.inference import foreground_colours

FLAGS = flags.FLAGS


def multi_level(image, alpha):
    found = pymatting.estimate_foreground_ml(image / 255.0, alpha / 255.0)
    return np.rint(255.0 * np.clip(found, 0.0, 1.0)).astype(np.uint8)


WAYS = {
    "raw": lambda image, alpha: image,
    "foreground_colours": foreground_colours,
    "pymatting": multi_level,
}


def pictures(folder):
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in image_files.SUFFIXES)


def figures(folder):
    """Yield foreground uint8 (H, W, 3) and alpha uint8 (H, W)."""
    if folder is None:
        for seed in range(FLAGS.count):
            foreground, alpha = synthetic.draw_foreground((5, seed), FLAGS.size, FLAGS.size)
            yield foreground, alpha[..., 0]
        return
    for path in pictures(folder)[: FLAGS.count]:
        rgba = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if rgba is None or rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
            raise app.UsageError(f"{path} is not an 8-bit RGBA image")
        yield np.ascontiguousarray(rgba[..., 2::-1]), np.ascontiguousarray(rgba[..., 3])


def background(number, height, width):
    """Return a background, uint8 (height, width, 3), enlarged to cover the size."""
    if FLAGS.backgrounds is None:
        return synthetic.draw_background((6, number), height, width)
    paths = pictures(FLAGS.backgrounds)
    picture = image_files.read_photograph(paths[number % len(paths)])
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = [int(np.ceil(side * scale)) for side in picture.shape[1::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)[:height, :width]


def measure(way, image, alpha, truth):
    """Return the error, the error weighted by alpha, and the seconds of the second of two runs."""
    for _ in range(2):
        start = time.perf_counter()
        found = way(image, alpha)
        seconds = time.perf_counter() - start
    soft = (alpha > 0) & (alpha < 255)
    errors = np.abs(found[soft].astype(np.float64) - truth[soft]).mean(-1)
    return errors.mean(), np.average(errors, weights=alpha[soft]), seconds


def main(argv):
    rows = {name: [] for name in WAYS}
    for number, (truth, alpha) in enumerate(figures(argv[1] if len(argv) > 1 else None)):
        opacity = alpha[..., None] / 255.0
        mixed = opacity * truth + (1.0 - opacity) * background(number, *alpha.shape)
        image = np.rint(mixed).astype(np.uint8)
        for name, way in WAYS.items():
            rows[name].append(measure(way, image, alpha, truth))
    print(f"{'':20s} error  weighted  seconds")
    for name, found in rows.items():
        error, weighted, seconds = np.mean(found, axis=0)
        print(f"{name:20s} {error:5.2f} {weighted:9.2f} {seconds:8.3f}")


if __name__ == "__main__":
    flags.DEFINE_string("backgrounds", None, "Folder of pictures; by default, drawn ones.")
    flags.DEFINE_integer("count", 12, "Figures to compose.", lower_bound=1)
    flags.DEFINE_integer("size", 1024, "Side of drawn figures in pixels.", lower_bound=64)
    app.run(main)
