"""Published checkpoints -> our networks. One rename table per method, in the file of its name."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_matting.weights import modnet

TABLES = {"modnet_mobilenetv2": modnet}

# the published leaf -> the Keras variable it fills, whichever of them the layer has
LEAVES = {
    "weight": ("kernel", "depthwise_kernel", "gamma"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean",),
    "running_var": ("moving_variance",),
}


def load_published(model, source):
    """Fills `model` with the tensors of a published checkpoint and returns it.

    `source` is a mapping of published names to arrays in the published layout (kernels out, in,
    height, width), or an .npz file of such. A model without training heads passes over the heads'
    tensors. Every other tensor that is missing, unused or of another shape is named in one
    ValueError, and then nothing has been loaded.
    """
    if model.name not in TABLES:
        raise ValueError(
            f"No checkpoint was published for {model.name}; there are some for {', '.join(TABLES)}."
        )
    table = TABLES[model.name]
    state = _effective(source if isinstance(source, Mapping) else _read(source), table)
    ours = {(layer.name, _leaf(v)): v for layer in model.layers for v in layer.weights}
    values, problems = {}, []
    for name, array in state.items():
        layer, leaf = _rename(name, table)
        key = next(((layer, slot) for slot in LEAVES.get(leaf, ()) if (layer, slot) in ours), None)
        if key is None:
            if layer is None or not re.fullmatch(table.HEADS, layer):
                problems.append(f"{name} {np.shape(array)} has no place in {model.name}")
            continue
        value = _keras_layout(np.asarray(array, np.float32), key[1], len(ours[key].shape))
        if value.shape != tuple(ours[key].shape):
            problems.append(
                f"{name} {np.shape(array)} does not fit {'/'.join(key)} {tuple(ours[key].shape)}"
            )
        values[key] = value
    filled = set(values)
    problems += [f"{'/'.join(key)} is not in the checkpoint" for key in ours if key not in filled]
    if problems:
        raise ValueError(f"The checkpoint does not fit {model.name}: {'; '.join(problems)}.")
    for key, value in values.items():
        ours[key].assign(value)
    return model


def _read(path):
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint {path}.")
    if path.suffix != ".npz":
        raise ValueError(f"{path} is not an .npz file of named arrays.")
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _effective(state, table):
    """Without counters, and with only the later of two names that one module was saved under."""
    state = {k: v for k, v in state.items() if not k.endswith(".num_batches_tracked")}
    for prefix, effective in table.ALIASES.items():
        for name in [n for n in state if n.startswith(prefix)]:
            array = state.pop(name)
            state.setdefault(effective + name.removeprefix(prefix), array)
    return state


def _rename(name, table):
    """Published tensor name -> (our layer or None, published leaf)."""
    module, _, leaf = name.rpartition(".")
    for pattern, layer in table.LAYERS:
        if match := re.fullmatch(pattern, module):
            return match.expand(layer), leaf
    return None, leaf


def _leaf(variable):
    return variable.name.split("/")[-1].split(":")[0]


def _keras_layout(array, slot, rank):
    """(out, in, h, w) -> (h, w, in, out); dense (out, in) -> (in, out) or a 1x1 kernel of it."""
    if slot == "depthwise_kernel":
        return array.transpose(2, 3, 0, 1)
    if slot == "kernel" and array.ndim == 2 and rank == 4:
        return array.T[None, None]
    if slot == "kernel":
        return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
    return array
