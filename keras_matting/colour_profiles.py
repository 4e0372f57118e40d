"""Convert pixels between the colours of an ICC profile and sRGB, which networks see."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


@functools.lru_cache(maxsize=8)  # folders hold photographs of few cameras
def space(profile: bytes) -> str | None:
    """Return Pillow's mode of a profile's colours, "RGB", "L" or "CMYK"; None if it is unusable."""
    try:
        mode = _MODES.get(_opened(profile).profile.xcolor_space)
        return mode and _transform(profile, mode, True) and mode
    except (OSError, ImageCms.PyCMSError):
        return None


@functools.lru_cache(maxsize=8)
def is_srgb(profile: bytes | None) -> bool:
    """Return whether pixels with this profile can be used as sRGB; None counts as sRGB."""
    if profile is None:
        return True
    probe = np.stack(np.meshgrid(*[np.linspace(0, 255, 6, dtype=np.uint8)] * 3), -1)
    probe = probe.reshape(6, -1, 3)
    return np.abs(to_srgb(probe, profile).astype(int) - probe).max() <= 1


def to_srgb(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Convert uint8 (H, W, 3) RGB, (H, W) grey or (H, W, 4) CMYK to uint8 (H, W, 3) sRGB.

    The type of the profile and the number of channels must match.
    """
    if profile is None:
        return pixels
    return np.asarray(
        ImageCms.applyTransform(_image(pixels), _transform(profile, space(profile), True))
    )


def from_srgb(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Convert uint8 (H, W, 3) sRGB to the colours of an RGB profile."""
    if profile is None or is_srgb(profile):
        return pixels
    return np.asarray(ImageCms.applyTransform(_image(pixels), _transform(profile, "RGB", False)))


def _image(pixels):
    mode = {2: "L", 3: "RGB"}[pixels.ndim] if pixels.shape[-1] != 4 else "CMYK"
    return Image.fromarray(np.ascontiguousarray(pixels), mode)


@functools.lru_cache(maxsize=8)
def _transform(profile, mode, to):
    ends = [(_opened(profile), mode), (ImageCms.createProfile("sRGB"), "RGB")]
    (source, source_mode), (target, target_mode) = ends if to else ends[::-1]
    return ImageCms.buildTransform(source, target, source_mode, target_mode)


def _opened(profile):
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))
