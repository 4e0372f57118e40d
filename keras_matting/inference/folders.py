"""Matte a folder of photographs and write the results as image files."""

import logging
from pathlib import Path

import numpy as np

from keras_matting.image_files import (
    READERS,
    by_stem,
    find_pictures,
    read_photograph,
    write_png,
)
from keras_matting.inference.predict import check_call, predict_alpha
from keras_matting.progress import show_progress


def predict(source, target, model, reference_size=None, **others):
    """Matte a photograph or a folder of photographs and write the results to a folder.

    Shows progress on stderr.

    Args:
        source: an image file or a folder of image files.
        target: folder for <name>_alpha.png and <name>_cutout.png.
        model, reference_size: as for `predict_alpha`.
        others: `trimap` or `background`, a file for all photographs or a folder with one for each,
            matched by name.

    Returns:
        A list with one line per photograph that could not be matted.

    Raises:
        ValueError, OSError: a source is not a photograph, or an input is missing. Nothing has been
            written then.
    """
    check_call(model, others, reference_size)
    photographs = find_photographs(source, target)
    partners = {kind: _partners(kind, path, photographs) for kind, path in others.items()}
    Path(target).mkdir(parents=True, exist_ok=True)
    problems, said = [], set()
    for done, (stem, path) in enumerate(photographs.items()):
        show_progress(done, len(photographs), path.name)
        notes = []
        try:
            files = {kind: found[stem] for kind, found in partners.items()}
            image, alpha = matte_photograph(model, path, reference_size, notes, **files)
        except ValueError as error:
            problems.append(str(error))
            continue
        for note in notes:
            if note not in said:  # one trimap may serve all photographs
                logging.getLogger(__name__).warning(note)
        said.update(notes)
        write_png(Path(target) / f"{stem}_alpha.png", alpha)
        write_png(Path(target) / f"{stem}_cutout.png", np.dstack([image[..., ::-1], alpha]))
    show_progress(len(photographs), len(photographs), "done")
    return problems


def matte_photograph(model, path, reference_size=None, notes=None, **others):
    """Read a photograph and return it, uint8 RGB (H, W, 3), with its alpha, uint8 (H, W).

    `others` are files of further inputs; what the readers say of them is appended to the list
    `notes`. Raises ValueError, with a message that starts with a
    file's name, if the photograph cannot be matted.
    """
    image = read_photograph(path)
    inputs = {kind: READERS[kind](other, notes) for kind, other in others.items()}
    try:
        alpha = predict_alpha(model, image, reference_size, **inputs)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return image, np.rint(255.0 * alpha).astype(np.uint8)


def find_photographs(source, target):
    """Return {stem: path} of the photographs at `source`, a file or a folder, sorted by name.

    Raises FileNotFoundError, NotADirectoryError or ValueError that lists all problems.
    """
    source, target = Path(source), Path(target)
    if not source.exists():
        raise FileNotFoundError(f"photograph or folder not found: {source}")
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; specify a folder for the results")
    folder = source if source.is_dir() else source.parent
    if folder.resolve() == target.resolve():
        raise ValueError(f"{target} contains the photographs; use another folder for the results")
    if source.is_dir():
        return find_pictures(source, apart_from=target)
    return by_stem([source], folder)


def _partners(kind, path, photographs):
    """Return {stem: path} of each photograph's trimap or background."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{kind} not found: {path}")
    if path.is_file():
        return dict.fromkeys(photographs, path)
    found = find_pictures(path)
    if missing := [
        photograph.name for stem, photograph in photographs.items() if stem not in found
    ]:
        raise ValueError(f"{path}: no {kind} for {', '.join(missing)}; add it")
    return found
