"""Load published checkpoints into our networks, with one rename table per method.

A table has

    LAYERS   [(pattern of our layer, published module), ...]; the first match applies. The module
             may also be a function of the match. A pattern with a slash is for a single variable,
             and the published name is then complete.
    HEADS    pattern of the training heads' tensors, which a network without heads ignores
    IGNORED  pattern of tensors that the published forward pass never reads
    ALIASES  {prefix: second prefix for the same tensors, which takes precedence}
"""

import os
import re
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

from keras_matting.weights import (
    backbones,
    bgmv2,
    bisenetv2,
    checkpoints,
    dim,
    gca,
    gfm,
    modnet,
    paddle,
    quantised_mobilenet,
)
from keras_matting.weights_files import named, unusable

TABLES = {
    "bisenetv2": bisenetv2,
    "modnet_mobilenetv2": modnet,
    **bgmv2.TABLES,
    **dim.TABLES,
    "gca": gca,
    **gfm.TABLES,
    **paddle.TABLES,
}


# our variable: its possible names in PyTorch, Paddle and GCA's spectral norm
LEAVES = {
    "kernel": ("weight", "weight_bar"),
    "depthwise_kernel": ("weight",),
    "bias": ("bias",),
    "gamma": ("weight", "scale"),
    "beta": ("bias",),
    "moving_mean": ("running_mean", "_mean"),
    "moving_variance": ("running_var", "_variance"),
    "u": ("weight_u",),
    "v": ("weight_v",),
}


def load_published(model, source):
    """Load a published checkpoint into `model` and return the model.

    `source` maps published names to arrays in the published layout (kernels are (out, in, height,
    width)), or is a checkpoint file. A model without training heads ignores the heads' tensors.
    A prefix that all names share is removed. Raises ValueError that counts tensors that are
    missing, unexpected or of another shape and names a few, or names tensors with infinities, NaN
    or negative variances; in that case, nothing has been loaded.
    """
    if model.name not in TABLES:
        raise ValueError(
            f"no published checkpoints for {model.name}; available for {', '.join(TABLES)}"
        )
    table = TABLES[model.name]
    state = _unprefixed(_mapping(source), model.layers, table.LAYERS)
    state = _effective(state, table.ALIASES)
    return _fill(model, model.layers, state, table)


def load_backbone(model, source, pictures=None):
    """Load the published encoder of `model` and return the model.

    `source` is given as for `load_published`; `published.BACKBONES` lists the files: torchvision's
    MobileNetV2, ResNet, DenseNet and VGG16; HRNet of PaddleSeg, its authors or timm; DeepLabV3 of
    torchvision or VainF for BGMv2; GCA's ResNet-34; BiSeNetV2's backbone_v2. Classifiers are
    ignored. Input channels beyond the image's three start from zero. Raises ValueError that lists
    missing tensors and wrong shapes.

    Google's quantised MobileNetV2, a .tflite file, needs `pictures`, see
    `quantised_mobilenet.fill`.
    """
    if str(source).endswith(".tflite"):
        return quantised_mobilenet.fill(model, source, pictures)
    family = backbones.family(model.name)
    if family is None:
        raise ValueError(f"no published checkpoints for the backbone of {model.name}")
    ours = [layer for layer in model.layers if layer.weights]
    ours = [layer for layer in ours if re.fullmatch(family.layers, layer.name)]
    state = _unprefixed(_mapping(source), ours, *family.forms)
    # VainF's DeepLabV3 divides MobileNetV2, whose blocks keep their numbers
    state = {re.sub(r"\b(low|high)_level_features\b", "features", k): v for k, v in state.items()}
    state = _effective(state, {})
    form = max(family.forms, key=lambda form: len(_names_of(ours, form) & set(state)))
    ours = [
        layer
        for layer in ours
        if not re.fullmatch(family.optional, layer.name) or _names_of([layer], form) & set(state)
    ]
    table = SimpleNamespace(LAYERS=form, HEADS=r"(?!)", IGNORED=r".*")
    return _fill(model, ours, _widened(state, ours[0], form), table)


