"""Files of named arrays."""

from pathlib import Path

import numpy as np


def read(path) -> dict:
    """{name: array} of an .npz file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint {path}.")
    if path.suffix != ".npz":
        raise ValueError(f"{path} is not an .npz file of named arrays.")
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
