"""What exported files promise: limits on differences to Keras, and which tensors are integers."""

import re

import numpy as np

from export.interpreters import Exported, structure
from export.io_scales import SCALES, ZERO_POINT
from keras_matting.layers.class_selection import FuseByClass
from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.layers.patches import SampleCells
from keras_matting.layers.resize import Downscale
from keras_matting.layers.unpooling import PoolWithPositions

# Differences to Keras that float arithmetic explains: format: (number of `differences`, limit).
ROUNDING = {"float32": ("max_difference", 1e-4), "float16": ("max_difference", 1e-2)}
# The same of a report over many samples; these two are compared with the quantization-aware model.
LIMITS = ROUNDING | dict.fromkeys(("int8_qat", "int8_float_ends"), ("p999", 2 / 255))
# For all formats, including coarse ones: a mean above it means a broken file, not a poor one.
LARGEST_MEAN = 0.05
# In steps of this size, a byte reaches values that only a network that explodes has.
LARGEST_SCALE = 1e6
# How far two runtimes may differ on one file: they order float arithmetic differently and round
# some integers differently.
BETWEEN_RUNTIMES = {
    "float32": ("max_difference", 1e-4),
    "float16": ("max_difference", 1e-2),
    "dynamic": ("mean_difference", 1e-2),
    "int8": ("p999", 2 / 255),
    "int8_qat": ("p999", 2 / 255),
    "int8_float_ends": ("p999", 2 / 255),
    "int16x8": ("max_difference", 1e-2),
}
# Layers that choose between values, so that rounding may change the choice.
CHOOSING = (PoolWithPositions, FuseByClass, SampleCells)
# What remains float in int8 files, by the names of tensors: GCA's attention, whose scores are
# squares of features next to a penalty of 1e4 (eight bits hold one or the other), with the mask of
# unknown pixels that goes into it, and the refinement of Background Matting, whose choice of cells
# and patches are joined without arithmetic: the converter gives them one range with the features
# and cuts negative residuals off.
FLOAT_PARTS = r"_attention(_float)?/|^gca\w*/tf\.split(_\d+)?/|^bgmv2\w*/(cells|refine\w*)/"
# a layer of each network with such parts
FLOAT_LAYERS = (GuidedContextualAttention, Downscale)


def differences(found, expected) -> dict[str, float]:
    """Compare two arrays (N, H, W, C).

    Values that are not pictures, such as logits, count as a share of their range. Returns
    max_difference, mean_difference, p99 (`most_pixels`) and p999, the 99.9th percentile.
    """
    difference = np.abs(found - expected) / max(1.0, np.ptp(expected))
    return {
        "max_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
        "p99": most_pixels(difference),
        "p999": float(np.percentile(difference, 99.9)),
    }


def most_pixels(difference) -> float:
    """Return the 99th percentile of differences (N, H, W, C) in the median sample.

    Where values are nearly equal, another may be chosen, and everything that depends on it changes.
    """
    return float(np.median(np.percentile(difference.reshape(len(difference), -1), 99, axis=1)))


def exceeded(limits, format, numbers, discontinuous):
    """Return (number, its value, the limit) if `numbers` exceed a format's limit, otherwise None.

    Of a network that chooses between values, most pixels count instead of the worst.
    """
    if format not in limits:
        return None
    number, limit = limits[format]
    number = "p99" if discontinuous and number == "max_difference" else number
    return None if numbers[number] <= limit else (number, numbers[number], limit)


def reference_limit(format, discontinuous=False):
    """Return (number, limit) of one sample's alpha against Keras, for other runtimes to check."""
    if format not in LIMITS:
        return "mean_difference", LARGEST_MEAN
    number, limit = LIMITS[format]
    return ("p999" if discontinuous else number), limit


def kernels_differ(data, format, inputs, discontinuous=False) -> list[str]:
    """Return a phrase for each output that depends on whose kernels a runtime has.

    Compares XNNPACK's kernels with TFLite's own on `inputs` {name: (N, H, W, C)}. Phones have both.
    """
    runs = [Exported(data, name)(inputs) for name in ("litert", "litert without XNNPACK")]
    phrases = []
    for name in runs[0]:
        numbers = differences(runs[1][name], runs[0][name])
        if worst := exceeded(BETWEEN_RUNTIMES, format, numbers, discontinuous):
            number, value, limit = worst
            phrases.append(
                f"{number} of its {name} between XNNPACK and TFLite's own kernels is {value:.2g}, "
                f"more than {limit:.2g}"
            )
    return phrases


def is_discontinuous(model) -> bool:
    """Return whether a model chooses between values, so that rounding may change a pixel."""
    return any(isinstance(layer, CHOOSING) for layer in model.layers)


def has_float_parts(model) -> bool:
    """Return whether parts of a model remain float in an int8 file."""
    return any(isinstance(layer, FLOAT_LAYERS) for layer in model.layers)


def promises_broken(data, format) -> list[str]:
    """Return a phrase for each promise of its format that a file breaks."""
    if not format.startswith("int"):
        return []
    found = structure(data)
    scale, name = found["largest_scale"]
    if scale > LARGEST_SCALE:  # with such files, the interpreter aborts
        return [f"the values of {name.split(';')[0]} grow to {255 * scale:.1g}"]
    if format == "int16x8":
        return []
    problems = []
    wanted, ends = "int8", []
    if format == "int8_float_ends":
        wanted, ends = "float32", found["ends"]
    floats = [name for name in found["float_results"] if not may_be_float(name)]
    floats = [name for name in floats if name not in ends]
    if floats:
        problems.append(f"it has {len(floats)} float tensors, such as {floats[0].split(';')[0]}")
    for end, dtype in found["dtypes"].items():
        if dtype != wanted:
            problems.append(f"its {end} is {dtype}")
        elif end in SCALES and not np.allclose(
            found["quantization"][end], [SCALES[end], ZERO_POINT], rtol=1e-6
        ):
            problems.append(f"its {end} is quantised by {found['quantization'][end]}")
    return problems


def may_be_float(name) -> bool:
    """Return whether an operator's result may be float in an int8 file.

    The names of the layers that are fused into it are joined by semicolons.
    """
    return all(re.search(FLOAT_PARTS, part) for part in name.split(";"))
