"""MobileNetV2 (Sandler et al. 2018): features at strides 2, 4, 8, 16 and 32.

Widths and blocks match torchvision and keras.applications. `load_imagenet` loads the weights of the
latter (Apache-2.0, trained on ImageNet).
"""

import re

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones import imagenet
from keras_matting.layers.blocks import batch_norm, conv

# expansion, channels, blocks, strides of the first block
STAGES = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
TAPS = {1: 2, 2: 4, 3: 8, 5: 16, 7: 32}  # stage, from 1: stride of its output


def scaled(channels, width):
    """Round channels * width to a multiple of 8, never more than a tenth down."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * width else rounded


def mobilenet_v2(x, width=1.0, last_conv=True, symmetric=True, dilated=False):
    """Map an image (B, H, W, 3) in [-1, 1] to {stride: (B, H/stride, W/stride, C)}.

    At width 1 the features have 16, 24, 32, 96 and 1280 channels (320 without `last_conv`).
    `symmetric` is described in `blocks.conv`: published PyTorch checkpoints need it, the weights of
    keras.applications were trained without it. `dilated` keeps the last blocks at 1/16, as DeepLab
    does: block 14 has no stride, later blocks have dilation 2, and stride 16 is block 17's output.
    """
    features = {}
    x = _conv_bn_relu6(x, scaled(32, width), 3, 2, symmetric=symmetric, name="backbone_stem")
    block = 0
    for stage, (expansion, channels, repeats, stage_strides) in enumerate(STAGES, start=1):
        for i in range(repeats):
            block += 1
            strides = stage_strides if i == 0 and not (dilated and stage == 6) else 1
            dilation = 2 if dilated and (stage, i) > (6, 0) else 1
            name = f"backbone_block{block}"
            x = _inverted_residual(
                x, scaled(channels, width), strides, dilation, expansion, symmetric, name
            )
        if stage in TAPS:
            features[min(TAPS[stage], 16) if dilated else TAPS[stage]] = x
    if last_conv:
        last = scaled(1280, max(1.0, width))
        features[32] = _conv_bn_relu6(x, last, 1, name="backbone_last")
    return features


def _inverted_residual(x, filters, strides, dilation, expansion, symmetric, name):
    shortcut = x
    if expansion > 1:
        x = _conv_bn_relu6(x, x.shape[-1] * expansion, 1, name=f"{name}_expand")
    x = _conv_bn_relu6(
        x,
        None,
        3,
        strides,
        dilation,
        depthwise=True,
        symmetric=symmetric,
        name=f"{name}_depthwise",
    )
    x = conv(x, filters, 1, use_bias=False, name=f"{name}_project")
    x = batch_norm(x, name=f"{name}_project")
    if strides == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _conv_bn_relu6(x, filters, kernel_size, strides=1, dilation=1, *, name, **options):
    x = conv(x, filters, kernel_size, strides, dilation, use_bias=False, name=name, **options)
    return layers.ReLU(6.0, name=f"{name}_relu")(batch_norm(x, name=name))


def load_imagenet(model, width=1.0, source=None):
    """Copy ImageNet weights into the backbone of `model` and return the names of filled layers.

    `source` is a keras.applications MobileNetV2, by default the published one of this width (Keras
    downloads it once; widths 0.35, 0.5, 0.75, 1.0, 1.3, 1.4). Its batch norms have epsilon 1e-3;
    the difference is added to the running variance, so that inference computes the same function.
    Raises ValueError if a backbone layer has no counterpart in `source`.
    """
    if source is None:
        source = imagenet.published(
            keras.applications.MobileNetV2, input_shape=(224, 224, 3), alpha=width
        )
    ours = {layer.name for layer in model.layers}
    filled = []
    for theirs in source.layers:
        name = _applications_name(theirs.name)
        if not theirs.weights or name not in ours:
            continue
        values = theirs.get_weights()
        if isinstance(theirs, layers.BatchNormalization):
            values[3] = values[3] + theirs.epsilon - model.get_layer(name).epsilon
        model.get_layer(name).set_weights(values)
        filled.append(name)
    wanted = [n for n in ours if n.startswith("backbone_") and model.get_layer(n).weights]
    if missing := sorted(set(wanted) - set(filled)):
        raise ValueError(f"{source.name} has no weights for {', '.join(missing)}")
    return filled


def _applications_name(name):
    """Translate a layer name: block_3_expand_BN -> backbone_block4_expand_bn."""
    whole = {
        "Conv1": "backbone_stem_conv",
        "bn_Conv1": "backbone_stem_bn",
        "Conv_1": "backbone_last_conv",
        "Conv_1_bn": "backbone_last_bn",
    }
    if match := re.fullmatch(r"(?:block_(\d+)|expanded_conv)_(\w+?)(_BN)?", name):
        number, part, norm = match.groups()
        return f"backbone_block{int(number or 0) + 1}_{part}_{'bn' if norm else 'conv'}"
    return whole.get(name)
