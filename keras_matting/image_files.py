"""Picture files: found in a folder, read whole or refused with the reason, written in one step.

Files are read by their content, not by their suffix. What cannot be read is a ValueError that
begins with the file's name.
"""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from keras_matting.atomic import replacing

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def find_pictures(folder, apart_from=None):
    """{stem: path} of the pictures in a folder, sorted; hidden files are not looked at.

    `apart_from` is an entry that is not looked at either. Raises FileNotFoundError, and ValueError
    naming all entries that are no pictures or share a stem, one sentence per line.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    ignored = Path(apart_from).resolve() if apart_from else None
    visible = (e for e in folder.iterdir() if not e.name.startswith("."))
    return by_stem(sorted(e for e in visible if e.resolve() != ignored), folder)


def by_stem(entries, folder):
    """{stem: path} of paths in a folder; raises as `find_pictures`."""
    kinds = " ".join(SUFFIXES)
    odd = [e.name for e in entries if e.suffix.lower() not in SUFFIXES or not e.is_file()]
    count = Counter(e.stem for e in entries)
    twins = [e.name for e in entries if count[e.stem] > 1]
    problems = []
    if odd:
        listed = ", ".join(odd)
        problems += [f"{listed} in {folder} cannot be read ({kinds}); convert or move away."]
    if twins:
        listed = ", ".join(twins)
        problems += [f"{listed} in {folder} would share one result; rename all but one of each."]
    if not entries:
        problems = [f"{folder} holds no pictures ({kinds})."]
    if problems:
        raise ValueError("\n".join(problems))
    return {e.stem: e for e in entries}


def read_photograph(path):
    """-> uint8 (H, W, 3) RGB, upright; alpha is ignored, 16 bits are reduced to 8."""
    return _decoded(path, cv2.IMREAD_COLOR)[..., ::-1]


def read_matte(path):
    """-> uint8 (H, W); 8-bit grey, or colour with three equal channels."""
    image = _decoded(path, cv2.IMREAD_UNCHANGED)
    if image.dtype != np.uint8:
        raise ValueError(f"{path}: holds {image.dtype} values; convert it to 8 bits.")
    if image.ndim == 2:
        return image
    if image.shape[2] != 3:
        raise ValueError(f"{path}: has an alpha channel of its own; save it as plain grey.")
    if (image != image[..., :1]).any():
        raise ValueError(f"{path}: is in colour; save it as grey.")
    return np.ascontiguousarray(image[..., 0])


def read_trimap(path):
    """-> uint8 (H, W) of 0, 128 and 255."""
    trimap = read_matte(path)
    others = trimap[(trimap != 0) & (trimap != 128) & (trimap != 255)]
    if others.size:
        raise ValueError(f"{path}: holds {others[0]}; a trimap has only 0, 128 and 255.")
    return trimap


def write_png(path, image):
    """A file that is whole or not there; `image` uint8, (H, W) or BGRA (H, W, 4)."""
    write_whole(path, cv2.imencode(".png", image)[1].tobytes())


def write_whole(path, data):
    """Bytes under a temporary name beside `path`, then renamed."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _decoded(path, flags):
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
        # Not imread: it hands out the readable part of a truncated JPEG as if it were whole.
        image = cv2.imdecode(data, flags)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}).") from error
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"{path}: damaged or not an image; replace or remove it.")
    return image
