"""Load the recordings of this folder in the form that our models use."""

import functools
import json
import re
from pathlib import Path

import numpy as np
from synthetic_weights import synthetic_state

FOLDER = Path(__file__).parent


def recording(path):
    """Load the arrays of an .npz file, converted from NCHW to NHWC."""
    with np.load(FOLDER / path) as arrays:
        return {k: v.transpose(0, 2, 3, 1) if v.ndim == 4 else v for k, v in arrays.items()}


def published_state(path, meta=None):
    """Return the stand-in checkpoint {published name: array} of a .layout.json file.

    A recording's .meta.json may scale some tensors (pairs of pattern and factor) and set elements.
    """
    state = dict(_drawn(path))
    rules = json.loads((FOLDER / meta).read_text()) if meta else {}
    for pattern, factor in rules.get("scale", []):
        for name in state:
            if re.search(pattern, name):
                state[name] = state[name] * np.float32(factor)
    for name, elements in rules.get("set", {}).items():
        state[name] = state[name].copy()
        for index, value in elements.items():
            state[name][int(index)] = value
    return state


@functools.lru_cache(maxsize=1)  # one module's tests share a layout; the largest takes 2 GB
def _drawn(path):
    return synthetic_state(json.loads((FOLDER / path).read_text()))


def unnormalised(pixels, mean=0.5, std=0.5):
    """Convert the input of a published network to an image in [0, 1]."""
    return pixels * np.float32(std) + np.float32(mean)
