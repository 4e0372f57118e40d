"""HRNet W18 and W48 (Wang et al., TPAMI 2020) as in PaddleSeg's matting networks.

Unlike in most ports, all 3x3 convolutions use TensorFlow's SAME padding and running variances are
biased. `weights.load_backbone` loads its ImageNet checkpoints (PaddleSeg, Apache-2.0).
"""

from functools import partial

from tensorflow.keras import layers

from keras_matting.layers import blocks
from keras_matting.layers.blocks import upsample

WIDTHS = {"hrnet_w18": 18, "hrnet_w48": 48}
MODULES = {2: 1, 3: 4, 4: 3}  # stage: modules; stage n has n branches

_conv_bn = partial(blocks.conv_bn, symmetric=False, biased=True)
_conv_bn_relu = partial(blocks.conv_bn_relu, symmetric=False, biased=True)


def hrnet(x, variant):
    """Map a normalised image (B, H, W, 3) to {stride: feature}; H and W are multiples of 32.

    Stride 2 is the first convolution's output with 64 channels. Strides 4, 8, 16 and 32 are the
    branches of the last stage, with 1, 2, 4 and 8 times the variant's width.
    """
    stem = _conv_bn_relu(x, 64, strides=2, name="backbone_stem1")
    x = _conv_bn_relu(stem, 64, strides=2, name="backbone_stem2")
    for i in range(1, 5):
        x = _bottleneck(x, name=f"backbone_stage1_block{i}")
    branches = [x]
    for stage, modules in MODULES.items():
        branches = _transition(branches, WIDTHS[variant], stage)
        for module in range(1, modules + 1):
            branches = _module(branches, name=f"backbone_stage{stage}_module{module}")
    return {2: stem} | dict(zip((4, 8, 16, 32), branches, strict=True))


def _bottleneck(x, name):
    shortcut = x
    x = _conv_bn_relu(x, 64, 1, name=f"{name}_conv1")
    x = _conv_bn_relu(x, 64, name=f"{name}_conv2")
    x = _conv_bn(x, 256, 1, name=f"{name}_conv3")
    if shortcut.shape[-1] != 256:
        shortcut = _conv_bn(shortcut, 256, 1, name=f"{name}_shortcut")
    return _add_relu([x, shortcut], name)


def _transition(branches, width, stage):
    """Add a branch derived from the last one; only the first transition also changes the first."""
    name = f"backbone_transition{stage - 1}"
    new = _conv_bn_relu(branches[-1], width * 2 ** (stage - 1), strides=2, name=f"{name}_{stage}")
    if stage == 2:
        branches = [_conv_bn_relu(branches[0], width, name=f"{name}_1")]
    return [*branches, new]


def _module(branches, name):
    """Apply four basic blocks per branch, then fuse every branch with all others."""
    for b, x in enumerate(branches, start=1):
        for i in range(1, 5):
            x = _basic(x, name=f"{name}_branch{b}_block{i}")
        branches[b - 1] = x
    return [_fuse(branches, i, name) for i in range(1, len(branches) + 1)]


def _basic(x, name):
    y = _conv_bn_relu(x, x.shape[-1], name=f"{name}_conv1")
    y = _conv_bn(y, x.shape[-1], name=f"{name}_conv2")
    return _add_relu([y, x], name)


def _fuse(branches, i, name):
    """Add all other branches to branch i (from 1): 1x1 and bilinear up, strided 3x3 down."""
    target = branches[i - 1]
    terms = [target]
    for j, x in enumerate(branches, start=1):
        part = f"{name}_fuse{i}_{j}"
        if j > i:
            x = _conv_bn(x, target.shape[-1], 1, name=part)
            terms.append(upsample(x, 2 ** (j - i), name=f"{part}_up"))
        elif j < i:
            for k in range(1, i - j):
                x = _conv_bn_relu(x, x.shape[-1], strides=2, name=f"{part}_{k}")
            terms.append(_conv_bn(x, target.shape[-1], strides=2, name=f"{part}_{i - j}"))
    return _add_relu(terms, f"{name}_fuse{i}")


def _add_relu(terms, name):
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")(terms))
