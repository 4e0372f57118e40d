"""Find, read and write image files.

The format is detected by content, not by suffix. A file that cannot be read in full raises
ValueError with a message that starts with its name.
"""

import unicodedata
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from keras_matting import photograph_files
from keras_matting.atomic import write_bytes
from keras_matting.photograph_files import without_icc_profile

SUFFIXES = (
    ".avif", ".bmp", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp",
)  # fmt: skip

OF_WINDOWS = ("thumbs.db", "desktop.ini")

TRIMAP_VALUES = (0, 128, 255)
TRIMAP_RULE = "below a third of 255 is background, above two thirds foreground, the rest unknown"
TRIMAP_TOLERANCE = 32  # distance from these values that painting and JPEG seldom exceed
TRIMAP_SHARE = 0.9  # of the pixels that are within it; photographs have less


def find_pictures(folder, apart_from=None):
    """Return {stem: path} of the images in a folder, sorted; hidden files are ignored.

    Stems are in Unicode's composed form (NFC), whatever the files' own. `apart_from` is another
    entry to ignore. Raises FileNotFoundError if there is no such folder, PermissionError if it may
    not be listed, and ValueError, with a line per problem, for entries that are not images or share
    a stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"folder not found: {folder}")
    ignored = Path(apart_from).resolve() if apart_from else None
    try:
        visible = [e for e in folder.iterdir() if not e.name.startswith(".")]
    except PermissionError:
        raise PermissionError(f"{folder} may not be listed; change its permissions") from None
    wanted = (e for e in visible if e.name.lower() not in OF_WINDOWS)
    return by_stem(sorted(e for e in wanted if e.resolve() != ignored), folder)


def by_stem(entries, folder):
    """Return {stem: path} of paths in a folder; raises as `find_pictures` does."""
    kinds = " ".join(SUFFIXES)
    odd = [e.name for e in entries if e.suffix.lower() not in SUFFIXES or not e.is_file()]
    stems = {e: unicodedata.normalize("NFC", e.stem) for e in entries}
    count = Counter(stems.values())
    twins = [e.name for e in entries if count[stems[e]] > 1]
    problems = []
    if odd:
        listed = ", ".join(odd)
        problems += [f"{listed} in {folder}: not an image file ({kinds}); convert or move it"]
    if twins:
        listed = ", ".join(twins)
        problems += [f"{listed} in {folder}: same name except for the suffix; rename all but one"]
    if not entries:
        problems = [f"no images in {folder} ({kinds})"]
    if problems:
        raise ValueError("\n".join(problems))
    return {stem: e for e, stem in stems.items()}


def read_photograph(path, notes=None):
    """Read uint8 (H, W, 3) sRGB, rotated upright; alpha is ignored, 16 bits are reduced to 8."""
    return photograph_files.read(path, notes).in_srgb()


def read_matte(path, notes=None):
    """Read uint8 (H, W) from an 8-bit image, greyscale or with three equal channels."""
    image = _decoded(path)
    if image.dtype != np.uint8:
        raise ValueError(f"{path}: has {image.dtype} values; convert it to 8 bits")
    if image.ndim == 3 and image.shape[2] == 4:
        if (image[..., 3] < 255).any():
            raise ValueError(f"{path}: has an alpha channel; save it as greyscale without one")
        image = image[..., :3]
    return _grey(path, image)


def read_alpha(path, notes=None):
    """Read the alpha that a file holds: uint8 (H, W), or float64 in [0, 1] from 16 bits.

    That is a greyscale image, or the alpha channel of a cut-out; a sentence about it, or about 16
    bits, is appended to the list `notes`.
    """
    image = _decoded(path)
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{path}: has {image.dtype} values; convert it to 8 or 16 bits")
    opaque, said = np.iinfo(image.dtype).max, []
    if image.ndim == 3 and image.shape[2] == 4:
        if (image[..., 3] == opaque).all() and (image[..., :3] == image[..., :1]).all():
            image = image[..., :3]  # an alpha channel without a meaning
        else:
            image = image[..., 3]
            said.append("is a cut-out, its alpha channel is used")
    if image.dtype == np.uint16:
        said.append("16 bits are scaled to [0, 1]")
    if said and notes is not None:
        notes.append(f"{path}: {'; '.join(said)}")
    image = _grey(path, image)
    return np.ascontiguousarray(image) if opaque == 255 else image / float(opaque)


def read_labels(path):
    """Read uint8 (H, W) label numbers: a greyscale image, or the indices of a palette."""
    try:
        with Image.open(path) as image:
            if image.mode == "P":
                return np.array(image)
    except (OSError, SyntaxError, ValueError):
        pass  # read_matte says what is wrong
    return read_matte(path)


def has_palette(data):
    """Return whether a file's content is a PNG of colour type 3."""
    return data.startswith(b"\x89PNG") and data[25:26] == b"\3"


