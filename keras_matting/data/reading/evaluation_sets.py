"""Test sets composed of foregrounds and backgrounds, as that of Composition-1k.

Each foreground is composed over backgrounds of its own: with 20, foreground i over backgrounds 20 i
to 20 i + 19, giving NAME_0.png to NAME_19.png. Composition-1k's names and their order are those of
its lists, and its images are those of the published script, bit for bit: a background smaller than
the foreground is enlarged with Pillow's bicubic filter, whose fixed-point arithmetic is reproduced
here; then its upper left corner is used. Colours are mixed in double precision and truncated, not
rounded.
"""

import codecs
import math
import os
import shutil
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_matting import image_files
from keras_matting.atomic import exclusive_lock, write_bytes
from keras_matting.data import soft_alphas
from keras_matting.data.reading import files
from keras_matting.progress import track

# published sets: foregrounds, backgrounds for each, and whether lists give their names and order
SETS = {
    "composition1k": dict(foregrounds=50, each=20, lists=True),
    "distinctions646": dict(foregrounds=50, each=20, lists=False),
}
RADIUS = 10  # pixels, of trimaps that are made
BITS = 22  # fractional bits of Pillow's filter weights
REACH = 2  # pixels on either side that a bicubic filter covers


def make(
    foregrounds: str,
    alphas: str,
    backgrounds: str,
    out: str,
    each: int = 20,
    fg_names: str | None = None,
    bg_names: str | None = None,
    trimaps: str | None = None,
) -> int:
    """Write out/merged, out/alpha and out/trimaps; return the number of images.

    `fg_names` and `bg_names` are text files with one name per line; without them all foregrounds
    and as many backgrounds as needed are used, sorted by name. The other arguments are folders.
    Each alpha is copied `each` times, so that files that belong together have the same name.
    Published `trimaps` are copied; otherwise they are made, unknown within 10 pixels of alphas
    between 0 and 255. Existing images are kept, so a killed run resumes. Raises FileNotFoundError
    if a list or folder is missing, and ValueError for missing files (before anything is written),
    files that cannot be decoded, or if another process is writing to `out`.
    """
    names = _lines(fg_names) if fg_names else _sorted_names(foregrounds)
    pictures = _lines(bg_names) if bg_names else _sorted_names(backgrounds)
    needed = each * len(names)
    if len(pictures) != needed if bg_names else len(pictures) < needed:
        raise ValueError(
            f"{bg_names or backgrounds} has {len(pictures)} names and {fg_names or foregrounds} "
            f"{len(names)}: there must be {each} backgrounds for each foreground."
        )
    pictures = pictures[:needed]
    made_of = {name: [f"{Path(name).stem}_{i}.png" for i in range(each)] for name in names}
    wanted = [(alphas, names), (foregrounds, names), (backgrounds, pictures)]
    if trimaps:
        wanted.append((trimaps, [made for name in names for made in made_of[name]]))
    paths = {folder: _by_name(folder) for folder, _ in wanted}
    if not fg_names:  # of another format, perhaps
        paths[alphas] = _of_foregrounds(paths[alphas], names)
    for folder, files_there in wanted:
        missing = [name for name in files_there if name not in paths[folder]]
        if missing:
            files.refuse(folder, [f"{name} is missing (copy it there)" for name in missing])
    for kind in ("merged", "alpha", "trimaps"):
        Path(out, kind).mkdir(parents=True, exist_ok=True)

    def one(number):
        name = names[number]
        foreground = _colours(foregrounds, paths[foregrounds][name])
        alpha_path = Path(alphas, paths[alphas][name])
        alpha = _matte(alphas, paths[alphas][name])
        if foreground.shape[:2] != alpha.shape[:2]:
            files.refuse(alphas, [f"{alpha_path.name} differs in size from its foreground"])
        on = pictures[each * number : each * (number + 1)]
        for made, picture in zip(made_of[name], on, strict=True):
            if alpha_path.suffix.lower() == ".png":
                shutil.copyfile(alpha_path, Path(out, "alpha", made))
            else:
                image_files.write_png(Path(out, "alpha", made), alpha)
            if trimaps:
                trimap = Path(trimaps, paths[trimaps][made])
                shutil.copyfile(trimap, Path(out, "trimaps", made))
            else:
                image_files.write_png(Path(out, "trimaps", made), trimap_of(alpha[..., 0]))
            if not Path(out, "merged", made).is_file():
                background = _colours(backgrounds, paths[backgrounds][picture])
                image = compose(foreground, alpha, background)
                _save(Path(out, "merged", made), image)

    with exclusive_lock(out), ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in track(pool.map(one, range(len(names))), len(names), "foregrounds"):
            pass
    return len(pictures)


