"""The recordings in this folder, as our models take and give them."""

import json
from pathlib import Path

import numpy as np
from synthetic_weights import synthetic_state

FOLDER = Path(__file__).parent


def recording(path):
    """Arrays of an .npz, NCHW turned to NHWC."""
    with np.load(FOLDER / path) as arrays:
        return {k: v.transpose(0, 2, 3, 1) if v.ndim == 4 else v for k, v in arrays.items()}


def published_state(path):
    """The stand-in checkpoint of a .layout.json: published names -> arrays."""
    return synthetic_state(json.loads((FOLDER / path).read_text()))


def unnormalised(pixels, mean=0.5, std=0.5):
    """What a published network was fed -> image in [0, 1]."""
    return pixels * np.float32(std) + np.float32(mean)
