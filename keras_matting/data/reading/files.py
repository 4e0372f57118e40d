"""Picture files in folders: matching partners, checking files, decoding.

A layout maps each role to a pattern below a folder, without the extension:

    {"image": "train/original/*", "alpha": "train/mask/*"}

Files are .png, .jpg or .jpeg, sorted by name; hidden files and other file types are ignored.
Partners are files whose wildcards match the same text, in any Unicode form; they must have the same
size. The roles "cutout" (RGBA), "alpha", "trimap" and "label_ids" (Cityscapes) have their own
rules; any other role is a colour picture, and the role is the key of its tensor. Palettes are
resolved, and pictures are turned upright by their EXIF orientation.
"""

import functools
import glob
import logging
import os
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_matting import alpha_ranges
from keras_matting.data.reading.orientation import upright
from keras_matting.data.source import Source
from keras_matting.image_files import has_palette
from keras_matting.progress import track

READABLE = (".png", ".jpg", ".jpeg")
OTHER_PICTURES = (".avif", ".bmp", ".exr", ".gif", ".heic", ".jp2", ".tif", ".tiff", ".webp")
CHANNELS = {"cutout": 4, "alpha": 1, "trimap": 1, "label_ids": 1}  # colour pictures have 3
SMALLEST = 2  # pixels per side: a single pixel has no neighbour to interpolate with
COLOURED = 16  # difference between channels: more than JPEG causes in a grey picture
NAMED_AT_MOST = 10

# Cityscapes: *_labelIds.png has 0..33, of which 19 are trained; 255 is ignored.
TRAINED_LABELS = (7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33)
IGNORED = 255
LABELS = 34


def read(directory: str, layout: dict[str, str], verify: bool = True, exact: bool = True) -> Source:
    """Return a Source over the samples of `match`; `verify` and `exact` as in `check`."""
    samples = match(directory, layout)
    if verify:
        check(directory, samples, exact)
    return source(samples)


def match(directory: str, layout: dict[str, str]) -> list[dict[str, Path]]:
    """Return {role: file} for every sample, sorted by name.

    Raises FileNotFoundError if the folder or a role has no files, and ValueError naming files that
    have no partner, two candidates for a partner, or an unsupported format.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: check the path or create it.")
    faults = []
    found = {role: _pictures(folder, pattern, faults) for role, pattern in layout.items()}
    keys = sorted(set().union(*found.values()))
    for key in keys:
        name = next(files[key] for files in found.values() if key in files).relative_to(folder)
        for role in layout:
            if key not in found[role]:
                where, stem = os.path.split(_filled(layout[role], key))
                remedy = "(add it, or remove the file)"
                faults.append(f"{name} has no partner in {where}/ called {stem}.* {remedy}")
    if faults:
        refuse(directory, faults)
    return [{role: files[key] for role, files in found.items()} for key in keys]


def check(directory: str, samples: Sequence[dict[str, Path]], exact: bool = True) -> None:
    """Decode every file once, to find bad files now and not after hours of training.

    With `exact`, foregrounds must be RGB and only cut-outs may have transparency. Otherwise grey is
    converted to RGB and transparency dropped, as loaders of published datasets do. Raises
    ValueError naming the bad files, or as `judge`.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checked = pool.map(lambda sample: inspect(directory, sample, exact), samples)
        checked = list(track(checked, len(samples), f"checking {directory}"))
    if faults := [fault for fault, _ in checked if fault]:
        refuse(directory, faults)
    judge(directory, alpha_ranges.merged(found for _, found in checked if found))


def judge(directory: str, found: dict) -> None:
    """Raise ValueError if the alphas of a folder, as `inspect` found them, are on a wrong scale.

    Logs what is only worth knowing about them.
    """
    if not found:
        return
    if problem := alpha_ranges.folder_problem(found):
        raise ValueError(f"the alphas in {directory} are not mattes: {problem}.")
    log = logging.getLogger(__name__)
    if note := alpha_ranges.folder_note(found):
        log.warning("%s: %s.", directory, note)
    if found.get("soft") and not found["straight"]:
        log.warning(
            "%s: the colours seem to be multiplied by alpha already (no channel exceeds alpha in "
            "any half-transparent pixel), which darkens edges: save the cut-outs with straight "
            "alpha.",
            directory,
        )


