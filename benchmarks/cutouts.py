"""Time cut-outs of large photographs: `keras-matting predict` and the same steps by other packages.

    python -m benchmarks.cutouts
    python -m benchmarks.cutouts PHOTOGRAPHS --network portrait --rounds 5

PHOTOGRAPHS is a folder; by default, two of scikit-image's photographs are enlarged to 12
megapixels, with noise of 2 levels as a camera has it, and saved as JPEG three times each. Both ways
read the files, run the same .tflite file and write alpha and a cut-out with estimated foreground
colours as PNG. The other way is what rembg does, plainly: Pillow reads, resizes and writes, and
pymatting estimates the colours. (rembg's option to solve for a closed-form alpha is left out, and
the matte's edges are not refined, as `predict` does.)

The ways take turns, after one that does not count. Prints the seconds per photograph of each round,
their medians and the ratio.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pymatting
import skimage
from absl import app, flags
from PIL import Image, ImageOps

from keras_matting.image_files import find_pictures, read_photograph
from keras_matting.inference import load
from keras_matting.inference.folders import predict

FLAGS = flags.FLAGS
LONG, SHORT = 4000, 3000  # pixels


def by_predict(model, paths, folder):
    if problems := predict(paths, folder, model):
        raise ValueError("\n".join(problems))


def by_other_packages(model, paths, folder):
    for path in paths:
        with Image.open(path) as file:
            photograph = ImageOps.exif_transpose(file).convert("RGB")
        small = photograph.resize(model.input_size[::-1], Image.Resampling.LANCZOS)
        matte = Image.fromarray(in_bytes(model({"image": np.asarray(small) / np.float32(255)})))
        matte = matte.resize(photograph.size, Image.Resampling.LANCZOS)
        colours = pymatting.estimate_foreground_ml(
            np.asarray(photograph) / 255.0, np.asarray(matte) / 255.0
        )
        cutout = Image.fromarray(in_bytes(colours))
        cutout.putalpha(matte)
        matte.save(folder / f"{path.stem}_alpha.png")
        cutout.save(folder / f"{path.stem}_cutout.png")


WAYS = {"predict": by_predict, "Pillow + pymatting": by_other_packages}


def in_bytes(x):
    return np.rint(255.0 * np.clip(x, 0.0, 1.0)).astype(np.uint8)


def made(folder, copies=3):
    """Write photographs of 12 megapixels to `folder` and return their paths."""
    paths = []
    for name, size in (("astronaut", (SHORT, LONG)), ("coffee", (LONG, SHORT))):
        picture = read_photograph(Path(skimage.__path__[0], "data", f"{name}.png"))
        large = ImageOps.fit(Image.fromarray(picture), size, Image.Resampling.BICUBIC)
        noise = np.random.default_rng(0).normal(0.0, 2.0, (*size[::-1], 3)).astype(np.float32)
        noisy = np.clip(np.rint(np.asarray(large) + noise), 0, 255).astype(np.uint8)
        for copy in range(copies):
            paths.append(folder / f"{name}{copy}.jpg")
            quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
            cv2.imwrite(str(paths[-1]), cv2.cvtColor(noisy, cv2.COLOR_RGB2BGR), quality)
    return paths


def main(argv):
    if len(argv) > 2:
        raise app.UsageError("specify one folder of photographs")
    with tempfile.TemporaryDirectory() as photographs, tempfile.TemporaryDirectory() as results:
        given = len(argv) > 1
        paths = list(find_pictures(argv[1]).values()) if given else made(Path(photographs))
        model = load(FLAGS.network, FLAGS.file_format)
        seconds = {name: [] for name in WAYS}
        for turn in range(FLAGS.rounds + 1):
            for name, way in WAYS.items():
                start = time.perf_counter()
                way(model, paths if turn else paths[:1], Path(results))
                if turn:
                    seconds[name].append((time.perf_counter() - start) / len(paths))
    medians = {name: np.median(found) for name, found in seconds.items()}
    print(f"{len(paths)} photographs, {model.name}; seconds per photograph:")
    for name, found in seconds.items():
        rounds = " ".join(f"{each:.2f}" for each in found)
        print(f"{name:20s} {medians[name]:6.2f}   ({rounds})")
    ours, others = medians.values()
    print(f"{'ratio':20s} {others / ours:6.2f}")


if __name__ == "__main__":
    flags.DEFINE_string("network", "portrait", "Name of a network for photographs that ships.")
    flags.DEFINE_string("file_format", "int8", "Format of its .tflite file: float16 or int8.")
    flags.DEFINE_integer("rounds", 3, "Turns of each way that count.", lower_bound=1)
    flags.FLAGS.set_gnu_getopt(True)
    sys.exit(app.run(main))