def _widened(state, first, form):
    """Pad the first convolution's tensors with zeros for channels that only our network has."""
    shape, found = first.kernel.shape, dict(state)
    for name in _published(first.name, "kernel", form):
        array = state.get(name)
        if np.ndim(array) == 4 and array.shape[1] < shape[2]:
            found[name] = np.pad(array, [(0, 0), (0, shape[2] - array.shape[1]), (0, 0), (0, 0)])
    for name in _published(first.name, "v", form):  # of a spectral norm, channels first
        if name in state:
            found[name] = np.pad(
                state[name], (0, max(0, int(np.prod(shape[:3])) - len(state[name])))
            )
    return found


def _names_of(layers, form):
    """Return all names that a table gives to the layers' variables."""
    return {
        name
        for layer in layers
        for variable in layer.weights
        for name in _published(layer.name, variable.name.split("/")[-1].split(":")[0], form)
    }


def _fill(model, layers, state, table):
    values, missing, odd, taken = {}, [], [], set()
    for layer in layers:
        for variable in layer.weights:
            slot = variable.name.split("/")[-1].split(":")[0]
            ours = f"{layer.name}/{slot} {tuple(variable.shape)}"
            names = _published(layer.name, slot, table.LAYERS)
            name = next((name for name in names if name in state), None)
            if name is None:
                missing.append(f"{names[0] if names else 'a tensor'} for our {ours} is missing")
                continue
            taken.add(name)
            value = _keras_layout(state[name], slot, variable.shape)
            if value.shape != tuple(variable.shape):
                odd.append(f"{name} {np.shape(state[name])} does not match our {ours}")
            values[f"{name} for our {layer.name}/{slot}"] = (variable, value)
    has_heads = any(re.fullmatch(table.HEADS, name) for name in taken)
    ignored = table.IGNORED if has_heads else rf"{table.IGNORED}|{table.HEADS}"
    unknown = [
        f"{name} {np.shape(array)} is not part of our network"
        for name, array in state.items()
        if name not in taken and not re.fullmatch(ignored, name)
    ]
    if problems := [named(found, "; ") for found in (missing, odd, unknown) if found]:
        raise ValueError(f"the checkpoint does not match {model.name}: {'; '.join(problems)}")
    if bad := unusable({name: value for name, (_, value) in values.items()}):
        raise ValueError(f"the checkpoint has {bad}; use one from before its training diverged")
    for variable, value in values.values():
        variable.assign(value)
    return model


def _mapping(source):
    if isinstance(source, Mapping):
        return source
    return checkpoints.read(source)


def _effective(state, aliases):
    """Remove counters and aliases, so that every tensor has one name."""
    state = {name: array for name, array in state.items() if not name.endswith("_batches_tracked")}
    for prefix, effective in aliases.items():
        for name in [name for name in state if name.startswith(prefix)]:
            array = state.pop(name)
            state.setdefault(effective + name.removeprefix(prefix), array)
    return state


def _unprefixed(state, layers, *forms):
    """Remove the prefix that all names share, such as DataParallel's, if ours begin without it."""
    shared = os.path.commonprefix(list(state))
    prefixes = ["", *(shared[: i + 1] for i, letter in enumerate(shared) if letter == ".")]
    expected = set().union(*(_names_of(layers, form) for form in forms))

    def known(prefix):
        return sum(name.removeprefix(prefix) in expected for name in state)

    prefix = max(prefixes, key=known)
    return {name.removeprefix(prefix): array for name, array in state.items()}


def _published(layer, slot, patterns):
    """Return the possible published names of our layer's variable."""
    for pattern, published in patterns:
        if match := re.fullmatch(pattern, f"{layer}/{slot}" if "/" in pattern else layer):
            module = published(match) if callable(published) else match.expand(published)
            return [module] if "/" in pattern else [f"{module}.{leaf}" for leaf in LEAVES[slot]]
    return []


def _keras_layout(array, slot, shape):
    """Transpose a published tensor to Keras' layout.

    (out, in, h, w) -> (h, w, in, out), which also suits transposed convolutions; depthwise
    (in * m, 1, h, w) -> (h, w, in, m); dense (out, in) -> (in, out), or to a 1x1 kernel.
    """
    array = np.asarray(array, np.float32)
    if slot == "depthwise_kernel" and array.ndim == 4:
        return array.reshape(-1, shape[-1], *array.shape[2:]).transpose(2, 3, 0, 1)
    if slot == "kernel" and array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if slot == "kernel" and array.ndim == 2:
        return array.T if len(shape) == 2 else array.T[None, None]
    return array
