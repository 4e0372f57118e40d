"""Compare mattes enlarged along the photograph's edges with plain bilinear enlargement.

    python -m benchmarks.edges
    python -m benchmarks.edges PHOTOS

Mattes drawn portraits over drawn backgrounds, or the photographs of a folder that contains `image/`
and `alpha/`, by a network that ships. Prints the mean SAD and Grad over whole images, in thousands.
The last two rows do the same with the true alpha, reduced to the network's size: the error of a
perfect network of this size.
"""

from pathlib import Path

import cv2
import numpy as np
from absl import app, flags

import keras_matting
from keras_matting import image_files
from keras_matting.data import synthetic
from keras_matting.inference import predict_alpha
from keras_matting.inference.edges import enlarge_along_edges
from keras_matting.inference.predict import letterbox
from keras_matting.metrics import gradient_error, sad

FLAGS = flags.FLAGS


def samples(folder):
    """Yield image uint8 (H, W, 3) and alpha float32 (H, W)."""
    if folder is None:
        for seed in range(FLAGS.count):
            size = FLAGS.size, FLAGS.size
            foreground, alpha = synthetic.draw_foreground((11, seed), *size, "portrait")
            alpha = alpha / np.float32(255)
            background = synthetic.draw_background((12, seed), *size)
            image = np.rint(alpha * foreground + (1 - alpha) * background)
            yield image.astype(np.uint8), alpha[..., 0]
        return
    alphas = image_files.find_pictures(Path(folder) / "alpha")
    for stem, path in image_files.find_pictures(Path(folder) / "image").items():
        alpha = image_files.read_matte(alphas[stem])
        alpha = np.where(alpha < 12, 0, np.where(alpha > 243, 255, alpha))  # haze of networks
        yield image_files.read_photograph(path), alpha.astype(np.float32) / 255


def mattes(model, image, alpha):
    """Return the four mattes that are compared."""
    height, width = letterbox(*alpha.shape, *model.input_size)[0]
    small = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)
    return {
        "plain": predict_alpha(model, image, refine_edges=False),
        "along edges": predict_alpha(model, image, refine_edges=True),
        "true, plain": cv2.resize(small, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR),
        "true, along edges": enlarge_along_edges(small, image),
    }


def main(argv):
    model = keras_matting.load(FLAGS.network)
    rows = []
    for image, alpha in samples(argv[1] if len(argv) > 1 else None):
        found = mattes(model, np.ascontiguousarray(image), alpha)
        rows.append([(sad(x, alpha), gradient_error(x, alpha)) for x in found.values()])
    rows = np.array(rows)
    print(f"{'':18s}    SAD    Grad  better than plain, of {len(rows)}")
    for i, name in enumerate(found):
        wins = (rows[:, i] < rows[:, i - i % 2]).sum(0)
        means = rows[:, i].mean(0)
        print(f"{name:18s} {means[0]:6.2f} {means[1]:7.2f}  {wins[0]} by SAD, {wins[1]} by Grad")


if __name__ == "__main__":
    flags.DEFINE_string("network", "portrait", "Name of a network that ships.")
    flags.DEFINE_integer("count", 8, "Portraits to draw.", lower_bound=1)
    flags.DEFINE_integer("size", 2048, "Side of drawn portraits in pixels.", lower_bound=64)
    app.run(main)
