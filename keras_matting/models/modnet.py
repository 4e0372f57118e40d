"""MODNet: portrait matting split into semantics, detail and their fusion (Ke et al., AAAI 2022).

`modnet_mobilenetv2` equals the released network (ZHKKKe/MODNet, code and weights Apache-2.0) and
loads its checkpoints. `modnet_mobilenetv2_easpp` has the paper's efficient ASPP instead of the
released squeeze-and-excitation. `modnet_mobilenetv2_mobile` is our variant for integer hardware:
batch norm instead of IBNorm, TensorFlow's SAME padding, no 1280-channel layer at the end of the
backbone, nearest-neighbour upsampling and an added context, because backends round bilinear
sampling and products differently in integers. `modnet_mobilenetv2_easpp_mobile` is the same with
e-ASPP as its context. These four take a width multiplier.

`modnet_hrnet_w18` is PaddleSeg's version (code Apache-2.0; no licence is stated for the weights).
"""

from functools import partial

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones import mobilenet_v2
from keras_matting.backbones.hrnet import hrnet
from keras_matting.backbones.mobilenet_v2 import scaled
from keras_matting.layers.blocks import (
    batch_norm,
    conv,
    downsample_image,
    global_context,
    he_uniform,
    squeeze_excite,
    upsample,
)
from keras_matting.layers.ibnorm import IBNorm

PUBLISHED = dict(norm="ibnorm", up="bilinear", last_conv=True, use_bias=True, symmetric=True)
MOBILE = dict(norm="batch_norm", up="nearest", last_conv=False, use_bias=False, symmetric=False)
VARIANTS = {
    "modnet_mobilenetv2": dict(context="squeeze_excite", **PUBLISHED),
    "modnet_mobilenetv2_easpp": dict(context="easpp", **PUBLISHED),
    "modnet_mobilenetv2_mobile": dict(context="global_context", **MOBILE),
    "modnet_mobilenetv2_easpp_mobile": dict(context="easpp", **MOBILE),
    "modnet_hrnet_w18": dict(
        context="squeeze_excite", hrnet=True, **PUBLISHED | dict(norm="paddle_ibnorm")
    ),
}
OUTPUTS = ("alpha",)
STRIDE = 32


def build(variant, input_shape=(512, 512, 3), training_heads=False, width=1.0, branch_width=None):
    """Build the network: image (B, H, W, 3) in [0, 1] -> {"alpha": (B, H, W, 1)} in [0, 1].

    H and W are multiples of 32. `training_heads` adds `semantic` (B, H/16, W/16, 1) and `detail`
    (B, H, W, 1), both in [0, 1]. `width` multiplies the channels of the backbone and all branches;
    `branch_width` overrides it in the detail and fusion branches. Both raise ValueError for HRNet,
    which has one width.
    """
    config = VARIANTS[variant]
    hrnet_backbone = config.get("hrnet", False)
    if hrnet_backbone and (width != 1.0 or branch_width is not None):
        raise ValueError(f"{variant} has no width multiplier; leave out width and branch_width")
    image = keras.Input(input_shape, name="image")
    pixels = layers.Rescaling(2.0, -1.0, name="normalise")(image)
    symmetric = config["symmetric"]
    if hrnet_backbone:
        features = hrnet(pixels, "hrnet_w18")
    else:
        features = mobilenet_v2.mobilenet_v2(
            pixels, width, last_conv=config["last_conv"], symmetric=symmetric
        )
    convolve = partial(conv, use_bias=config["use_bias"], symmetric=symmetric)
    norm = NORMS[config["norm"]]

    def block(x, filters, kernel_size=3, strides=1, *, name):
        x = norm(convolve(x, filters, kernel_size, strides, name=name), name=name)
        return layers.ReLU(name=f"{name}_relu")(x)

    up = partial(upsample, interpolation=config["up"])
    channels = scaled(32, width if branch_width is None else branch_width)
    attended = CONTEXTS[config["context"]](features[32])
    low8 = _semantic_branch(attended, features, block, up)
    high2 = _detail_branch(pixels, features, low8, channels, block, up)
    outputs = {"alpha": _fusion_branch(pixels, low8, high2, channels, block, up)}
    if training_heads:
        semantic = conv(low8, 1, 3, 2, symmetric=symmetric, name="semantic_logit")
        high = up(high2, name="detail1_up")
        high = layers.Concatenate(name="detail1_concat")([high, pixels])
        detail = conv(block(high, channels, name="detail1"), 1, 1, name="detail_logit")
        outputs["semantic"] = _sigmoid(semantic, "semantic")
        outputs["detail"] = _sigmoid(detail, "detail")
    return keras.Model({"image": image}, outputs, name=variant)


