"""Folders of pictures as Sources: cut-outs, foreground and alpha pairs, backgrounds, photographs.

    rgba("cutouts")                     cutouts/anna.png ...                     (colour + alpha)
    foreground_alpha("adobe")           adobe/foreground/a.jpg + adobe/alpha/a.png
    backgrounds("bg20k")                bg20k/street.jpg ...
    images("photographs")               photographs/me.jpg ...                   (no alpha known)

Folders are flat, files are .png, .jpg or .jpeg and are taken in the order of their names; hidden
files and files that are no pictures are passed over. Every file is decoded once when a reader is
made, so that a bad one is named then and not after hours of training; `verify=False` skips this
for a folder that has passed before. Palettes are resolved, an EXIF orientation is not applied.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_matting.data.source import Source

READABLE = (".png", ".jpg", ".jpeg")
OTHER_PICTURES = (".avif", ".bmp", ".exr", ".gif", ".heic", ".jp2", ".tif", ".tiff", ".webp")
NAMED_AT_MOST = 10
QUIET_SECONDS = 2.0


def rgba(directory: str, verify: bool = True) -> Source:
    """Cut-outs with an alpha channel (8-bit RGBA, or a palette with transparency).

    Raises FileNotFoundError for a missing or empty folder, ValueError naming every bad file.
    """
    paths = _pictures(directory)
    if verify:
        _verify(directory, paths, _cutout_fault)
    load_picture = _loader(paths, channels=4)

    def load(index):
        picture = load_picture(index)
        return {"foreground": picture[..., :3], "alpha": picture[..., 3:]}

    return Source(len(paths), load)


def foreground_alpha(directory: str, verify: bool = True) -> Source:
    """Colour in `foreground/`, matte in `alpha/`, partners share their name up to the extension.

    The foreground is RGB; the alpha is greyscale, or RGB with three equal channels, and of the
    foreground's size. Raises as `rgba`.
    """
    pairs = _pairs(directory)
    if verify:
        _verify(directory, pairs, _pair_fault)
    load_foreground = _loader([foreground for foreground, _ in pairs], channels=3)
    load_alpha = _loader([alpha for _, alpha in pairs], channels=1)

    def load(index):
        return {"foreground": load_foreground(index), "alpha": load_alpha(index)}

    return Source(len(pairs), load)


def backgrounds(directory: str, verify: bool = True) -> Source:
    """Pictures without transparency, RGB or greyscale. Raises as `rgba`."""
    return _opaque(directory, "background", verify)


def images(directory: str, verify: bool = True) -> Source:
    """Photographs to adapt to without labels, RGB or greyscale. Raises as `rgba`."""
    return _opaque(directory, "image", verify)


def _opaque(directory, key, verify):
    paths = _pictures(directory)
    if verify:
        _verify(directory, paths, _opaque_fault)
    load_picture = _loader(paths, channels=3)
    return Source(len(paths), lambda index: {key: load_picture(index)})


def _loader(paths, channels):
    names = tf.constant([os.fsencode(path) for path in paths])

    def load(index):
        # decode_png goes by content and reads JPEG too; decode_image would lose the static rank.
        return tf.io.decode_png(tf.io.read_file(tf.gather(names, index)), channels)

    return load


def _pictures(directory):
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: check the path or create it.")
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    foreign = [path for path in files if path.suffix.lower() in OTHER_PICTURES]
    if foreign:
        remedy = "is in a format that is not read (convert it to PNG or JPEG, or remove it)"
        _refuse(folder, [f"{path.name} {remedy}" for path in foreign])
    pictures = [path for path in files if path.suffix.lower() in READABLE]
    if not pictures:
        raise FileNotFoundError(f"{folder} holds no .png, .jpg or .jpeg file: put pictures there.")
    return pictures


def _pairs(directory):
    stems, faults = [], []
    for kind in ("foreground", "alpha"):
        by_stem = {}
        for path in _pictures(Path(directory, kind)):
            twin = by_stem.setdefault(path.stem, path)
            if twin is not path:
                faults.append(f"{kind}/{path.name} has the stem of {twin.name} (rename one)")
        stems.append(by_stem)
    foregrounds, alphas = stems
    for kind, other, mine, theirs in (
        ("foreground", "alpha", foregrounds, alphas),
        ("alpha", "foreground", alphas, foregrounds),
    ):
        remedy = f"has no partner in {other}/ (add it, or remove the file)"
        faults += [f"{kind}/{mine[s].name} {remedy}" for s in sorted(mine.keys() - theirs.keys())]
    if faults:
        _refuse(directory, faults)
    return [(foregrounds[stem], alphas[stem]) for stem in sorted(foregrounds)]


def _verify(directory, items, fault_of):
    started, shown = time.monotonic(), False
    faults = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, fault in enumerate(pool.map(fault_of, items), 1):
            if fault:
                faults.append(fault)
            if time.monotonic() - started > QUIET_SECONDS:
                print(f"\rchecking {directory}: {done}/{len(items)}", end="", file=sys.stderr)
                shown = True
    if shown:
        print(file=sys.stderr)
    if faults:
        _refuse(directory, faults)


def _refuse(directory, faults):
    named = "; ".join(faults[:NAMED_AT_MOST])
    rest = len(faults) - NAMED_AT_MOST
    more = f"; and {rest} more" if rest > 0 else ""
    raise ValueError(f"{directory} cannot be used as it is: {named}{more}.")


def _cutout_fault(path):
    picture, fault = _decode(path)
    if fault:
        return fault
    if picture.shape[-1] != 4:
        return f"{path.name} is not RGBA but {_mode(picture)} (save the cut-out with its alpha)"
    return _alpha_fault(path.name, picture[..., 3])


def _pair_fault(pair):
    foreground_path, alpha_path = pair
    foreground, fault = _decode(foreground_path, "foreground/")
    if fault:
        return fault
    if foreground.shape[-1] != 3:
        mode = _mode(foreground)
        return f"foreground/{foreground_path.name} is not RGB but {mode} (save it as RGB)"
    alpha, fault = _decode(alpha_path, "alpha/")
    if fault:
        return fault
    name = f"alpha/{alpha_path.name}"
    grey = alpha.shape[-1] == 1 or (alpha.shape[-1] == 3 and np.ptp(alpha, axis=-1).max() == 0)
    if not grey:
        return f"{name} is not greyscale but {_mode(alpha)} (save it as greyscale)"
    if alpha.shape[:2] != foreground.shape[:2]:
        (h, w), (fh, fw) = alpha.shape[:2], foreground.shape[:2]
        return f"{name} is {w}x{h} and its foreground {fw}x{fh} (make them one size)"
    return _alpha_fault(name, alpha)


def _opaque_fault(path):
    picture, fault = _decode(path)
    if fault:
        return fault
    if picture.shape[-1] in (2, 4):
        return f"{path.name} has an alpha channel (save it without, or remove it)"
    return None


def _alpha_fault(name, alpha):
    if alpha.min() == alpha.max():
        return f"{name} has the same alpha {alpha.max()} everywhere (mask it, or remove it)"
    return None


def _decode(path, folder=""):
    """-> (uint8 (h, w, 1 | 2 | 3 | 4), None) or (None, what is wrong with the file)."""
    name = folder + path.name
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, f"{name} cannot be read, {error.strerror} (check its permissions)"
    if not content:
        return None, f"{name} is empty (copy it again, or remove it)"
    if content.startswith(b"\x89PNG"):
        if len(content) > 24 and content[24] == 16:
            return None, f"{name} has 16 bits per channel (save it with 8)"
    elif content.startswith(b"\xff\xd8"):
        if _jpeg_channels(content) == 4:
            return None, f"{name} is CMYK (save it as RGB)"
    else:
        return None, f"{name} is neither PNG nor JPEG inside (convert it, or remove it)"
    try:
        return tf.io.decode_png(content).numpy(), None
    except tf.errors.InvalidArgumentError:
        return None, f"{name} is truncated or corrupt (copy it again, or remove it)"


def _jpeg_channels(content):
    """Number of components in the first frame header (0 if none is found)."""
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return content[at + 9]
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return 0


def _mode(picture):
    return ("greyscale", "greyscale with alpha", "RGB", "RGBA")[picture.shape[-1] - 1]
