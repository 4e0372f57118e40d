"""Soft alphas and foreground colours for folders of photographs with masks or with alpha mattes.

    refine("people/image", "people/labels", "people_refined", foreground=(1, 58), hair=19)
    estimate_foregrounds("portraits/image", "portraits/alpha", "portraits_with_colours")

write `image/`, `alpha/`, `foreground/` and `background/` with one file per photograph, a folder for
--foregrounds of the recipes, and `contact_sheet.jpg` for inspection.
"""

import functools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from keras_matting import image_files
from keras_matting.atomic import exclusive_lock, write_bytes
from keras_matting.data import soft_alphas
from keras_matting.progress import show_progress

DOUBTFUL = 0.12  # fraction of the mask's area on which mask and teacher may disagree
NEAR_END = 6  # levels from 0 and 255 that a network's mattes have in place of these
JPEG_QUALITY = 95
FOLDERS = ("image", "alpha", "foreground", "background")
CELL, COLUMNS, SHOWN = 192, 6, 60  # of the contact sheet: pixels, pictures in a row and in all
BACKDROP = (60, 200, 60)


def refine(
    images: str,
    masks: str | None,
    out: str,
    foreground: tuple[int, int] = (128, 255),
    hair: int | None = None,
    teacher: str | None = None,
    processes: int | None = None,
) -> list[str]:
    """Write the folder `out`; return a sentence for each photograph that was skipped.

    A mask is an 8-bit picture with the photograph's name, greyscale or label numbers with a
    palette; `foreground` is the range of its values that are the figure, `hair` the value around
    which the unknown band is wider. `teacher` is a .tflite segmentation network (RGB in [0, 1] of a
    fixed size -> probability), such as MediaPipe's selfie segmentation. Without `masks` it makes
    them; with `masks`, photographs are skipped if the two disagree on more than an eighth of the
    figure. A second call continues where the first was interrupted. Raises ValueError or OSError,
    before anything is written, if the folders do not match.
    """
    if masks is None and teacher is None:
        raise ValueError("specify masks, or a teacher to make them.")
    photographs = image_files.find_pictures(images)
    jobs = _jobs(photographs, masks) if masks else [(path, None) for path in photographs.values()]
    refined = functools.partial(
        _refined, out=Path(out), foreground=foreground, hair=hair, teacher=teacher
    )
    return _all(refined, jobs, Path(out), processes)


def estimate_foregrounds(
    images: str, alphas: str, out: str, processes: int | None = None
) -> list[str]:
    """Write the folder `out` of photographs with alpha mattes, and both layers' estimated colours.

    Mattes are 8-bit pictures with the photographs' names. They are kept, except that values which
    networks give in place of 0 and 255 become these. Returns, raises and continues like `refine`.
    """
    jobs = _jobs(image_files.find_pictures(images), alphas)
    return _all(functools.partial(_with_colours, out=Path(out)), jobs, Path(out), processes)


def _jobs(photographs, masks):
    """Return [(photograph, mask)], matched by name; ValueError if there is none for some."""
    found = image_files.find_pictures(masks)
    if missing := [path.name for stem, path in photographs.items() if stem not in found]:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" * (len(missing) > 5))
        raise ValueError(f"{masks} has no mask for {listed}; add it, or remove the photograph.")
    return [(path, found[stem]) for stem, path in photographs.items()]


def _all(work, jobs, out, processes):
    """Call `work` for each job in parallel; return its sentences about those that were skipped."""
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    problems = []
    with exclusive_lock(out):
        for done, problem in enumerate(mapped(work, jobs, processes or os.cpu_count()), 1):
            show_progress(done, len(jobs), jobs[done - 1][0].name)
            if problem:
                problems.append(problem)
        _contact_sheet(out)
    return problems


def mapped(function, jobs, processes):
    """Yield function(job) for each job in order, by several processes."""
    if processes == 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("spawn")  # a forked process may hang in OpenCV's threads
    with ProcessPoolExecutor(processes, context) as pool:
        yield from pool.map(function, jobs)