def _grey(path, image):
    if image.ndim == 2:
        return image
    if (image != image[..., :1]).any():
        with open(path, "rb") as file:
            if has_palette(file.read(26)):
                raise ValueError(
                    f"{path}: has a palette of label colours; make a mask of 0 and 255"
                )
        raise ValueError(f"{path}: is in colour; save it as greyscale")
    return np.ascontiguousarray(image[..., 0])


def read_trimap(path, notes=None, uniform=False):
    """Read uint8 (H, W) with values 0, 128 and 255; all equal only if `uniform`.

    Other values, as in a trimap that was painted or saved as JPEG, are read by `as_trimap`, and a
    sentence that says so is appended to the list `notes`.
    """
    values = read_matte(path)
    trimap = as_trimap(values, path, uniform)
    if notes is not None and (trimap != values).any():
        notes.append(f"{path}: has values other than 0, 128 and 255; {TRIMAP_RULE}")
    return trimap


def as_trimap(values, path, uniform=False):
    """Classify uint8 (H, W) as the published test code does; returns values 0, 128 and 255.

    Below a third of 255 is background, above two thirds foreground, the rest unknown. Raises
    ValueError, with a message that starts with `path`, for what cannot be a trimap: label numbers,
    a photograph, or, unless `uniform`, a single value.
    """
    lowest, largest = int(values.min()), int(values.max())
    if lowest == largest and not uniform:
        raise ValueError(
            f"{path}: has value {largest} everywhere; draw a trimap, with 0, 128 for unknown, "
            "and 255"
        )
    if np.isin(values, TRIMAP_VALUES).all():
        return values
    if largest < 128:
        raise ValueError(
            f"{path}: its largest value is {largest}; a trimap has 0, 128 for unknown, and 255"
        )
    distance = np.abs(values[..., None].astype(np.int16) - np.int16(TRIMAP_VALUES)).min(-1)
    if np.mean(distance <= TRIMAP_TOLERANCE) < TRIMAP_SHARE:
        raise ValueError(
            f"{path}: is not a trimap, more than a tenth of its pixels is far from 0, 128 and 255"
        )
    return np.where(values < 85, 0, np.where(values > 170, 255, 128)).astype(np.uint8)


def write_png(path, image):
    """Write a PNG file atomically; `image` is uint8, (H, W) or BGRA (H, W, 4)."""
    write_bytes(path, cv2.imencode(".png", image)[1].tobytes())


def _decoded(path):
    try:
        data = without_icc_profile(Path(path).read_bytes())
        # OpenCV turns a JPEG upright by its EXIF orientation only when it decodes to colour
        flags = cv2.IMREAD_COLOR if data.startswith(b"\xff\xd8") else cv2.IMREAD_UNCHANGED
        # Not imread: it returns the readable part of a truncated JPEG without an error.
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"{path}: damaged or not an image; replace or remove it")
    return image


# how the files of each kind are read
READERS = {
    "image": read_photograph,
    "background": read_photograph,
    "trimap": read_trimap,
    "alpha": read_alpha,
    "prediction": read_alpha,
}
