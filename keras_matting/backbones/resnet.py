"""ResNet (He et al. 2016) as in torchvision, with a bottleneck's stride in its 3x3 convolution.

keras.applications puts the stride in the 1x1 convolution, which is a different function. Load
torchvision's ImageNet checkpoints (BSD-3-Clause) with `weights.load_backbone`.
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
    """Map a normalised image (B, H, W, C) to {stride: feature} and "stem", the map before pooling.

    The stem has 64 channels at 1/2. Strides 4, 8, 16 and 32 have 64, 128, 256 and 512 channels,
    four times as many with bottlenecks. `dilated` keeps the last stage at 1/16, and stride 16 is
    then its output instead of stage 3's.
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
    """Max-pool 3x3 with stride 2 and one pixel of padding on all sides; x is never negative."""
    # zero padding is neutral only after a ReLU
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)


def residual_stage(x, width, blocks, strides, bottleneck=False, dilate=False, *, name):
    """Apply residual blocks, the first with `strides`, the others with dilation 2 if `dilate`."""
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
