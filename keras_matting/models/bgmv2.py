"""Background Matting V2: matting with a captured background (Lin et al., CVPR 2021).

`bgmv2_base_<backbone>` predicts alpha, foreground and an error map; `bgmv2_<backbone>` runs it at a
quarter of the size, then refines the 4x4 cells with the largest error at full size. The networks
equal PeterL1n/BackgroundMattingV2 (code and weights MIT) and load its checkpoints.

`bgmv2_base_mobilenetv2_mobile` is our variant for integer hardware: TensorFlow's SAME padding,
nearest-neighbour upsampling, an added global context instead of the pyramid's mean, half the
pyramid's channels, and no hidden channels, which only the refinement needs.
"""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones.mobilenet_v2 import mobilenet_v2
from keras_matting.backbones.resnet import resnet
from keras_matting.layers.blocks import conv, conv_bn_relu, global_context, upsample
from keras_matting.layers.patches import (
    CELL,
    CutPatches,
    PastePatches,
    PatchBatchNorm,
    SampleCells,
    ThresholdCells,
)
from keras_matting.layers.resize import Downscale, ResizeLike

BACKBONES = ("mobilenetv2", "resnet50", "resnet101")
# `base` predicts at the size that it is given, multiples of `stride`
VARIANTS = {
    f"bgmv2_base_{b}": dict(backbone=b, base="published", stride=1, refine=False) for b in BACKBONES
}
VARIANTS |= {f"bgmv2_{b}": dict(backbone=b, refine=True) for b in BACKBONES}
VARIANTS["bgmv2_base_mobilenetv2_mobile"] = dict(
    backbone="mobilenetv2", base="mobile", stride=16, refine=False
)
OUTPUTS = ("alpha", "foreground")
STRIDE = 4
REFINE_MODES = ("full", "sampling", "thresholding")
HIDDEN = 32


