"""Compare a trimap-based network with closed-form matting (pymatting) on photographs with alphas.

    python -m benchmarks.closed_form PHOTOS --model dim_mobilenetv2_mobile --weights W.weights.h5

Each PHOTOS is a folder that contains `image/` and `alpha/`. Trimaps are made from the alphas, with
radii of 10, 20 and 40 pixels, except where one would leave no foreground or no background. Prints
the mean SAD of both over unknown pixels, per folder and radius. Closed-form matting takes up to a
minute per photograph; its mattes are saved to --cache.
"""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
from absl import app, flags

from benchmarks.photographs import photographs, snapped
from keras_matting import image_files
from keras_matting.commands import model_flags
from keras_matting.inference import predict_alpha
from keras_matting.metrics import sad
from keras_matting.progress import show_progress

FLAGS = flags.FLAGS


def trimap_of(alpha, radius):
    """Return a uint8 trimap, known where alpha is 0, or is 255, everywhere within `radius`."""
    far = [
        cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > radius
        for region in (alpha == 255, alpha == 0)
    ]
    return np.where(far[0], 255, np.where(far[1], 0, 128)).astype(np.uint8)


def closed_form(image, trimap, kept):
    """Return closed-form matting's uint8 alpha, cached in the file `kept`."""
    if kept.exists():
        return image_files.read_matte(kept)
    import pymatting

    values = np.select([trimap == 0, trimap == 255], [0.0, 1.0], 0.5)
    alpha = pymatting.estimate_alpha_cf(image / 255.0, values)
    alpha = np.rint(255.0 * np.clip(alpha, 0.0, 1.0)).astype(np.uint8)
    kept.parent.mkdir(parents=True, exist_ok=True)
    image_files.write_png(kept, alpha)
    return alpha


def measure(model, folders, radii, cache):
    """Return a row per photograph and radius: folder, radius, image and SAD of each method.

    `model` may be None. Closed-form mattes are kept in the folder `cache`.
    """
    jobs = []
    for folder in map(Path, folders):
        jobs += [(folder, radius, *files) for files in photographs(folder) for radius in radii]
    rows = []
    for done, (folder, radius, stem, path, alpha_path) in enumerate(jobs, 1):
        image = image_files.read_photograph(path)
        alpha = snapped(image_files.read_matte(alpha_path))
        trimap = trimap_of(alpha, radius)
        if not {0, 255} <= set(np.unique(trimap)):
            continue
        kept = Path(cache, folder.name, f"{stem}_{radius}.png")
        row = {"closed-form": sad(closed_form(image, trimap, kept), alpha, trimap)}
        if model is not None:
            row["network"] = sad(
                np.rint(255.0 * predict_alpha(model, image, trimap=trimap)).astype(np.uint8),
                alpha,
                trimap,
            )
        rows.append({"folder": folder.name, "radius": radius, "image": stem} | row)
        show_progress(done, len(jobs), stem)
    return rows


def means(rows):
    """Return {(folder, radius) or ("all", "-"): {method: mean SAD}}."""
    of = {}
    for row in sorted(rows, key=lambda row: (row["folder"], row["radius"])):
        of.setdefault((row["folder"], row["radius"]), []).append(row)
    of["all", "-"] = rows
    methods = [key for key in rows[0] if key not in ("folder", "radius", "image")]
    return {
        group: {method: np.mean([row[method] for row in own]) for method in methods}
        for group, own in of.items()
    }


def main(argv):
    named = FLAGS.network or FLAGS.model or FLAGS.tflite
    model = model_flags.load_model(FLAGS) if named else None
    rows = measure(model, argv[1:], [int(radius) for radius in FLAGS.radii], FLAGS.cache)
    if not rows:
        raise app.UsageError("specify folders that contain image/ and alpha/")
    table = means(rows)
    print("folder radius", *table["all", "-"])
    for group, values in table.items():
        print(*group, *(f"{value:.3f}" for value in values.values()))
    if FLAGS.csv:
        with open(FLAGS.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    model_flags.define_model_flags()
    flags.DEFINE_list("radii", ["10", "20", "40"], "Radii of the trimaps, pixels.")
    flags.DEFINE_string("cache", "build/closed_form", "Folder of closed-form mattes.")
    flags.DEFINE_string("csv", None, "Write the SAD of each photograph to this CSV file.")
    flags.FLAGS.set_gnu_getopt(True)
    sys.exit(app.run(main))
