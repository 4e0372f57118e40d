"""Foreground colours of cut-outs, so that soft edges do not show the old background.

A pixel of alpha a shows the mixture a F + (1 - a) B. `foreground_colours` estimates F, and with it
B, on a pyramid from coarse to fine, like multi-level estimation (Germer et al. 2020,
arXiv:2006.14970). That method solves equations at each level. Here, both layers are corrected to
explain the photograph and smoothed by a blur weighted with alpha (as in Forte 2021,
arXiv:2106.02894), in turn, which takes whole-picture operations only.

Large photographs are estimated at a reduced size. At full size, only soft edges are corrected.
"""

import cv2
import numpy as np

SIDE = 768  # pixels; the estimates are smaller than this
ROUNDS = 2  # of correction and smoothing per level
DAMPING = np.float32(0.01)  # of corrections, against noise where alpha is near 0.5
LEAST = np.float32(1e-3)  # weight of pixels that do not show the layer
CHUNK = 1 << 14  # pixels corrected at a time: they stay in the cache, and remap limits their number


def foreground_colours(image, alpha):
    """Return the foreground's colours, for a cut-out with this alpha.

    Where alpha is 1, they are those of the image. From the second pixel outside the foreground on,
    they are 0, so that a cut-out does not contain the background. Alphas are rounded to 8 bits.

    Args:
        image: (H, W, 3), uint8 or uint16.
        alpha: (H, W), uint8, or float in [0, 1].

    Returns:
        (H, W, 3) of the image's type.

    Raises:
        ValueError: an input has another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"image is {image.dtype} of shape {image.shape}; pass uint8 or uint16 (H, W, 3)"
        )
    if alpha.shape != image.shape[:2]:
        raise ValueError(f"alpha has shape {alpha.shape}; pass {image.shape[:2]}, as the image")
    if alpha.dtype != np.uint8:
        alpha = cv2.convertScaleAbs(np.asarray(alpha, np.float32), alpha=255.0)
    image, alpha = np.ascontiguousarray(image), np.ascontiguousarray(alpha)
    soft = cv2.inRange(alpha, 1, 254)
    colours = cv2.bitwise_and(image, image, mask=cv2.inRange(alpha, 1, 255))
    if soft.any():
        # one pixel more, whose colour viewers mix in when they scale the cut-out
        edges = cv2.dilate(soft, np.ones((3, 3), np.uint8)) & cv2.inRange(alpha, 0, 254)
        _correct(colours, image, alpha, edges)
    return colours


def _correct(colours, image, alpha, edges):
    """Set `colours` where `edges` is not 0 to the estimates, corrected to explain the image."""
    layers, scale = _estimates(image, alpha)
    limit, width = np.iinfo(image.dtype).max, alpha.shape[1]
    colours, image = (x.reshape(-1, 3) for x in (colours, image))
    points = cv2.findNonZero(edges)[:, 0]  # (N, 2), x and y
    for start in range(0, len(points), CHUNK):
        chunk = points[start : start + CHUNK]
        places = (np.float32(chunk) + np.float32(0.5)) / np.float32(scale) - np.float32(0.5)
        foreground, background = (
            cv2.remap(x, places[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
            for x in layers
        )
        index = chunk[:, 1] * width + chunk[:, 0]
        a = alpha.ravel()[index] * np.float32(1 / 255)
        gain, mixture = _gain(a), image[index]
        a, gain = (np.repeat(x, 3).reshape(-1, 3) for x in (a, gain))
        foreground += gain * (mixture - background - a * (foreground - background))
        colours[index] = np.rint(np.clip(foreground, 0, limit))


def _estimates(image, alpha):
    """Return foreground and background, float32 (h, w, 3), and how much larger the image is."""
    scale = 1
    while max(alpha.shape) > SIDE:
        image, alpha, scale = _half(image), _half(alpha), 2 * scale
    image, alpha = np.float32(image), alpha * np.float32(1 / 255)
    levels = [(image, alpha)]
    while max(alpha.shape) > 1:
        image, alpha = _half(image), _half(alpha)
        levels.append((image, alpha))
    layers = image, image
    for image, alpha in reversed(levels):
        layers = [cv2.resize(x, alpha.shape[::-1]) for x in layers]
        layers = _refined(image, alpha, *layers)
    return layers, scale


def _half(x):
    """Halve the size. An odd last row or column is dropped: OpenCV is ten times as fast then."""
    height, width = x.shape[:2]
    x = x[: height & -2 or 1, : width & -2 or 1]
    size = max(width // 2, 1), max(height // 2, 1)
    return cv2.resize(x, size, interpolation=cv2.INTER_AREA)


def _refined(image, alpha, foreground, background):
    shares = alpha, 1 - alpha
    weights = [share + LEAST for share in shares]
    planes = [*shares, *(_gain(x) for x in shares), *weights, *(1 / _blur(x) for x in weights)]
    a, b, gain_a, gain_b, weight_a, weight_b, norm_a, norm_b = (cv2.merge([x] * 3) for x in planes)
    for _ in range(ROUNDS):
        error = image - a * foreground - b * background
        foreground = _blur((foreground + gain_a * error) * weight_a) * norm_a
        background = _blur((background + gain_b * error) * weight_b) * norm_b
    return foreground, background


def _gain(share):
    """Return how much of an error corrects a layer with this share of the mixture."""
    return share / (share * share + (1 - share) * (1 - share) + DAMPING)


def _blur(x):
    return cv2.blur(x, (3, 3), borderType=cv2.BORDER_REPLICATE)