def source(samples: Sequence[dict[str, Path]]) -> Source:
    """Return a Source that reads and decodes the files of `samples`."""
    names = {role: tf.constant([os.fsencode(s[role]) for s in samples]) for role in samples[0]}

    def load(index):
        return decode({role: tf.io.read_file(tf.gather(names[role], index)) for role in names})

    return Source(len(samples), load)


def decode(contents: dict) -> dict:
    """Decode one file per role to uint8: (h, w, 3) for colours, (h, w, 1) for the others.

    A cut-out becomes foreground and alpha; label_ids become labels 0..18, or 255 for ignored.
    """
    sample = {}
    for role, content in contents.items():
        # decode_png detects the format and reads JPEG too; decode_image loses the static rank.
        picture = upright(tf.io.decode_png(content, CHANNELS.get(role, 3)), content)
        if role == "cutout":
            sample |= {"foreground": picture[..., :3], "alpha": picture[..., 3:]}
        elif role == "label_ids":
            train_ids = np.full(LABELS, IGNORED, np.uint8)
            train_ids[list(TRAINED_LABELS)] = range(len(TRAINED_LABELS))
            sample["labels"] = tf.gather(train_ids, tf.cast(picture, tf.int32))
        else:
            sample[role] = picture
    return sample


def inspect(
    directory: str, sample: dict[str, Path], exact: bool = True
) -> tuple[str | None, dict | None]:
    """Check the files of a sample.

    Returns what is wrong and how to fix it, or None; and what `alpha_ranges.measure` says of its
    alpha if it has one, for a cut-out with "soft" and "straight".
    """
    first = agreed = found = None
    for role, path in sample.items():
        name = str(path.relative_to(directory))
        picture, fault = decoded(path, name)
        if fault:
            return fault, None
        h, w = picture.shape[:2]
        size = f"{w}x{h}"
        first, agreed = first or role, agreed or size
        if min(h, w) < SMALLEST:
            return f"{name} is only {size} (remove it)", None
        if exact:
            fault = _exact_fault(name, picture, role)
        if role in _FAULTS:
            fault = fault or _FAULTS[role](name, picture)
        if role in ("alpha", "trimap") and fault and has_palette(path.read_bytes()):
            fault = f"{name} has a palette of label colours (make a mask of 0 and 255)"
        if role in ("alpha", "cutout") and not fault:
            found = alpha_ranges.measure(picture, 3 if role == "cutout" else 0)
            if role == "cutout":
                found |= _straightness(picture)
            fault = _alpha_range_fault(name, found)
        if fault:
            return fault, None
        if size != agreed:
            remedy = "(make them the same size)"
            return f"{name} is {size}, but its {first} is {agreed} {remedy}", None
    return None, found


