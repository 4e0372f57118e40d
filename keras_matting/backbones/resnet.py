"""ResNet (He et al. 2016) as torchvision has it: the stride of a bottleneck sits in its 3x3.

keras.applications puts it in the 1x1, another function; ImageNet weights come from torchvision's
checkpoints (BSD-3-Clause) through `weights.load_backbone`.
"""

from tensorflow.keras import layers

from keras_matting.layers.blocks import conv_bn, conv_bn_relu

DEPTHS = {  # blocks per stage, whether they are bottlenecks
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
}
WIDTHS = (64, 128, 256, 512)


def resnet(x, depth, dilated=False):
    """Normalised image (B, H, W, C) -> {stride: feature}, and "stem": the map before the max pool.

    64 channels in the stem at 1/2, then 64, 128, 256, 512 at 4, 8, 16, 32, four times that with
    bottlenecks. `dilated` keeps the last stage at 1/16: {16} is its output, not stage 3's.
    """
    repeats, bottleneck = DEPTHS[depth]
    x = stem = conv_bn_relu(x, 64, 7, 2, name="backbone_stem")
    x = max_pool(x, name="backbone_pool")
    features = {"stem": stem}
    for stage, (width, blocks) in enumerate(zip(WIDTHS, repeats, strict=True), start=1):
        dilate = dilated and stage == 4
        strides = 1 if stage == 1 or dilate else 2
        name = f"backbone_stage{stage}"
        x = residual_stage(x, width, blocks, strides, bottleneck, dilate, name=name)
        features[4 * 2 ** (stage - 1) // (2 if dilate else 1)] = x
    return features


def max_pool(x, *, name):
    """3x3, stride 2, padded by one pixel below every value on all sides."""
    # zeros will do: the map comes out of a ReLU
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)


def residual_stage(x, width, blocks, strides, bottleneck=False, dilate=False, *, name):
    """`blocks` residual blocks, the first with `strides`, the others dilated by 2 if `dilate`."""
    block = _bottleneck if bottleneck else _basic
    for i in range(blocks):
        dilation = 2 if dilate and i > 0 else 1
        x = block(x, width, strides if i == 0 else 1, dilation, name=f"{name}_block{i}")
    return x


def _basic(x, width, strides, dilation, *, name):
    y = conv_bn_relu(x, width, 3, strides, dilation, name=f"{name}_conv1")
    y = conv_bn(y, width, 3, 1, dilation, name=f"{name}_conv2")
    return _add(x, y, strides, name)


def _bottleneck(x, width, strides, dilation, *, name):
    y = conv_bn_relu(x, width, 1, name=f"{name}_conv1")
    y = conv_bn_relu(y, width, 3, strides, dilation, name=f"{name}_conv2")
    y = conv_bn(y, 4 * width, 1, name=f"{name}_conv3")
    return _add(x, y, strides, name)


def _add(x, y, strides, name):
    if x.shape[-1] != y.shape[-1] or strides > 1:
        x = conv_bn(x, y.shape[-1], 1, strides, name=f"{name}_shortcut")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.ReLU(name=f"{name}_relu")(x)
