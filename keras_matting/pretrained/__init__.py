"""Networks that ship with the package: what each is for, its files and their SHA-256.

`python -m export.ship` writes `networks.json`; docs/pretrained.md describes the networks.
"""

import functools
import hashlib
import json
from pathlib import Path

FOLDER = Path(__file__).parent
WORD = "pretrained"  # or pretrained:NAME, in place of a weights file


@functools.cache
def _table() -> dict:
    return json.loads((FOLDER / "networks.json").read_text())


def networks() -> dict[str, dict]:
    """Return {name: {"task", "variant", "options", "inputs", "weights", "tflite"}}.

    `weights` is a file's name, `tflite` is {format: {size: name}}, smallest size first. `options`
    are those of `create_model`.
    """
    return _table()["networks"]


def list_pretrained() -> list[dict]:
    """Return a row per network: name, task, inputs, variant, and the formats and sizes of files."""
    rows = []
    for name, network in networks().items():
        files = {kind: [int(side) for side in sizes] for kind, sizes in network["tflite"].items()}
        row = {key: network[key] for key in ("task", "inputs", "variant", "options")}
        rows.append({"name": name} | row | {"tflite": files})
    return rows


def of_variant(variant: str, name: str | None = None) -> dict:
    """Return the network `name` with weights for `variant`, by default the first of that variant.

    Raises ValueError if there is none.
    """
    if name and name not in networks():
        raise ValueError(f"unknown pretrained network {name!r}; available: {', '.join(networks())}")
    found = [n for key, n in networks().items() if n["variant"] == variant and name in (None, key)]
    if not found and name:
        raise ValueError(f"the network {name} is of {networks()[name]['variant']}, not {variant}")
    if not found:
        known = ", ".join(dict.fromkeys(network["variant"] for network in networks().values()))
        raise ValueError(f"no pretrained weights for {variant}; available for {known}")
    return found[0]


def is_named(weights) -> bool:
    """Return whether `weights` are "pretrained" or "pretrained:NAME" instead of a file."""
    return str(weights).partition(":")[0] == WORD


def start(weights: str, variants) -> tuple[str, dict]:
    """Return ("pretrained:NAME", its network) to start a training of one of `variants` from.

    `weights` are "pretrained", which is the first of them, or "pretrained:NAME". ValueError if
    there is none.
    """
    wanted = weights.partition(":")[2]
    if wanted and wanted not in networks():
        raise ValueError(
            f"unknown pretrained network {wanted!r}; available: {', '.join(networks())}"
        )
    for name, network in networks().items():
        if network["variant"] in variants and wanted in ("", name):
            return f"{WORD}:{name}", network
    ships = ", ".join(f"{name} ({network['variant']})" for name, network in networks().items())
    raise ValueError(
        f"--weights={weights} is not of this recipe or --model; those that ship: {ships}."
    )


def weights_file(network: dict) -> Path:
    """Return the path of a network's weights, verified."""
    return _verified(network["weights"])


def tflite_file(name: str, format: str | None = None, size: int | None = None) -> Path:
    """Return the path of a network's .tflite file, verified.

    The default is float16, or int8 if there is no such file, and the largest size.

    Raises ValueError on an unknown name, format or size.
    """
    if name not in networks():
        raise ValueError(f"unknown pretrained network {name!r}; available: {', '.join(networks())}")
    files = networks()[name]["tflite"]
    format = format or ("float16" if "float16" in files else "int8")
    if format not in files:
        raise ValueError(f"{name} has no {format} file; it has {', '.join(files)}")
    sizes = files[format]
    side = list(sizes)[-1] if size is None else str(size)
    if side not in sizes:
        raise ValueError(f"{name} has no {format} file of size {size}; it has {', '.join(sizes)}")
    return _verified(sizes[side])


@functools.cache
def _verified(name):
    path = FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; install keras_matting again")
    if hashlib.sha256(path.read_bytes()).hexdigest() != _table()["sha256"][name]:
        raise ValueError(f"{path} is damaged; install keras_matting again")
    return path