def decoded(path: Path, name: str) -> tuple[np.ndarray | None, str | None]:
    """Return (uint8 (h, w, 1 | 2 | 3 | 4), None), or (None, fault); `name` is for the message."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, f"{name} cannot be read: {error.strerror} (check its permissions)"
    if not content:
        return None, f"{name} is empty (copy it again, or remove it)"
    if content.startswith(b"\x89PNG"):
        if len(content) > 24 and content[24] == 16:
            return None, f"{name} has 16 bits per channel (save it with 8)"
    elif content.startswith(b"\xff\xd8"):
        if _jpeg_channels(content) == 4:
            return None, f"{name} is CMYK (save it as RGB)"
    else:
        return None, f"{name} is neither a PNG nor a JPEG file (convert it, or remove it)"
    try:
        return _decoder()(content).numpy(), None
    except tf.errors.InvalidArgumentError:
        return None, f"{name} is truncated or corrupt (copy it again, or remove it)"


@functools.cache  # traced once
def _decoder():
    def upright_picture(content):
        return upright(tf.io.decode_png(content), content)

    return tf.function(
        upright_picture, input_signature=[tf.TensorSpec([], tf.string)], autograph=False
    )


def refuse(directory: str, faults: Sequence[str]) -> None:
    """Raise a ValueError that names the first faults and counts the rest."""
    named = "; ".join(faults[:NAMED_AT_MOST])
    rest = len(faults) - NAMED_AT_MOST
    more = f"; and {rest} more" if rest > 0 else ""
    raise ValueError(f"{directory} has bad files: {named}{more}.")


def _pictures(folder, pattern, faults):
    """Return {text of the wildcards: file}; append what is wrong to `faults`."""
    parts = re.compile("([^/]*)".join(map(re.escape, pattern.split("*"))))
    pictures = {}
    _check_listable(folder, pattern)
    for name in sorted(glob.glob(f"{pattern}.*", root_dir=folder)):
        stem, suffix = os.path.splitext(name)
        texts = parts.fullmatch(stem)
        if not texts:
            continue
        if suffix.lower() in OTHER_PICTURES:
            remedy = "(convert it to PNG or JPEG, or remove it)"
            faults.append(f"{name} has an unsupported format {remedy}")
        elif suffix.lower() in READABLE:
            key = tuple(unicodedata.normalize("NFC", text) for text in texts.groups())
            twin = pictures.setdefault(key, folder / name)
            if twin != folder / name:
                faults.append(f"{name} has the same name as {twin.name} (rename one)")
    if not pictures and not faults:
        where, stem = os.path.split(pattern)
        named = "" if stem == "*" else f" called {stem}"
        raise FileNotFoundError(
            f"{folder / where} has no .png, .jpg or .jpeg file{named}: put pictures there."
        )
    return pictures


def _check_listable(folder, pattern):
    """Raise PermissionError for a folder that glob would take for an empty one."""
    levels = os.path.dirname(pattern).split("/")
    for depth in range(len(levels) + 1):
        within = "/".join(levels[:depth])
        for name in glob.glob(f"{within}/", root_dir=folder) if within else [""]:
            try:
                os.scandir(folder / name).close()
            except PermissionError:
                raise PermissionError(
                    f"{folder / name} may not be listed: change its permissions."
                ) from None


def _filled(pattern, texts):
    texts = iter(texts)
    return re.sub(r"\*", lambda _: next(texts), pattern)


def _jpeg_channels(content):
    """Return the number of components in the first frame header, 0 if there is none."""
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


def _exact_fault(name, picture, role):
    if role == "foreground" and picture.shape[-1] != 3:
        return f"{name} is not RGB but {_mode(picture)} (save it as RGB)"
    if role != "cutout" and picture.shape[-1] in (2, 4):
        return f"{name} has an alpha channel (save it without, or remove it)"
    return None


def _cutout_fault(name, picture):
    if picture.shape[-1] != 4:
        return f"{name} is not RGBA but {_mode(picture)} (save the cut-out with its alpha)"
    return None


def _trimap_fault(name, picture):
    found = _grey_fault(name, picture)
    if found:
        return found
    levels = np.unique(picture[..., 0])
    strange = levels[~np.isin(levels, (0, 128, 255))]
    if len(strange):
        return f"{name} contains {strange[0]} (a trimap has 0, 128 for unknown, and 255)"
    if 128 not in levels:
        return f"{name} has no unknown pixel (value 128; redraw it, or remove it)"
    return None


def _label_fault(name, picture):
    if picture.shape[-1] != 1:
        return f"{name} is not greyscale but {_mode(picture)} (use the ..._labelIds.png)"
    if picture.max() >= LABELS:
        return f"{name} contains {picture.max()}, labels are 0..33 (use the ..._labelIds.png)"
    return None


def _grey_fault(name, picture):
    if picture.shape[-1] < 3:
        return None
    colours = picture[..., :3]
    apart = colours.max(axis=-1).astype(int) - colours.min(axis=-1)
    if apart.max() > COLOURED:
        return f"{name} is not greyscale but {_mode(picture)} (save it as greyscale)"
    return None


def _alpha_range_fault(name, found):
    if found["low"] == found["high"]:
        return f"{name} has the same alpha {found['high']} everywhere (mask it, or remove it)"
    if problem := alpha_ranges.file_problem(found):
        return f"{name} is not a matte: {problem} (make a matte of it, or remove it)"
    return None


def _straightness(cutout):
    """Return whether there are half-transparent pixels, and one with a channel above its alpha."""
    red, green, blue, alpha = cv2.split(cutout)
    soft = cv2.inRange(alpha, 1, 254)
    above = cv2.subtract(cv2.max(cv2.max(red, green), blue), alpha)  # 0 where it is not
    straight = cv2.bitwise_and(above, soft)
    return {"soft": int(soft.any()), "straight": int(straight.any())}


def _mode(picture):
    return ("greyscale", "greyscale with alpha", "RGB", "RGBA")[picture.shape[-1] - 1]


_FAULTS = {
    "cutout": _cutout_fault,
    "alpha": _grey_fault,
    "trimap": _trimap_fault,
    "label_ids": _label_fault,
}
