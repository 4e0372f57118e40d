"""DenseNet-121 (Huang et al. 2017) as functions for its stem, dense blocks and transitions.

`load_imagenet` loads the weights of keras.applications (Apache-2.0, trained on ImageNet).
"""

import re

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones import imagenet
from keras_matting.layers.blocks import batch_norm, conv, conv_bn_relu

DEPTHS = (6, 12, 24, 16)
GROWTH = 32


def stem(x):
    """Apply the first convolution: (B, H, W, 3) -> (B, H/2, W/2, 64)."""
    return conv_bn_relu(x, 64, 7, 2, name="backbone_stem")


def dense_block(x, block):
    """Apply dense block 1 to 4: each layer adds 32 channels, computed from all previous ones."""
    for i in range(1, DEPTHS[block - 1] + 1):
        name = f"backbone_dense{block}_layer{i}"
        y = _norm_relu_conv(x, 4 * GROWTH, 1, name=f"{name}_1")
        y = _norm_relu_conv(y, GROWTH, 3, name=f"{name}_2")
        x = layers.Concatenate(name=f"{name}_concat")([x, y])
    return x


def transition(x, block):
    """Halve size and channels: (B, H, W, C) -> (B, H/2, W/2, C/2)."""
    name = f"backbone_transition{block}"
    x = _norm_relu_conv(x, x.shape[-1] // 2, 1, name=name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _norm_relu_conv(x, filters, kernel_size, *, name):
    x = layers.ReLU(name=f"{name}_relu")(batch_norm(x, name=name))
    return conv(x, filters, kernel_size, use_bias=False, name=name)


def load_imagenet(model, source=None):
    """Copy ImageNet weights into the backbone of `model` and return the names of filled layers.

    `source` is a keras.applications DenseNet121, by default the published one (downloaded once).
    Its batch norms have another epsilon; the difference is added to the running variance. Raises
    ValueError if a backbone layer has no counterpart in `source`.
    """
    if source is None:
        source = imagenet.published(keras.applications.DenseNet121)
    ours = {layer.name: layer for layer in model.layers if layer.name.startswith("backbone_")}
    filled = []
    for theirs in source.layers:
        layer = ours.get(_applications_name(theirs.name))
        if layer is None or not theirs.weights:
            continue
        values = theirs.get_weights()
        if isinstance(theirs, layers.BatchNormalization):
            values[3] = values[3] + theirs.epsilon - layer.epsilon
        layer.set_weights(values)
        filled.append(layer.name)
    if missing := sorted(n for n, layer in ours.items() if layer.weights and n not in filled):
        raise ValueError(f"{source.name} has no weights for {', '.join(missing)}")
    return filled


def _applications_name(name):
    """Translate a layer name: conv3_block2_1_bn -> backbone_dense2_layer2_1_bn."""
    if match := re.fullmatch(r"conv(\d)_block(\d+)_([012])_(bn|conv)", name):
        stage, layer, part, kind = match.groups()
        # a layer's first norm is numbered 0, the next has the number of the convolution before it
        part = int(part) + 1 if kind == "bn" else part
        return f"backbone_dense{int(stage) - 1}_layer{layer}_{part}_{kind}"
    if match := re.fullmatch(r"pool(\d)_(bn|conv)", name):
        return f"backbone_transition{int(match[1]) - 1}_{match[2]}"
    return {"conv1/conv": "backbone_stem_conv", "conv1/bn": "backbone_stem_bn"}.get(name)
