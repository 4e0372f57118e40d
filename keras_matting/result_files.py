"""Encode results as PNG, WebP or TIFF files with the colours and resolution of a photograph."""

import io
import zlib

import cv2
import numpy as np
import tifffile
from PIL import Image

from keras_matting.photograph_files import to_8_bits

FORMATS = {"png": ".png", "webp": ".webp", "tiff": ".tif"}
WEBP_SIDE = 16383
WEBP_QUALITY = 90  # of colours; an alpha channel and mattes are lossless


def encode(image: np.ndarray, format="png", profile=None, dpi=None, exif=None) -> bytes:
    """Return the bytes of an image file.

    Args:
        image: uint8 or uint16, (H, W), RGB (H, W, 3) or RGBA (H, W, 4). WebP has 8 bits.
        format: of `FORMATS`.
        profile: ICC profile of the colours; left out for (H, W).
        dpi: (horizontal, vertical).
        exif: an EXIF block; TIFF files do not get it.

    Raises:
        ValueError: the format cannot hold an image of this size.
    """
    profile = None if image.ndim == 2 else profile
    return _ENCODERS[format](image, profile, dpi, exif)


def _png(image, profile, dpi, exif):
    if image.ndim == 3:
        codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
        image = cv2.cvtColor(image, codes[image.shape[2]])
    data = cv2.imencode(".png", image)[1].tobytes()
    chunks = b""
    if profile:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    if dpi:
        per_metre = (round(side / 0.0254).to_bytes(4, "big") for side in dpi)
        chunks += _chunk(b"pHYs", b"".join(per_metre) + b"\1")
    if exif:
        chunks += _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    header = 8 + 25
    return data[:header] + chunks + data[header:]


def _chunk(kind, content):
    check = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + check


def _webp(image, profile, dpi, exif):
    if max(image.shape[:2]) > WEBP_SIDE:
        raise ValueError(f"WebP has at most {WEBP_SIDE:,} pixels per side; use another --format")
    block = Image.Exif()
    if exif:
        block.load(exif)
    if dpi:  # WebP has no other place for it
        block[282], block[283], block[296] = *dpi, 2
    out = io.BytesIO()
    Image.fromarray(to_8_bits(image)).save(
        out, "webp", quality=WEBP_QUALITY, lossless=image.ndim == 2, method=2,
        icc_profile=profile or b"", exif=block.tobytes() if len(block) else b"",
    )  # fmt: skip
    return out.getvalue()


def _tiff(image, profile, dpi, exif):
    out = io.BytesIO()
    kinds = {2: ("minisblack", []), 3: ("rgb", []), 4: ("rgb", ["unassalpha"])}
    photometric, extra = kinds[2 if image.ndim == 2 else image.shape[2]]
    tifffile.imwrite(
        out, image, photometric=photometric, extrasamples=extra, compression="zlib",
        predictor=True, rowsperstrip=64, iccprofile=profile, metadata=None, software=False,
        **({"resolution": dpi, "resolutionunit": "INCH"} if dpi else {}),
    )  # fmt: skip
    return out.getvalue()


_ENCODERS = {"png": _png, "webp": _webp, "tiff": _tiff}
