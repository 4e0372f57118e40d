"""Draw photographs, their alphas and their cut-outs over another background side by side.

    python recipes/contact_sheet.py PHOTOGRAPHS MATTES OUT.jpg

MATTES is what `keras-matting predict PHOTOGRAPHS MATTES` wrote.
"""

from pathlib import Path
import sys

from absl import app
import cv2
from keras_matting import image_files, photograph_files
from keras_matting.atomic import replacing
import numpy as np

HEIGHT = 320  # pixels
TOP, BOTTOM = np.array([236, 222, 204.0]), np.array([120, 150, 178.0])  # of the new background


def main(argv):
    if len(argv) != 4:
        raise app.UsageError("specify PHOTOGRAPHS, MATTES and the picture to write")
    photographs, mattes, out = map(Path, argv[1:])
    rows = []
    for stem, path in image_files.find_pictures(photographs).items():
        image = image_files.read_photograph(path)
        cutout = photograph_files.read(mattes / f"{stem}_cutout.png")
        alpha = cutout.alpha[..., None] / 255.0
        fade = np.linspace(0.0, 1.0, len(image))[:, None, None]
        background = (1.0 - fade) * TOP + fade * BOTTOM
        composite = alpha * cutout.pixels + (1.0 - alpha) * background
        views = [image, np.repeat(255.0 * alpha, 3, axis=-1), composite]
        rows.append(np.hstack([_scaled(view) for view in views]))
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(r, ((0, 8), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in rows]
    with replacing(out) as temporary:
        cv2.imwrite(str(temporary), np.vstack(rows)[..., ::-1])


def _scaled(view):
    width = round(view.shape[1] * HEIGHT / view.shape[0])
    return cv2.resize(view.astype(np.uint8), (width, HEIGHT), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    sys.exit(app.run(main))
