"""Denoised copies of a folder of pictures, which GFM's RSSN composition mixes with the originals.

    denoise("AM-2k/train/fg", "AM-2k/train/fg_denoise")

The release uses BM3D, whose implementation may not be used commercially; here it is OpenCV's
non-local means.
"""

import functools
import os
from pathlib import Path

import cv2

from keras_matting import image_files
from keras_matting.atomic import exclusive_lock
from keras_matting.data.refinement import mapped, write_jpeg
from keras_matting.progress import show_progress

PATCH, WINDOW = 7, 21  # pixels


def denoise(
    images: str, out: str, strength: float = 5.0, processes: int | None = None
) -> list[str]:
    """Write each picture of a folder, denoised, under its name to `out`, as PNG or else as JPEG.

    `strength` is about the standard deviation of the noise in levels of 255. Existing results are
    kept, so that an interrupted call can be repeated. Returns a sentence for each picture that
    cannot be read. Raises FileNotFoundError or ValueError as `image_files.find_pictures`.
    """
    pictures, out = list(image_files.find_pictures(images).values()), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    work = functools.partial(_denoised, out=out, strength=strength)
    problems = []
    with exclusive_lock(out):
        for done, problem in enumerate(mapped(work, pictures, processes or os.cpu_count()), 1):
            show_progress(done, len(pictures), pictures[done - 1].name)
            if problem:
                problems.append(problem)
    return problems


def _denoised(path, out, strength):
    """Write one picture; return why it is skipped, or None."""
    is_png = path.suffix.lower() == ".png"
    made = out / f"{path.stem}{'.png' if is_png else '.jpg'}"
    if made.exists():
        return None
    cv2.setNumThreads(1)
    try:
        image = image_files.read_photograph(path)
    except ValueError as error:
        return str(error)
    clean = cv2.fastNlMeansDenoisingColored(image, None, strength, strength, PATCH, WINDOW)
    if is_png:
        image_files.write_png(made, clean[..., ::-1])
    else:
        write_jpeg(made, clean)
    return None
