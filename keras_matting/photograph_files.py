"""Read photographs with what their files say about colours, resolution and orientation.

Pillow reads a file's header, OpenCV the pixels of the common kinds, since it is faster and keeps 16
bits; Pillow decodes the others.
"""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from keras_matting import colour_profiles

# numbers of tags
ORIENTATION, BITS, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 258, 282, 283, 296
PROFILE = 34675
# of the layout of a TIFF file, and what is not EXIF: XMP, IPTC, ICC profile, Photoshop's blocks
STRUCTURE = {*range(254, 267), *range(273, 281), 284, 317, 320, *range(322, 326), 338, 339}
STRUCTURE |= {700, 33723, 34377, PROFILE, 37724}
OPENCV_FORMATS = ("JPEG", "MPO", "PNG", "BMP", "WEBP")
SEVERAL = {"TIFF": "pages"}  # what Pillow counts as frames; MPO's others are previews


@dataclass
class Photograph:
    """The pixels of a photograph, upright, and what its results inherit from its file.

    `pixels` is uint8 or uint16 (H, W, 3) RGB in the colours of `profile`, an ICC profile (None:
    sRGB). `alpha` is the file's own, (H, W) of the same type, or None. `dpi` is (horizontal,
    vertical) or None. `exif` is the file's EXIF block, without its orientation, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None

    def in_8_bits(self) -> np.ndarray:
        """Return the pixels as uint8."""
        return to_8_bits(self.pixels)

    def in_srgb(self) -> np.ndarray:
        """Return the pixels as uint8 sRGB."""
        if colour_profiles.is_srgb(self.profile):
            return self.in_8_bits()
        return colour_profiles.to_srgb(self.in_8_bits(), self.profile)


def to_8_bits(pixels: np.ndarray) -> np.ndarray:
    """Round uint16 to uint8; returns uint8 as it is."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def read(path, notes: list | None = None, data: bytes | None = None) -> Photograph:
    """Read a photograph from a file, or from `data`, whose name is then `path`.

    A sentence about frames or pages after the first, which are ignored, is appended to `notes`.
    Raises ValueError, with a message that starts with `path`, on files that cannot be used.
    """
    try:
        data = Path(path).read_bytes() if data is None else data
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on odd EXIF and on large pictures
            return _read(path, data, notes)
    except Image.DecompressionBombError as error:
        limit = f"{2 * Image.MAX_IMAGE_PIXELS:,}"
        raise ValueError(f"{path}: has more than {limit} pixels; scale it down") from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise struct.error, SyntaxError, KeyError and others
        if str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: damaged or not an image; replace or remove it") from error