def trimap_of(alpha: np.ndarray, radius: float = RADIUS) -> np.ndarray:
    """Return the trimap of uint8 (h, w): foreground and background eroded by `radius` pixels."""
    foreground = ~soft_alphas.grown(alpha < 255, radius)
    background = ~soft_alphas.grown(alpha > 0, radius)
    return np.where(foreground, 255, np.where(background, 0, 128)).astype(np.uint8)


def compose(foreground: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Compose uint8 (h, w, 3) with alpha (h, w, 1) over a background of any size."""
    h, w = foreground.shape[:2]
    bh, bw = background.shape[:2]
    ratio = max(w / bw, h / bh)
    if ratio > 1:
        # in double precision, as published: bw * (w / bw) may exceed w and give one extra pixel
        size = math.ceil(bw * ratio), math.ceil(bh * ratio)
        background = _enlarged(background, *size, w, h)
    share = alpha / 255.0
    return (share * foreground + (1.0 - share) * background[:h, :w]).astype(np.uint8)


def _enlarged(picture, width, height, w, h):
    """Return the upper left w x h of a picture scaled by Pillow's bicubic filter."""
    across = _filtered(picture.swapaxes(0, 1), width, w).swapaxes(0, 1)
    return _filtered(across, height, h)


def _filtered(picture, length, kept):
    """Scale rows to `length` and return the first `kept`, rounded as Pillow does between passes."""
    rows = len(picture)
    centre = (np.arange(kept) + 0.5) * (rows / length)
    first = np.maximum(0, np.trunc(centre - REACH + 0.5)).astype(int)
    end = np.minimum(rows, np.trunc(centre + REACH + 0.5)).astype(int)
    taps = first[:, None] + np.arange(2 * REACH + 1)
    weights = np.where(taps < end[:, None], _bicubic(taps - centre[:, None] + 0.5), 0.0)
    weights = weights / weights.sum(axis=1, keepdims=True) * (1 << BITS)
    weights = np.trunc(weights + np.copysign(0.5, weights)).astype(np.int32)
    taps = np.minimum(taps, rows - 1)
    total = np.full((kept, *picture.shape[1:]), 1 << (BITS - 1), np.int32)
    for tap, weight in zip(taps.T, weights.T, strict=True):
        total += weight[:, None, None] * picture[tap]
    return np.clip(total >> BITS, 0, 255).astype(np.uint8)


def _bicubic(x):
    """Keys' filter with a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _colours(folder, name):
    """Decode RGB as Pillow does: grey repeated, transparency dropped, the accurate integer DCT."""
    path = Path(folder, name)
    _, fault = files.decoded(path, name)
    if fault:
        files.refuse(folder, [fault])
    content = path.read_bytes()
    if content.startswith(b"\xff\xd8"):
        return tf.io.decode_jpeg(content, 3, dct_method="INTEGER_ACCURATE").numpy()
    return tf.io.decode_png(content, 3).numpy()


def _matte(folder, name):
    """Return the first channel, as published."""
    picture, fault = files.decoded(Path(folder, name), name)
    if fault:
        files.refuse(folder, [fault])
    return picture[..., :1]


def _sorted_names(folder):
    """Return the names of a folder's pictures, sorted, in Unicode's composed form."""
    names = [n for n in _by_name(folder) if Path(n).suffix.lower() in files.READABLE]
    if not names:
        raise FileNotFoundError(f"{folder} has no .png, .jpg or .jpeg file: put pictures there.")
    return sorted(names)


def _of_foregrounds(alphas, names):
    """Return {name of a foreground: name of the alpha with its stem}."""
    by_stem = {Path(name).stem: path for name, path in alphas.items()}
    stems = {name: Path(name).stem for name in names}
    return {name: by_stem[stem] for name, stem in stems.items() if stem in by_stem}


def _lines(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} not found: it comes with the dataset, in Test_set.")
    names = [line.strip() for line in _text(Path(path).read_bytes()).splitlines()]
    return [unicodedata.normalize("NFC", name) for name in names if name]


def _text(content):
    """Decode UTF-8, UTF-16 with a byte order mark, or else Latin-1."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _by_name(folder):
    """Return {name in Unicode's composed form: name} of the files in a folder."""
    if not Path(folder).is_dir():
        return {}
    files_there = [path.name for path in Path(folder).iterdir() if path.is_file()]
    return {unicodedata.normalize("NFC", name): name for name in files_there}


def _save(path, image):
    write_bytes(path, cv2.imencode(".png", image[..., ::-1])[1].tobytes())
