"""Published checkpoints -> our networks. One rename table per method, in the file of its name.

A table has

    LAYERS       [(pattern of our layer, published module), ...], the first that matches counts.
                 A pattern with a slash is of one variable; then the published name is a whole one.
    HEADS        pattern of the tensors of training heads: a network without them passes them over
    PASSED_OVER  pattern of the tensors that the published forward pass never reads
    ALIASES      {prefix: the prefix under which the same tensors are saved again, which wins}
"""

import re
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

from keras_matting.weights import (
    bgmv2,
    bisenetv2,
    dim,
    gca,
    gfm,
    modnet,
    paddle,
    quantised_mobilenet,
    torchvision,
)

TABLES = {
    "bisenetv2": bisenetv2,
    "modnet_mobilenetv2": modnet,
    **bgmv2.TABLES,
    **dim.TABLES,
    "gca": gca,
    **gfm.TABLES,
    **paddle.TABLES,
}


# our variable: its names in PyTorch, in Paddle, and in GCA's spectral norm
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
    """Fills `model` with the tensors of a published checkpoint and returns it.

    `source` is a mapping of published names to arrays in the published layout (kernels out, in,
    height, width), or a file of such. A model without training heads passes over the heads'
    tensors. Every other tensor that is missing, superfluous or of another shape is named in one
    ValueError, and then nothing has been loaded.
    """
    if model.name not in TABLES:
        raise ValueError(
            f"No checkpoint was published for {model.name}; there are some for {', '.join(TABLES)}."
        )
    table = TABLES[model.name]
    state = _effective(_mapping(source), table.ALIASES)
    return _fill(model, model.layers, state, table)


def load_backbone(model, source, pictures=None):
    """Fills the backbone of `model` with an ImageNet checkpoint of its family and returns it.

    torchvision's files for MobileNetV2, ResNet, DenseNet and VGG16, PaddleSeg's for HRNet; `source`
    as in `load_published`. Where our first convolution has more than the image's three channels,
    they start from zero. ValueError names what is missing or misshapen; the classifier is not read.

    Google's quantised MobileNetV2, a .tflite file, needs `pictures` (`quantised_mobilenet.fill`).
    """
    if str(source).endswith(".tflite"):
        return quantised_mobilenet.fill(model, source, pictures)
    families = torchvision.BACKBONES | {"hrnet": [paddle.hrnet("")]}
    forms = next((forms for part, forms in families.items() if part in model.name), None)
    if forms is None:
        raise ValueError(f"{model.name} has no backbone of a family with ImageNet checkpoints.")
    state = _effective(_mapping(source), {})
    layers = [layer for layer in model.layers if layer.name.startswith("backbone_")]
    state = {name: _widened(name, array, layers, forms) for name, array in state.items()}
    for form in forms:
        table = SimpleNamespace(LAYERS=form, HEADS=r"(?!)", PASSED_OVER=r".*")
        try:
            return _fill(model, layers, state, table)
        except ValueError as error:
            problem = error
    raise problem


def _widened(name, array, layers, forms):
    """The first kernel with zeros for the channels that only our network has."""
    first = next(layer for layer in layers if layer.weights)
    names = [_published(first.name, "kernel", form)[0] for form in forms]
    channels = first.weights[0].shape[2]
    if name not in names or np.ndim(array) != 4 or array.shape[1] >= channels:
        return array
    return np.pad(array, [(0, 0), (0, channels - array.shape[1]), (0, 0), (0, 0)])


def _fill(model, layers, state, table):
    values, problems, taken = [], [], set()
    for layer in layers:
        for variable in layer.weights:
            slot = variable.name.split("/")[-1].split(":")[0]
            ours = f"{layer.name}/{slot} {tuple(variable.shape)}"
            names = _published(layer.name, slot, table.LAYERS)
            name = next((name for name in names if name in state), None)
            if name is None:
                problems.append(f"{names[0] if names else 'a tensor'} for our {ours} is missing")
                continue
            taken.add(name)
            value = _keras_layout(state[name], slot, variable.shape)
            if value.shape != tuple(variable.shape):
                problems.append(f"{name} {np.shape(state[name])} does not fit our {ours}")
            values.append((variable, value))
    has_heads = any(re.fullmatch(table.HEADS, name) for name in taken)
    passed_over = table.PASSED_OVER if has_heads else rf"{table.PASSED_OVER}|{table.HEADS}"
    problems += [
        f"{name} {np.shape(array)} has no place in our network"
        for name, array in state.items()
        if name not in taken and not re.fullmatch(passed_over, name)
    ]
    if problems:
        raise ValueError(f"The checkpoint does not fit {model.name}: {'; '.join(problems)}.")
    for variable, value in values:
        variable.assign(value)
    return model


def _mapping(source):
    if isinstance(source, Mapping):
        return source
    from keras_matting.weights import checkpoints

    return checkpoints.read(source)


def _effective(state, aliases):
    """Without counters, without DataParallel's prefix, and one name for every tensor."""
    state = {name: array for name, array in state.items() if not name.endswith("_batches_tracked")}
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): array for name, array in state.items()}
    for prefix, effective in aliases.items():
        for name in [name for name in state if name.startswith(prefix)]:
            array = state.pop(name)
            state.setdefault(effective + name.removeprefix(prefix), array)
    return state


def _published(layer, slot, patterns):
    """The names that the published tensor of our layer's variable may have."""
    for pattern, published in patterns:
        if match := re.fullmatch(pattern, f"{layer}/{slot}" if "/" in pattern else layer):
            module = match.expand(published)
            return [module] if "/" in pattern else [f"{module}.{leaf}" for leaf in LEAVES[slot]]
    return []


def _keras_layout(array, slot, shape):
    """(out, in, h, w) -> (h, w, in, out), as also (in, out, h, w) -> (h, w, out, in) of a
    transposed convolution; depthwise (in * m, 1, h, w) -> (h, w, in, m); dense (out, in) ->
    (in, out) or the 1x1 kernel of it."""
    array = np.asarray(array, np.float32)
    if slot == "depthwise_kernel" and array.ndim == 4:
        return array.reshape(-1, shape[-1], *array.shape[2:]).transpose(2, 3, 0, 1)
    if slot == "kernel" and array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if slot == "kernel" and array.ndim == 2:
        return array.T if len(shape) == 2 else array.T[None, None]
    return array