def count_pixels(path, data: bytes) -> int:
    """Return a photograph's number of pixels by its header; raises ValueError as `read` does.

    Beyond the number that `read` accepts, any larger one is returned.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on large pictures
            image = _opened(path, data)
        if image is None:  # float TIFF files
            page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
            return page.imagelength * page.imagewidth
        return image.width * image.height
    except Image.DecompressionBombError:
        return 2 * Image.MAX_IMAGE_PIXELS + 1
    except Exception as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: damaged or not an image; replace or remove it") from error


def _read(path, data, notes):
    image = _opened(path, data)
    if image is None:  # such as float RGB
        format, count, info, exif = _tiff_header(data)
    else:
        format, count = image.format, getattr(image, "n_frames", 1)
        info, exif = image.info, _exif(image)
    if count > 1 and format != "MPO" and notes is not None:
        kind = SEVERAL.get(format, "frames")
        notes.append(f"{path}: has {count} {kind}; only the first is used")
    orientation = exif.pop(ORIENTATION, 1)
    profile, dpi = info.get("icc_profile"), _dpi(format, info, exif)
    deep = image is None or _is_deep(image, data)
    if deep and format == "TIFF":
        pixels, alpha = _deep_tiff(path, data)
    elif deep or (format in OPENCV_FORMATS and count == 1 and _plain(image)):
        pixels, alpha = _split(_by_opencv(data))
    else:
        pixels, alpha, profile = _by_pillow(image, profile)
    if profile and colour_profiles.space(profile) != "RGB":
        if image and image.mode == "L" and colour_profiles.space(profile) == "L":
            pixels = colour_profiles.to_srgb(to_8_bits(pixels)[..., 0], profile)
        profile = None
    pixels, alpha = _upright(pixels, orientation), _upright(alpha, orientation)
    if orientation in (5, 6, 7, 8) and dpi:
        dpi = dpi[::-1]
    return Photograph(pixels, alpha, profile, dpi, _exif_block(exif))


def _opened(path, data):
    """Return the file as an image of Pillow, its header read; None: a TIFF file that is unknown."""
    brands = data[8:64] if data[4:8] == b"ftyp" else b""
    if b"avif" in brands and not Image.registered_extensions().get(".avif"):
        raise ValueError(f"{path}: is an AVIF file; install pillow>=11.3 to read it")
    if brands and b"avif" not in brands:
        try:
            import pillow_heif
        except ImportError:
            raise ValueError(
                f'{path}: is a HEIC file; pip install "keras_matting[heic]" to read it'
            ) from None
        pillow_heif.register_heif_opener()
    try:
        return Image.open(io.BytesIO(data))
    except Image.UnidentifiedImageError:
        if data[:2] not in (b"II", b"MM"):
            raise
        return None


def _exif(image):
    try:
        if image.format != "PNG":
            return image.getexif()
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))  # getexif would decode the pixels
        return exif
    except Exception:  # Pillow raises struct.error, KeyError and others on a damaged block
        return Image.Exif()


def _exif_block(exif):
    for tag in STRUCTURE & set(exif):  # a TIFF file has the layout of its pixels there
        del exif[tag]
    try:
        return exif.tobytes() if len(exif) else None
    except Exception:  # as above
        return None


def _dpi(format, info, exif):
    dpi = info.get("dpi")
    if dpi is None or format == "TIFF":  # WebP has it in EXIF only, TIFF gets a default
        scale = {2: 1.0, 3: 2.54}.get(exif.get(RESOLUTION_UNIT))
        dpi = scale and [exif.get(X_RESOLUTION, 0), exif.get(Y_RESOLUTION, 0)]
    else:
        scale = 1.0
    try:
        return tuple(scale * float(side) for side in dpi) if dpi and min(dpi) > 0 else None
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def _is_deep(image, data):
    """Return whether a PNG or TIFF file has more than 8 bits."""
    if image.format == "PNG":
        return data[24] == 16
    return image.format == "TIFF" and max(image.tag_v2.get(BITS, (8,))) > 8


def _plain(image):
    return image.mode in ("L", "RGB", "RGBA") and "transparency" not in image.info


def _by_opencv(data):
    # Not imread: it returns the readable part of a truncated JPEG without an error.
    data = np.frombuffer(without_icc_profile(data), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise OSError("damaged")
    return decoded


def _split(decoded):
    """Return RGB and alpha, or None, of what OpenCV decoded."""
    if decoded.ndim == 2:
        return cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB), None
    if decoded.shape[2] == 3:
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), None
    return cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGB), np.ascontiguousarray(decoded[..., 3])


def _tiff_header(data):
    """Return format, number of pages, what Pillow calls info, and EXIF of a TIFF file."""
    file, exif = tifffile.TiffFile(io.BytesIO(data)), Image.Exif()
    tags = file.pages[0].tags
    for tag in (ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT):
        if tag in tags:
            value = tags[tag].value
            exif[tag] = value[0] / value[1] if isinstance(value, tuple) else int(value)
    info = {"icc_profile": tags[PROFILE].value} if PROFILE in tags else {}
    return "TIFF", len(file.pages), info, exif


def _deep_tiff(path, data):
    """Return RGB and alpha, or None, of a TIFF file with more than 8 bits, as they lie in it."""
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    if page.compression in (34676, 34677):  # LogLuv, OpenCV's default for float
        raise ValueError(f"{path}: is compressed with loss (SGI LogLuv); save it with 8 or 16 bits")
    kind, samples = page.photometric.name, page.samplesperpixel
    if kind not in ("MINISWHITE", "MINISBLACK", "RGB"):
        raise ValueError(f"{path}: has more than 8 bits of {kind} colours; save it as RGB")
    if kind != "MINISWHITE" and samples in (1, 3, 4) and page.planarconfig != 2:
        pixels, alpha = _split(_by_opencv(_unturned(data, page)))
    else:  # OpenCV returns other pixels
        pixels, alpha = _by_tifffile(path, page)
    pixels, alpha = _integers(path, pixels), alpha if alpha is None else _integers(path, alpha)
    if alpha is not None and 1 in page.extrasamples:  # colours are multiplied by alpha
        limit = np.iinfo(alpha.dtype).max
        colours = limit * pixels.astype(np.uint64) // np.maximum(alpha, 1)[..., None]
        pixels = np.minimum(colours, limit).astype(alpha.dtype)
    return pixels, alpha


def _unturned(data, page):
    """Return a TIFF file without its orientation, which OpenCV would apply."""
    if ORIENTATION not in page.tags:
        return data
    start = page.tags[ORIENTATION].valueoffset
    upright = struct.pack(f"{page.parent.byteorder}H", 1)
    return data[:start] + upright + data[start + len(upright) :]


def _by_tifffile(path, page):
    try:
        pixels = np.atleast_3d(page.asarray())
    except ValueError:  # LZW, which tifffile does not have
        raise ValueError(
            f"{path}: has a layout that cannot be read; save it without compression"
        ) from None
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric.name == "MINISWHITE":
        pixels = np.iinfo(pixels.dtype).max - pixels
    count = 3 if page.photometric.name == "RGB" else 1
    alpha = pixels[..., count] if pixels.shape[2] > count else None
    pixels = np.repeat(pixels[..., :count], 3 // count, axis=2)
    return np.ascontiguousarray(pixels), None if alpha is None else np.ascontiguousarray(alpha)


def _integers(path, pixels):
    """Convert float pixels in [0, 1] to uint16; return integers as they are."""
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    if pixels.dtype.kind != "f" or not 0 <= pixels.min() <= pixels.max() <= 1:
        raise ValueError(
            f"{path}: has {pixels.dtype} values from {pixels.min()} to {pixels.max()}; save it "
            "with 8 or 16 bits, or as float in [0, 1]"
        )
    return np.rint(65535.0 * pixels).astype(np.uint16)


def _by_pillow(image, profile):
    """Return RGB, alpha or None, and the profile of the RGB."""
    if image.mode == "CMYK":
        if profile and colour_profiles.space(profile) == "CMYK":
            return colour_profiles.to_srgb(np.asarray(image), profile), None, None
        return np.asarray(image.convert("RGB")), None, None
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]), profile
    return np.asarray(image.convert("RGB")), None, profile


def _upright(pixels, orientation):
    """Turn an array as an EXIF orientation says."""
    if pixels is None or orientation not in range(2, 9):
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def without_icc_profile(data):
    """Remove the colour profile of a PNG, which OpenCV ignores but libpng may complain about."""
    if not data.startswith(b"\x89PNG"):
        return data
    start = 8
    while start + 8 <= len(data):
        size, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        end = start + size + 12
        if kind == b"iCCP":
            return data[:start] + data[end:]
        if kind == b"IDAT":  # a profile comes before the pixels
            break
        start = end
    return data