def build(
    variant,
    input_shape=(512, 512, 3),
    training_heads=False,
    refine_mode="sampling",
    refine_sample_pixels=80_000,
    refine_threshold=0.1,
    backbone_scale=0.25,
):
    """Build the network.

    Inputs: `image` and `background`, (B, H, W, 3) in [0, 1]. Outputs: `alpha` (B, H, W, 1) and
    `foreground` (B, H, W, 3) in [0, 1].

    Base networks take any size, the mobile one multiples of 16. Their `training_heads` are `error`
    (B, H, W, 1) and, except for mobile, `hidden`. Refining networks take multiples of 4; their
    heads are `alpha_coarse`, `foreground_coarse` and `error_coarse`, at `backbone_scale` times the
    size, and `refined` (B, H/4, W/4, 1), which is 1 for refined cells.

    `refine_mode` selects the cells to refine: "full" all of them; "sampling" the
    refine_sample_pixels / 16 cells with the largest error (all, if there are fewer);
    "thresholding" those with an error above `refine_threshold`. Base networks ignore these options.

    Raises ValueError for an unknown `refine_mode`, a `backbone_scale` outside (0, 0.5], or a size
    that is not a multiple of the stride.
    """
    config = VARIANTS[variant]
    inputs = {key: keras.Input(input_shape, name=key) for key in ("image", "background")}
    image, background = inputs.values()
    if not config["refine"]:
        _check_multiple(input_shape, config["stride"], variant)
        maps = BASES[config["base"]](image, background, config["backbone"])
        outputs = _named(maps, image, names=("alpha", "foreground", "error"))
        heads = {"error": outputs.pop("error")}
        if len(maps) > 3:  # for a refinement
            heads["hidden"] = _float32(maps[3], "hidden")
    else:
        _check_options(input_shape, refine_mode, backbone_scale)
        small = [
            Downscale(backbone_scale, dtype="float32", name=f"{key}_small")(x)
            for key, x in inputs.items()
        ]
        maps = _base(*small, config["backbone"])
        select = {
            "full": None,
            "sampling": SampleCells(refine_sample_pixels // CELL**2, dtype="float32", name="cells"),
            "thresholding": ThresholdCells(refine_threshold, dtype="float32", name="cells"),
        }[refine_mode]
        refined, where = _refine(image, background, maps, select)
        outputs = _named([refined[:, :, :, :1], refined[:, :, :, 1:]], image)
        names = ("alpha_coarse", "foreground_coarse", "error_coarse")
        heads = _named(maps, small[0], names=names) | {"refined": _float32(where, "refined")}
    return keras.Model(inputs, outputs | (heads if training_heads else {}), name=variant)


def _check_options(input_shape, refine_mode, backbone_scale):
    if refine_mode not in REFINE_MODES:
        known = ", ".join(REFINE_MODES)
        raise ValueError(f"unknown refine_mode {refine_mode!r}; available: {known}")
    if not 0 < backbone_scale <= 0.5:
        raise ValueError(f"backbone_scale must be in (0, 0.5], got {backbone_scale}")
    _check_multiple(input_shape, STRIDE, "refinement")


def _check_multiple(input_shape, stride, reason):
    if any(side is not None and side % stride for side in input_shape[:2]):
        raise ValueError(
            f"{reason} needs sides that are multiples of {stride}, got {input_shape[:2]}"
        )


def _named(maps, image, names=("alpha", "foreground")):
    """Name the outputs and clip them to [0, 1]; foreground is predicted as image + residual."""
    alpha, residual, *error = maps[:3]
    foreground = layers.Add(dtype="float32", name=f"{names[1]}_add")([residual, image])
    values = [alpha, foreground, *error]
    return {
        name: layers.ReLU(1.0, dtype="float32", name=name)(x)
        for name, x in zip(names, values, strict=True)
    }


def _float32(x, name):
    return layers.Activation("linear", dtype="float32", name=name)(x)


def _base(image, background, backbone):
    """Return alpha in [0, 1], the foreground's residual, error in [0, 1] and 32 hidden channels."""
    pair = layers.Concatenate(name="pair")([image, background])
    if backbone == "mobilenetv2":
        features = mobilenet_v2(pair, last_conv=False, dilated=True)
        skips = [features[8], features[4], features[2], pair]
    else:
        features = resnet(pair, backbone, dilated=True)
        skips = [features[8], features[4], features["stem"], pair]
    x = _aspp(features[16])
    for i, (width, skip) in enumerate(zip((128, 64, 48), skips, strict=False)):
        x = _decode(x, skip, f"decoder{i}")
        x = conv_bn_relu(x, width, name=f"decoder{i}")
    x = conv(_decode(x, pair, "decoder3"), 5 + HIDDEN, name="decoder3")
    # not tf.split: TFLite implements unequal splits in float only
    alpha, residual, error = x[:, :, :, :1], x[:, :, :, 1:4], x[:, :, :, 4:5]
    hidden = x[:, :, :, 5:]
    return (
        layers.ReLU(1.0, dtype="float32", name="coarse_alpha")(alpha),
        residual,
        layers.ReLU(1.0, dtype="float32", name="coarse_error")(error),
        layers.ReLU(name="coarse_hidden")(hidden),
    )


def _mobile_base(image, background, _):
    """Return alpha, the foreground's residual and error, all unclipped."""
    pair = layers.Concatenate(name="pair")([image, background])
    features = mobilenet_v2(pair, last_conv=False, dilated=True, symmetric=False)
    x = _rates(global_context(features[16], name="context"), 128)
    x = conv_bn_relu(layers.Concatenate(name="aspp_concat")(x), 128, 1, name="aspp")
    x = layers.Dropout(0.5, name="aspp_dropout")(x)
    for i, (width, stride) in enumerate(((96, 8), (64, 4), (48, 2))):
        x = upsample(x, interpolation="nearest", name=f"decoder{i}_up")
        x = layers.Concatenate(name=f"decoder{i}_concat")([x, features[stride]])
        x = conv_bn_relu(x, width, name=f"decoder{i}")
    x = upsample(x, interpolation="nearest", name="decoder3_up")
    x = layers.Concatenate(name="decoder3_concat")([x, pair])
    x = conv_bn_relu(x, 16, name="decoder3")
    channels = {"alpha": 1, "residual": 3, "error": 1}
    return [conv(x, count, 1, name=f"{name}_logit") for name, count in channels.items()]


def _rates(x, width):
    """Return four maps of `width` channels with growing receptive fields."""
    near = conv_bn_relu(x, width, 1, name="aspp_rate1")
    far = [conv_bn_relu(x, width, 3, 1, rate, name=f"aspp_rate{rate}") for rate in (3, 6, 9)]
    return [near, *far]


def _aspp(x):
    """Apply atrous spatial pyramid pooling (Chen et al. 2017) with rates 3, 6 and 9."""
    branches = _rates(x, 256)
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="aspp_mean")(x)
    mean = conv_bn_relu(mean, 256, 1, name="aspp_mean")
    branches.append(ResizeLike(name="aspp_mean_up")([mean, x]))
    x = layers.Concatenate(name="aspp_concat")(branches)
    return layers.Dropout(0.5, name="aspp_dropout")(conv_bn_relu(x, 256, 1, name="aspp"))


