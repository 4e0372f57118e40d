"""SAD, MSE, MAD, Grad and Conn of one image, as the Deep Image Matting evaluation computes them.

Grad and Conn: Rhemann et al., "A Perceptually Motivated Online Benchmark for Image Matting", CVPR
2009, with the constants of Xu et al., "Deep Image Matting", CVPR 2017.

All functions take `(prediction, alpha, trimap=None)` and return a float.

* `prediction`, `alpha`: (H, W) or (H, W, 1), uint8 or float32/float64 in [0, 1]; types may differ.
  Floats keep their precision, but a value within 4e-7 of k/255 counts as exactly k/255, so float
  copies of 8-bit mattes give the same results as the mattes themselves, at every threshold.
* `trimap`: (H, W) or (H, W, 1) uint8 {0, 128, 255}. Only the final sum is restricted to unknown
  pixels (128); all earlier steps use the whole image. Known pixels of the prediction are not
  overwritten. Without a trimap, all pixels count.

Scales follow published tables, where SAD, Grad and Conn are divided by 1000; MSE is unscaled
(papers often print 1000 * MSE). A trimap without unknown pixels gives 0 for SAD, Grad and Conn, and
NaN for MSE and MAD. All raise ValueError for different sizes and for other types or values.
"""

import math

import cv2
import numpy as np

GRADIENT_SIGMA = 1.4
CONNECTIVITY_LEVELS = 10


def sad(prediction, alpha, trimap=None) -> float:
    """Return the sum of absolute differences / 1000."""
    p, a, region = checked(prediction, alpha, trimap)
    return float(np.abs(p - a)[region].sum() / 255.0 / 1000.0)


def mse(prediction, alpha, trimap=None) -> float:
    """Return the mean squared difference over the counted pixels, NaN if there are none."""
    p, a, region = checked(prediction, alpha, trimap)
    return _mean(np.square((p - a) / 255.0)[region])


def mad(prediction, alpha, trimap=None) -> float:
    """Return the mean absolute difference over the counted pixels, NaN if there are none."""
    p, a, region = checked(prediction, alpha, trimap)
    return _mean(np.abs(p - a)[region] / 255.0)


def gradient_error(prediction, alpha, trimap=None) -> float:
    """Return the sum of squared differences of gradient magnitudes / 1000.

    Each matte is first stretched to [0, 1] by its own extremes, so a scaled copy of the truth
    scores 0. Gradients are derivatives of a Gaussian with sigma 1.4, with 9x9 kernels of unit L2
    norm and replicated borders.
    """
    p, a, region = checked(prediction, alpha, trimap)
    difference = _gradient_amplitude(p) - _gradient_amplitude(a)
    return float(np.square(difference)[region].sum() / 1000.0)


def connectivity_error(prediction, alpha, trimap=None) -> float:
    """Return the sum of absolute differences of connectedness / 1000.

    At each level, the source region is the largest 4-connected region where both mattes are at
    least that opaque; of equally large regions, the first in column order. A pixel's connectedness
    is 1 minus the distance, if 0.15 or more, of its alpha above the last level at which the source
    region contains it.
    """
    p, a, region = checked(prediction, alpha, trimap)
    connected = _connected_level(np.minimum(p, a))[region]
    p, a = p[region] / 255.0, a[region] / 255.0
    difference = _connectedness(p, connected) - _connectedness(a, connected)
    return float(np.abs(difference).sum() / 1000.0)


def checked(prediction, alpha, trimap=None):
    """Return prediction and alpha as float64 (H, W) in [0, 255] and an index of counted pixels."""
    p = _levels(prediction, "prediction")
    a = _levels(alpha, "alpha")
    _same_size(p, a, "alpha")
    if trimap is None:
        return p, a, ...
    trimap = _plane(trimap, "trimap")
    _same_size(p, trimap, "trimap")
    unknown = trimap == 128
    if trimap.dtype != np.uint8 or not (unknown | (trimap == 0) | (trimap == 255)).all():
        raise ValueError("trimap must be uint8 with values 0, 128 and 255; convert it first")
    return p, a, unknown


def _levels(matte, name):
    """Convert uint8 or [0, 1] float to float64 in [0, 255], with exact 8-bit values and levels."""
    matte = _plane(matte, name)
    if matte.dtype == np.uint8:
        return matte.astype(np.float64)
    if matte.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"{name} is {matte.dtype}; convert it to uint8, or to float32 with values in [0, 1]"
        )
    levels = 255.0 * matte.astype(np.float64)
    nearest = np.rint(levels)
    # float32 errors, up to 8e-6 of a level, are enough to miss 0.2 = 51/255 or to break ties.
    levels = np.where(np.abs(levels - nearest) < 1e-4, nearest, levels)
    if not (levels.min() >= 0.0 and levels.max() <= 255.0):
        raise ValueError(
            f"{name} is float with values from {matte.min()} to {matte.max()}; "
            "scale or clip it to [0, 1]"
        )
    return levels


def _plane(array, name):
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; pass one image, (H, W) or (H, W, 1)")
    return array


def _same_size(prediction, other, name):
    if prediction.shape != other.shape:
        raise ValueError(
            f"prediction is {prediction.shape[0]}x{prediction.shape[1]} pixels and {name} "
            f"{other.shape[0]}x{other.shape[1]} (height x width); resize the prediction first"
        )


def _mean(values):
    return float(values.mean()) if values.size else math.nan


def _gradient_amplitude(matte):
    low, high = matte.min(), matte.max()
    if low == high:
        return np.zeros_like(matte)
    smooth, derivative = _gradient_kernels()
    matte = (matte - low) / (high - low)
    border = cv2.BORDER_REPLICATE
    x = cv2.sepFilter2D(matte, cv2.CV_64F, derivative, smooth, borderType=border)
    y = cv2.sepFilter2D(matte, cv2.CV_64F, smooth, derivative, borderType=border)
    return cv2.magnitude(x, y)


def _gradient_kernels():
    """Return a Gaussian and its derivative of unit L2 norm, cut where the Gaussian is below 1 %."""
    sigma = GRADIENT_SIGMA
    radius = math.ceil(sigma * math.sqrt(-2.0 * math.log(math.sqrt(2.0 * math.pi) * sigma * 0.01)))
    t = np.arange(-radius, radius + 1, dtype=np.float64)
    smooth = np.exp(-np.square(t) / (2.0 * sigma**2))
    derivative = -t * smooth
    return smooth / np.linalg.norm(smooth), derivative / np.linalg.norm(derivative)


def _connected_level(common):
    """Map the mattes' minimum (H, W), 0..255, to the last level, 0..1, that connects each pixel."""
    # Transposed: OpenCV numbers components row by row, but ties are resolved in column order.
    steps = cv2.transpose((common / (255.0 / CONNECTIVITY_LEVELS)).astype(np.uint8))
    held = np.ones(steps.shape, bool)
    count = np.zeros(steps.shape, np.uint8)
    for step in range(1, CONNECTIVITY_LEVELS + 1):
        held &= _largest_component(steps >= step)
        if not held.any():
            break
        count += held
    return cv2.transpose(count) / float(CONNECTIVITY_LEVELS)


def _largest_component(mask):
    """Return the first of the largest 4-connected components as a bool mask, which may be empty."""
    found, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    if found == 1:
        return np.zeros_like(mask)
    return labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def _connectedness(matte, connected):
    distance = matte - connected
    return 1.0 - distance * (distance >= 0.15)
