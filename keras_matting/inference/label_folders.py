"""Predict label maps of photographs and write them as image files."""

from pathlib import Path

import cv2

from keras_matting import image_files
from keras_matting.atomic import write_bytes
from keras_matting.inference import labels as label_maps
from keras_matting.inference.folders import find_photographs
from keras_matting.progress import show_progress


def predict(sources, target, model, *, recursive=False, skip_existing=False) -> list[str]:
    """Write <name>_labels.png, with a palette, and <name>_overlay.png for each photograph.

    Shows progress on stderr. Arguments and errors are those of `folders.predict`; `model` has
    classes. Returns a line per photograph that cannot be read.
    """
    photographs, _ = find_photographs(sources, target, recursive)
    colours = label_maps.palette(model.output["semantic"].shape[-1])
    problems = []
    for done, (key, path) in enumerate(photographs.items(), 1):
        show_progress(done, len(photographs), Path(path).name)
        made, overlay = (Path(target, f"{key}_{kind}.png") for kind in ("labels", "overlay"))
        if skip_existing and made.exists() and overlay.exists():
            continue
        try:
            image = image_files.read_photograph(path)
        except ValueError as error:
            problems.append(str(error))
            continue
        labels = label_maps.predict_labels(model, image)
        made.parent.mkdir(parents=True, exist_ok=True)
        shown = label_maps.overlay(image, labels, colours)
        write_bytes(overlay, cv2.imencode(".png", shown[..., ::-1])[1].tobytes())
        write_bytes(made, label_maps.encoded(labels, colours))
    return problems
