"""Enlarge a matte along a photograph's edges by the fast guided filter (He and Sun 2015).

A network of fixed size gives a blurred matte of a large photograph. Around every pixel of the small
picture, alpha is modelled as a linear function of colour. The coefficients are interpolated and
applied to the colours of the photograph (arXiv:1505.00996, with a colour guide). The Android app
has the same filter (`Refinement.kt`), and both are tested with the same values.
"""

import cv2
import numpy as np

RADIUS, EPSILON = 2, 1e-4
FLAT = 1 / 255  # where alpha varies less, colours do not matter: most of a picture is solid


def enlarge_along_edges(alpha, image, guide=None, radius=RADIUS, epsilon=EPSILON):
    """Enlarge alpha to the size of an image, with edges where the image has them.

    Args:
        alpha: float (h, w) in [0, 1].
        image: (H, W, 3), uint8 or float in [0, 1].
        guide: the image at alpha's size, (h, w, 3); by default it is averaged down.
        radius: of the neighbourhoods, in pixels of the small alpha.
        epsilon: edges whose colour variance is below this are smoothed away.

    Returns:
        float32 (H, W) in [0, 1].
    """
    if guide is None:
        guide = cv2.resize(image, alpha.shape[::-1], interpolation=cv2.INTER_AREA)
    *slopes, constant = _fit(_scaled(guide), alpha.astype(np.float64), radius, epsilon)
    height, width = image.shape[:2]
    enlarged = cv2.resize(constant, (width, height), interpolation=cv2.INTER_LINEAR)
    _add_slopes(enlarged, slopes, constant, image)
    return enlarged


def _scaled(image):
    return image / 255.0 if image.dtype == np.uint8 else image.astype(np.float64)


def _fit(guide, alpha, radius, epsilon):
    """Return the coefficients of red, green and blue and the constant, float32 (h, w) each."""
    size, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_CONSTANT
    ones = np.ones(alpha.shape)
    count = cv2.boxFilter(ones, -1, size, normalize=False, borderType=border)

    def mean(x):
        return cv2.boxFilter(x, -1, size, normalize=False, borderType=border) / count

    planes = [np.ascontiguousarray(guide[..., i]) for i in range(3)]
    red, green, blue = means = [mean(x) for x in planes]
    mean_alpha = mean(alpha)
    r, g, b = (mean(x * alpha) - m * mean_alpha for x, m in zip(planes, means, strict=True))

    def covariance(i, j):
        return mean(planes[i] * planes[j]) - means[i] * means[j]

    rr, gg, bb = (covariance(i, i) + epsilon for i in range(3))
    rg, rb, gb = covariance(0, 1), covariance(0, 2), covariance(1, 2)
    # Cramer's rule
    rr_minor, gg_minor, bb_minor = gg * bb - gb * gb, rr * bb - rb * rb, rr * gg - rg * rg
    rg_minor, rb_minor, gb_minor = gb * rb - rg * bb, rg * gb - gg * rb, rg * rb - rr * gb
    determinant = rr * rr_minor + rg * rg_minor + rb * rb_minor
    slopes = [
        (rr_minor * r + rg_minor * g + rb_minor * b) / determinant,
        (rg_minor * r + gg_minor * g + gb_minor * b) / determinant,
        (rb_minor * r + gb_minor * g + bb_minor * b) / determinant,
    ]
    kernel = np.ones(size, np.uint8)
    flat = cv2.dilate(alpha, kernel) - cv2.erode(alpha, kernel) < FLAT
    for slope in slopes:
        slope[flat] = 0.0
    constant = mean_alpha - slopes[0] * red - slopes[1] * green - slopes[2] * blue
    return [mean(x).astype(np.float32) for x in (*slopes, constant)]


def _add_slopes(enlarged, slopes, constant, image):
    """Replace `enlarged` where slopes are not zero, in strips between two rows of coefficients."""
    small_height, small_width = constant.shape
    height, width = enlarged.shape
    active = sum(np.abs(x) for x in slopes) > 1e-6  # sums of zeros are not exactly zero
    active = cv2.dilate(active.astype(np.uint8), np.ones((3, 3), np.uint8))
    unit = np.float32(1 / 255 if image.dtype == np.uint8 else 1)
    planes = [
        cv2.resize(x, (width, small_height), interpolation=cv2.INTER_LINEAR)
        for x in (*(slope * unit for slope in slopes), constant)
    ]
    centres = (np.arange(height, dtype=np.float32) + 0.5) * np.float32(small_height / height) - 0.5
    centres = np.clip(centres, 0, small_height - 1)
    above = centres.astype(int)
    starts = np.flatnonzero(np.diff(above, prepend=-1, append=small_height))
    for top, bottom in zip(starts[:-1], starts[1:], strict=True):
        row = above[top]
        below = min(row + 1, small_height - 1)
        share = (centres[top:bottom] - row)[:, None]
        for first, last in _runs(active[row] | active[below]):
            left, right = first * width // small_width, -(-last * width // small_width)
            *colour, strip = (
                x[row, left:right] + share * (x[below, left:right] - x[row, left:right])
                for x in planes
            )
            for i, slope in enumerate(colour):
                strip += slope * image[top:bottom, left:right, i]
            enlarged[top:bottom, left:right] = np.clip(strip, 0, 1)


def _runs(flags):
    """Return the first index of each run of ones and the one after its last."""
    return np.flatnonzero(np.diff(flags, prepend=0, append=0)).reshape(-1, 2)
