"""Scoring of label maps for `evaluate --labels`."""

from pathlib import Path

import numpy as np

from keras_matting import image_files
from keras_matting.atomic import write_bytes
from keras_matting.inference import labels as label_maps
from keras_matting.metrics.segmentation import IGNORED, Scores, score
from keras_matting.progress import show_progress

CITYSCAPES = "cityscapes:"
SEEN = (512, 1024)  # height and width at which networks see Cityscapes
PREDICTED = "_labels"  # what `predict` appends to names


def score_folder(prediction: str, labels: str) -> Scores:
    """Score a folder of label maps, <name>.png or <name>_labels.png as `predict` writes them.

    `labels` is a folder of true label maps, <name>.png, or cityscapes:FOLDER, of which the
    validation set is read. Raises ValueError or OSError if a file is missing or has no label map's
    values.
    """
    found = image_files.find_pictures(prediction)
    if any(stem.endswith(PREDICTED) for stem in found):  # beside them are overlays
        found = {
            stem.removesuffix(PREDICTED): path
            for stem, path in found.items()
            if stem.endswith(PREDICTED)
        }
    true = {name: (path, read) for name, (_, path, read) in _true(labels).items()}
    _check_names(prediction, found, true)
    maps = (
        (image_files.read_labels(found[name]), read(path)) for name, (path, read) in true.items()
    )
    if labels.startswith(CITYSCAPES):
        return score(_shown(maps, len(true)), list(label_maps.CITYSCAPES))
    maps = list(maps)
    known = [pair[i][pair[1] != IGNORED] for pair in maps for i in (0, 1)]
    count = 1 + max(int(labels.max(initial=0)) for labels in known)
    return score(_shown(maps, len(true)), _names(count))


def score_model(model, labels: str, images: str | None, save: str | None = None) -> Scores:
    """Predict the label map of each image of a folder and score it.

    For cityscapes:FOLDER, `images` are its own, which the network sees at 1024x512. Label maps are
    written to the folder `save`, as by `predict`. Raises as `score_folder`.
    """
    if not label_maps.has_classes(model):
        raise ValueError("--labels needs a network with more than two classes, such as bisenetv2")
    names = _names(model.output["semantic"].shape[-1])
    true, size = _true(labels), None
    if labels.startswith(CITYSCAPES):
        if images:
            raise ValueError(f"{labels} has images of its own; leave out --image")
        if names != list(label_maps.CITYSCAPES):
            raise ValueError(f"Cityscapes has 19 classes, but the network {len(names)}")
        pictures, size = {name: path for name, (path, _, _) in true.items()}, SEEN
    elif not images:
        raise ValueError("specify --image, the folder of photographs")
    else:
        pictures = image_files.find_pictures(images)
        _check_names(images, pictures, true)
    if save:
        Path(save).mkdir(parents=True, exist_ok=True)

    def maps():
        for name, (_, path, read) in true.items():
            image = image_files.read_photograph(pictures[name])
            found = label_maps.predict_labels(model, image, size)
            if save:
                content = label_maps.encoded(found, label_maps.palette(len(names)))
                write_bytes(Path(save, f"{name}{PREDICTED}.png"), content)
            yield found, read(path)

    return score(_shown(maps(), len(true)), names)


def _true(labels):
    """Return {name: (image or None, path of the label map, its reader)}."""
    if not labels.startswith(CITYSCAPES):
        paths = image_files.find_pictures(labels)
        return {name: (None, path, image_files.read_labels) for name, path in paths.items()}
    from keras_matting.data.reading import datasets, files  # imports TensorFlow

    trained = np.full(256, IGNORED, np.uint8)
    trained[list(files.TRAINED_LABELS)] = range(len(files.TRAINED_LABELS))

    def read(path):
        return trained[image_files.read_matte(path)]

    samples = datasets.find("cityscapes", labels.removeprefix(CITYSCAPES), "validation")
    return {s["image"].stem: (s["image"], s["label_ids"], read) for s in samples}


def _check_names(folder, found, true):
    """Raise ValueError that names the files that `folder` lacks."""
    if missing := [name for name in true if name not in found]:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" * (len(missing) > 5))
        raise ValueError(f"{folder} has no file for {listed}; add it, or remove the label map")


def _names(count):
    known = list(label_maps.CITYSCAPES)
    return known if count == len(known) else [str(number) for number in range(count)]


def _shown(pairs, count):
    for done, pair in enumerate(pairs, 1):
        show_progress(done, count, "scored")
        yield pair