def load_imagenet(model, width=1.0, branch_width=None):
    """Load the backbone from keras.applications; ValueError for HRNet, which it does not have."""
    if VARIANTS[model.name].get("hrnet"):
        raise ValueError(
            "keras.applications has no HRNet; use weights.load_backbone with PaddleSeg's ImageNet "
            "checkpoint"
        )
    mobilenet_v2.load_imagenet(model, width)


def _semantic_branch(x, features, block, up):
    """Upsample attended 1/32 features to 1/8, with the backbone's widths at 1/16 and 1/8."""
    x = up(x, name="semantic16_up")
    x = block(x, features[16].shape[-1], 5, name="semantic16")
    x = up(x, name="semantic8_up")
    return block(x, features[8].shape[-1], 5, name="semantic8")


def _detail_branch(pixels, features, low8, channels, block, up):
    """Return 1/2 detail features from the image, 1/2 and 1/4 features and the semantics."""
    image2 = downsample_image(pixels, 2, name="image2")
    image4 = downsample_image(pixels, 4, name="image4")
    skip2 = block(features[2], channels, 1, name="detail_skip2")
    skip4 = block(features[4], channels, 1, name="detail_skip4")
    low4 = up(low8, name="detail_low4_up")

    x = layers.Concatenate(name="detail_down_concat")([image2, skip2])
    x = block(x, channels, strides=2, name="detail_down")
    x = layers.Concatenate(name="detail_merge_concat")([x, skip4])
    x = block(x, 2 * channels, name="detail_merge")
    x = layers.Concatenate(name="detail4_concat")([x, low4, image4])
    for i, multiple in enumerate((2, 2, 1)):
        x = block(x, multiple * channels, name=f"detail4_{i}")
    x = up(x, name="detail2_up")
    x = layers.Concatenate(name="detail2_concat")([x, skip2])
    for i, multiple in enumerate((2, 1, 1, 1)):
        x = block(x, multiple * channels, name=f"detail2_{i}")
    return x


def _fusion_branch(pixels, low8, high2, channels, block, up):
    x = up(low8, name="fusion4_up")
    x = block(x, channels, 5, name="fusion4")
    x = up(x, name="fusion2_up")
    x = layers.Concatenate(name="fusion2_concat")([x, high2])
    x = block(x, channels, name="fusion2")
    x = up(x, name="fusion1_up")
    x = layers.Concatenate(name="fusion1_concat")([x, pixels])
    x = block(x, channels // 2, name="fusion1")
    return _sigmoid(conv(x, 1, 1, name="alpha_logit"), "alpha")


def _easpp(x):
    """Apply the paper's efficient ASPP (e-ASPP), which mixes channels outside the branches.

    It reduces to a quarter of the channels, applies depthwise 3x3 branches at several rates, fuses
    them with one weight per branch and channel, and expands with one pointwise convolution. No code
    was released, so the rates are our choice: half of DeepLab's, as the map is at 1/32, not 1/16.
    """
    channels = x.shape[-1]
    x = _conv_bn_relu(x, layers.Conv2D(channels // 4, 1, **_kernel("easpp_reduce")))
    branches = []
    for rate in (1, 3, 6, 9):
        name = f"easpp_rate{rate}"
        depthwise = layers.DepthwiseConv2D(
            3, padding="same", dilation_rate=rate, use_bias=False, name=f"{name}_conv"
        )
        weight = layers.DepthwiseConv2D(
            1, use_bias=False, depthwise_initializer="ones", name=f"{name}_weight"
        )
        branches.append(weight(_conv_bn_relu(x, depthwise)))
    # in pairs, because an integer sum has two terms
    near = layers.Add(name="easpp_fuse_near")(branches[:2])
    far = layers.Add(name="easpp_fuse_far")(branches[2:])
    x = layers.Add(name="easpp_fuse")([near, far])
    return _conv_bn_relu(x, layers.Conv2D(channels, 1, **_kernel("easpp_expand")))


def _kernel(name):
    return dict(use_bias=False, kernel_initializer=he_uniform(), name=f"{name}_conv")


def _conv_bn_relu(x, convolution):
    name = convolution.name.removesuffix("_conv")
    return layers.ReLU(name=f"{name}_relu")(batch_norm(convolution(x), name=name))


def _sigmoid(logit, name):
    return layers.Activation("sigmoid", dtype="float32", name=name)(logit)


CONTEXTS = {
    "squeeze_excite": partial(squeeze_excite, reduction=4, name="semantic_se"),
    "easpp": _easpp,
    "global_context": partial(global_context, name="semantic_context"),
}
NORMS = {
    "ibnorm": lambda x, name: IBNorm(name=f"{name}_norm")(x),
    "paddle_ibnorm": lambda x, name: IBNorm(paddle=True, name=f"{name}_norm")(x),
    "batch_norm": batch_norm,
}