def _refined(job, out, foreground, hair, teacher):
    """Write the files of one photograph; return why it is skipped, or None."""
    path, mask_path = job
    if (out / FOLDERS[-1] / f"{path.stem}.jpg").exists():
        return None
    cv2.setNumThreads(1)
    try:
        image = image_files.read_photograph(path)
        labels = image_files.read_labels(mask_path) if mask_path else None
    except ValueError as error:
        return str(error)
    if labels is not None and labels.shape != image.shape[:2]:
        return f"{mask_path}: differs in size from {path.name}."
    guess = segmenter(teacher)(image) if teacher else None
    if labels is None:
        mask = guess
    else:
        mask = ((labels >= foreground[0]) & (labels <= foreground[1])).astype(np.float32)
    if not (mask > 0.5).any():
        return f"{path}: its mask is empty."
    if labels is not None and guess is not None:
        disagreement = soft_alphas.disagreement(mask, guess)
        if disagreement > DOUBTFUL:
            return f"{path}: mask and teacher disagree on {disagreement:.0%} of the figure."
    alpha = soft_alphas.soft_alpha(image, mask, None if hair is None else labels == hair)
    _write(out, path.stem, image, np.rint(255.0 * alpha).astype(np.uint8))
    return None


def _with_colours(job, out):
    """Write the files of one photograph; return why it is skipped, or None."""
    path, alpha_path = job
    if (out / FOLDERS[-1] / f"{path.stem}.jpg").exists():
        return None
    cv2.setNumThreads(1)
    try:
        image, alpha = image_files.read_photograph(path), image_files.read_matte(alpha_path)
    except ValueError as error:
        return str(error)
    if alpha.shape != image.shape[:2]:
        return f"{alpha_path}: differs in size from {path.name}."
    alpha = np.where(alpha < NEAR_END, 0, np.where(alpha > 255 - NEAR_END, 255, alpha))
    _write(out, path.stem, image, alpha.astype(np.uint8))
    return None


def _write(out, stem, image, alpha):
    foreground, background = soft_alphas.layer_colours(image, alpha / 255.0)
    image_files.write_png(out / "alpha" / f"{stem}.png", alpha)
    write_jpeg(out / "image" / f"{stem}.jpg", image)
    write_jpeg(out / "foreground" / f"{stem}.jpg", foreground)
    write_jpeg(out / "background" / f"{stem}.jpg", background)  # last, which marks it as done


@functools.cache
def segmenter(path):
    """Return a function image uint8 (H, W, 3) -> probability of the foreground float32 (H, W).

    The .tflite network at `path` takes RGB in [0, 1] of a fixed size; its results on the image and
    its mirror image are averaged.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    height, width = source["shape"][1:3]

    def probabilities(image):
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        small = small.astype(np.float32)[None] / 255.0
        found = 0.0
        for mirror in (1, -1):
            interpreter.set_tensor(source["index"], np.ascontiguousarray(small[:, :, ::mirror]))
            interpreter.invoke()
            found += 0.5 * interpreter.get_tensor(target["index"])[0, :, ::mirror, 0]
        return cv2.resize(found, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    return probabilities


def write_jpeg(path, image):
    """Write uint8 RGB (H, W, 3) atomically, at a quality of 95."""
    encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    write_bytes(path, encoded.tobytes())


def _contact_sheet(out):
    """Write photographs, evenly sampled from the folder, next to their figures over green."""
    paths = sorted((out / "alpha").glob("*.png"))
    paths = paths[:: max(1, -(-len(paths) // SHOWN))]
    cells = []
    for path in paths:
        alpha = image_files.read_matte(path)[..., None] / 255.0
        image, colours = (
            image_files.read_photograph(out / folder / f"{path.stem}.jpg")
            for folder in ("image", "foreground")
        )
        cells.append(_cell(image))
        cells.append(_cell((alpha * colours + (1.0 - alpha) * BACKDROP).astype(np.uint8)))
    if not cells:
        return
    per_row = 2 * COLUMNS
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % per_row)
    rows = [np.hstack(cells[i : i + per_row]) for i in range(0, len(cells), per_row)]
    write_jpeg(out / "contact_sheet.jpg", np.vstack(rows))


def _cell(image):
    scale = CELL / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    cell = np.full((CELL, CELL, 3), 255, np.uint8)
    cell[: size[1], : size[0]] = small
    return cell