def _decode(x, skip, name):
    x = ResizeLike(name=f"{name}_up")([x, skip])
    return layers.Concatenate(name=f"{name}_concat")([x, skip])


def _refine(image, background, maps, select):
    """Return unclipped alpha and residual (B, H, W, 4) and the map of refined cells.

    `select` None refines the whole map. Patches include the context that two unpadded 3x3
    convolutions at half size and two at full size need, so a cell's result is the same either way.
    """
    alpha, residual, error, hidden = maps
    # selection, resizing and pasting stay float32 under any policy
    coarse = layers.Concatenate(dtype="float32", name="refine_coarse")([alpha, residual])
    pair = layers.Concatenate(name="refine_pair")([image, background])
    half = Downscale(0.5, name="refine_pair_half")(pair)
    coarse_half = layers.Concatenate(name="refine_half")([hidden, coarse])
    coarse_half = ResizeLike(name="refine_half_up")([coarse_half, half])
    half = layers.Concatenate(name="refine_half_concat")([coarse_half, half])
    half = layers.ZeroPadding2D(3, name="refine_half_pad")(half)
    full = layers.ZeroPadding2D(2, name="refine_full_pad")(pair)
    quarter = Downscale(0.25, name="refine_cells")(image)
    error = ResizeLike(dtype="float32", name="refine_error")([error, quarter])
    if select is None:
        return _refiner(half, full), tf.ones_like(error)
    cells, keep = select(error)
    patches = _refiner(
        CutPatches(8, 2, name="refine_half_cut")([half, cells]),
        CutPatches(8, 4, name="refine_full_cut")([full, cells]),
    )
    coarse = ResizeLike(dtype="float32", name="refine_coarse_up")([coarse, image])
    return PastePatches(dtype="float32", name="refine_paste")([coarse, cells, keep, patches])


def _refiner(half, full):
    """Refine patches: (N, h + 6, w + 6, 42), (N, 2h + 4, 2w + 4, 6) -> (N, 2h, 2w, 4)."""
    x = _conv_patches(half, 24, name="refine0")
    x = _conv_patches(x, 16, name="refine1")
    x = upsample(x, interpolation="nearest", name="refine_up")
    x = layers.Concatenate(name="refine_concat")([x, full])
    x = _conv_patches(x, 12, name="refine2")
    return conv(x, 4, padding="valid", name="refine3")


def _conv_patches(x, filters, *, name):
    """Convolve without padding: (N, h, w, C) -> (N, h - 2, w - 2, filters); N may be 0."""
    x = conv(x, filters, padding="valid", use_bias=False, name=name)
    x = PatchBatchNorm(epsilon=1e-5, momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


BASES = {"published": _base, "mobile": _mobile_base}
