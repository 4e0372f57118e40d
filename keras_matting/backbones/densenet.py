"""DenseNet-121 (Huang et al. 2017), its blocks as functions; features come out of its transitions.

`load_imagenet` takes the weights of keras.applications (Apache-2.0, trained on ImageNet).
"""

import re

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.layers.blocks import batch_norm, conv, conv_bn_relu

DEPTHS = (6, 12, 24, 16)
GROWTH = 32


def stem(x):
    """Image (B, H, W, 3) -> (B, H/2, W/2, 64)."""
    return conv_bn_relu(x, 64, 7, 2, name="backbone_stem")


def dense_block(x, block):
    """Block 1 to 4: every layer adds 32 channels, computed from all channels before it."""
    for i in range(1, DEPTHS[block - 1] + 1):
        name = f"backbone_dense{block}_layer{i}"
        y = _norm_relu_conv(x, 4 * GROWTH, 1, name=f"{name}_1")
        y = _norm_relu_conv(y, GROWTH, 3, name=f"{name}_2")
        x = layers.Concatenate(name=f"{name}_concat")([x, y])
    return x


def transition(x, block):
    """(B, H, W, C) -> (B, H/2, W/2, C/2)."""
    name = f"backbone_transition{block}"
    x = _norm_relu_conv(x, x.shape[-1] // 2, 1, name=name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _norm_relu_conv(x, filters, kernel_size, *, name):
    x = layers.ReLU(name=f"{name}_relu")(batch_norm(x, name=name))
    return conv(x, filters, kernel_size, use_bias=False, name=name)


def load_imagenet(model, source=None):
    """Copies ImageNet weights into the backbone inside `model`; returns the layers it filled.

    `source` is a keras.applications DenseNet121, by default the published one (downloaded once).
    Its batch norms' other epsilon goes into the running variance.
    """
    if source is None:
        source = keras.applications.DenseNet121(include_top=False, weights="imagenet")
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
        raise ValueError(f"{source.name} has no weights for {', '.join(missing)}.")
    return filled


def _applications_name(name):
    """conv3_block2_1_bn -> backbone_dense2_layer2_1_bn; pool2_conv -> backbone_transition1_conv."""
    if match := re.fullmatch(r"conv(\d)_block(\d+)_([012])_(bn|conv)", name):
        stage, layer, part, kind = match.groups()
        # block n's first norm is numbered 0, its others as the convolutions in front of them
        part = int(part) + 1 if kind == "bn" else part
        return f"backbone_dense{int(stage) - 1}_layer{layer}_{part}_{kind}"
    if match := re.fullmatch(r"pool(\d)_(bn|conv)", name):
        return f"backbone_transition{int(match[1]) - 1}_{match[2]}"
    return {"conv1/conv": "backbone_stem_conv", "conv1/bn": "backbone_stem_bn"}.get(name)
