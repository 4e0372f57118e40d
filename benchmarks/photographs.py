"""Measure mattes of photographs without further inputs: mean absolute difference (MAD) and IoU.

    python -m benchmarks.photographs PORTRAITS --network portrait
    python -m benchmarks.photographs PORTRAITS ANIMALS --tflite exported/modnet_384x384_int8.tflite
    python -m benchmarks.photographs PORTRAITS --model modnet_mobilenetv2_mobile --fixed 384 \\
        --option branch_width=0.5 --weights runs/modnet/last.weights.h5
    python -m benchmarks.photographs PORTRAITS --segmenter selfie_segmentation.tflite

Each folder contains `image/` and `alpha/`. --fixed builds the Keras model for one size, as .tflite
files are; without, photographs are scaled as in the published test code. --segmenter is another
project's network: RGB in [0, 1] of a fixed size -> probability of the foreground.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from absl import app, flags

from keras_matting import image_files
from keras_matting.atomic import replacing
from keras_matting.commands import model_flags
from keras_matting.data.refinement import segmenter
from keras_matting.inference import predict_alpha
from keras_matting.metrics import mad
from keras_matting.models import create_model
from keras_matting.progress import show_progress

FLAGS = flags.FLAGS


def photographs(folder):
    """Return [(stem, image path, alpha path)] of a folder with image/ and alpha/."""
    alphas = image_files.find_pictures(Path(folder, "alpha"))
    images = image_files.find_pictures(Path(folder, "image"))
    return [(stem, path, alphas[stem]) for stem, path in images.items()]


def snapped(alpha):
    """Round alphas near 0 and 255, which networks never reach, to 0 and 255."""
    return np.where(alpha < 12, 0, np.where(alpha > 243, 255, alpha)).astype(np.uint8)


def iou(found, alpha):
    """Return the intersection over union of two uint8 mattes, cut at one half."""
    found, alpha = found > 127, alpha > 127
    return (found & alpha).sum() / max((found | alpha).sum(), 1)


def network(options):
    """Return a function image uint8 RGB -> alpha float (H, W)."""
    if options.segmenter:
        return segmenter(options.segmenter)
    if options.fixed:
        chosen = model_flags.model_options(options)
        shape = (options.fixed, options.fixed, 3)
        model = create_model(options.model, shape, weights=options.weights, **chosen)
    else:
        model = model_flags.load_model(options)
    return lambda image: predict_alpha(model, image, options.size)


def measure(predict, folder, save=None):
    """Return a row per photograph of a folder: image, MAD and IoU of its matte by `predict`."""
    rows, files = [], photographs(folder)
    for done, (stem, image, alpha) in enumerate(files, 1):
        found = predict(image_files.read_photograph(image))
        found = np.rint(255.0 * found).astype(np.uint8)
        alpha = snapped(image_files.read_matte(alpha))
        rows.append({"image": stem, "mad": mad(found, alpha), "iou": iou(found, alpha)})
        show_progress(done, len(files), stem)
        if save:
            Path(save).mkdir(parents=True, exist_ok=True)
            image_files.write_png(Path(save, f"{stem}_alpha.png"), found)
    return rows


def summary(rows):
    """Return mean, median and worst MAD of rows, and their mean IoU."""
    errors = [row["mad"] for row in rows]
    overlap = np.mean([row["iou"] for row in rows])
    return {
        "mean": np.mean(errors),
        "median": np.median(errors),
        "worst": max(errors),
        "IoU": overlap,
    }


def main(argv):
    predict = network(FLAGS)
    found = {Path(folder).name: measure(predict, folder, FLAGS.save) for folder in argv[1:]}
    for folder, rows in found.items():
        for row in rows:
            print(f"{folder}/{row['image']:<40} MAD {row['mad']:.4f}  IoU {row['iou']:.4f}")
    for folder, rows in found.items():
        print(folder, "MAD", *(f"{key} {value:.4f} " for key, value in summary(rows).items()))
    if FLAGS.csv:
        rows = [{"folder": folder} | row for folder, rows in found.items() for row in rows]
        with replacing(FLAGS.csv) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    model_flags.define_model_flags()
    flags.DEFINE_integer("fixed", None, "Side of a Keras model of fixed size, pixels.")
    flags.DEFINE_string("segmenter", None, "A .tflite segmentation network of another project.")
    flags.DEFINE_string("save", None, "Folder to save the mattes to, as <name>_alpha.png.")
    flags.DEFINE_string("csv", None, "Write the errors of each photograph to this CSV file.")
    flags.FLAGS.set_gnu_getopt(True)
    sys.exit(app.run(main))
