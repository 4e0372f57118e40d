"""Measure seconds per megapixel of each metric, for a hairy matte and a noisy copy of it.

python -m benchmarks.metrics
python -m benchmarks.metrics --size 2048 --repeats 3
"""

import time

import cv2
import numpy as np
from absl import app, flags

from keras_matting import metrics

METRICS = {
    "sad": metrics.sad,
    "mse": metrics.mse,
    "mad": metrics.mad,
    "gradient_error": metrics.gradient_error,
    "connectivity_error": metrics.connectivity_error,
}


def hairy_pair(size, seed=0):
    """Return prediction, alpha and trimap, uint8 (size, size): a disc with 400 hairs."""
    random = np.random.default_rng(seed)
    alpha = np.zeros((size, size), np.uint8)
    centre, radius = size // 2, size // 4
    cv2.circle(alpha, (centre, centre), radius, 255, -1, cv2.LINE_AA)
    for angle, length in zip(
        random.uniform(0, 2 * np.pi, 400), random.uniform(1.0, 1.8, 400), strict=True
    ):
        bend = angle + np.linspace(0.0, random.normal(0, 0.3), 20)
        reach = radius * np.linspace(0.9, length, 20)
        strand = centre + reach[:, None] * np.stack([np.cos(bend), np.sin(bend)], 1)
        level = int(random.integers(60, 255))
        cv2.polylines(alpha, [strand.astype(np.int32)], False, level, 1, cv2.LINE_AA)
    noise = random.normal(0.0, 6.0, alpha.shape)
    prediction = np.clip(cv2.GaussianBlur(alpha, (0, 0), 1.5) + noise, 0, 255).astype(np.uint8)
    trimap = np.full(alpha.shape, 128, np.uint8)
    trimap[cv2.erode(alpha, np.ones((15, 15))) == 255] = 255
    trimap[cv2.dilate(alpha, np.ones((15, 15))) == 0] = 0
    return prediction, alpha, trimap


def seconds_per_megapixel(metric, pair, repeats):
    """Return the minimum over `repeats`, which other load on the machine affects least."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        metric(*pair)
        times.append(time.perf_counter() - start)
    return min(times) / (pair[0].size / 1e6)


def main(_):
    pair = hairy_pair(flags.FLAGS.size)
    for name, metric in METRICS.items():
        seconds = seconds_per_megapixel(metric, pair, flags.FLAGS.repeats)
        print(f"{name:20s} {seconds:.4f} s per megapixel")


if __name__ == "__main__":
    flags.DEFINE_integer("size", 1024, "Side of the square matte in pixels.", lower_bound=64)
    flags.DEFINE_integer("repeats", 5, "Runs per metric; the fastest is reported.", lower_bound=1)
    app.run(main)
