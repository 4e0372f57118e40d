"""GFM: a glance decoder for semantics, a focus decoder for detail (Li et al., IJCV 2022).

`gfm_<backbone>_<representation>` equal the networks of JizhiziLi/GFM (MIT; its datasets have
separate agreements). The representations of semantics and transition area:

    tt   glance: trimap (background, transition, foreground); focus: alpha in the transition
    ft   glance: definite foreground; focus: alpha outside it, which is added
    bt   glance: everything except definite background; focus: its excess, which is subtracted
    rim  all three from one decoder, merged by convolutions

`resnet34_2b` is the deeper encoder of the "r34_2b" files, at four times the resolution; at 512x512
it costs twelve times as much as `resnet34`. `gfm_resnet34_tt_paper` adds the pyramid pooling to the
glance decoder, as in the paper, instead of concatenating it.

`gfm_mobilenetv2_<representation>_mobile` is our variant for integer hardware: nearest-neighbour
upsampling, so that the heads' last convolution runs at full size, and an added global context
instead of pyramid pooling.
"""

from functools import partial

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones import densenet, mobilenet_v2
from keras_matting.backbones.resnet import residual_stage, resnet
from keras_matting.layers.blocks import (
    conv,
    conv_bn_relu,
    global_context,
    squeeze_excite,
    upsample,
)
from keras_matting.layers.class_selection import FuseByClass
from keras_matting.layers.pooling import AdaptiveAveragePooling2D
from keras_matting.layers.resize import ResizeLike

# backbone: widths of the decoder's blocks, starting at 1/32
DECODERS = {
    "resnet34": [(512, 512, 256), (256, 256, 128), (128, 128, 64), (64, 64, 64)],
    "resnet34_2b": [(512, 512, 512)] * 2
    + [(512, 512, 256), (256, 256, 128), (128, 128, 64), (64, 64, 64)],
    "densenet121": [(512, 512, 256), (256, 256, 128), (128, 128, 64), (64, 64, 64)],
    "resnet101": [(2048, 1024, 1024), (1024, 512, 512), (512, 256, 256), (256, 128, 64)],
    "mobilenetv2": [(256, 256, 128), (128, 128, 64), (64, 64, 32), (32, 32, 32)],
}
# `scale`: factor and offset of the pixels, of which the released encoders take raw 0..255 values,
# without ImageNet normalisation; `fuse`: what selects the class, where the sigmoid keeps the order
# of the logits, but its 8-bit outputs tie more often; `merge`: how the context joins the glance
PUBLISHED = dict(
    scale=(255.0, 0.0), up="bilinear", context="pyramid_pooling", merge="concatenate", fuse="glance"
)
MOBILE = dict(
    scale=(2.0, -1.0), up="nearest", context="global_context", merge="concatenate", fuse="logits"
)
VARIANTS = {
    f"gfm_{backbone}_{representation}": dict(
        backbone=backbone,
        representation=representation,
        head="full_size" if backbone == "resnet34_2b" else "half_size",
        **PUBLISHED,
    )
    for backbone in DECODERS
    if backbone != "mobilenetv2"
    for representation in ("tt", "ft", "bt", "rim")
}
VARIANTS |= {
    f"gfm_mobilenetv2_{representation}_mobile": dict(
        backbone="mobilenetv2", representation=representation, head="repeated", **MOBILE
    )
    for representation in ("tt", "ft", "bt")
}
VARIANTS["gfm_resnet34_tt_paper"] = VARIANTS["gfm_resnet34_tt"] | dict(merge="add")
OUTPUTS = ("alpha",)
STRIDE = 32
PYRAMID = (1, 3, 5)


def build(variant, input_shape=(512, 512, 3), training_heads=False):
    """Build the network: image (B, H, W, 3) in [0, 1] -> {"alpha": (B, H, W, 1)} in [0, 1].

    H and W are multiples of 32. `training_heads` adds `glance` (B, H, W, 3 or 2) and `focus`
    (B, H, W, 1) in [0, 1]; for rim, it adds glance_tt, focus_tt and alpha_tt, and the same for ft
    and bt. The alpha of rim is not clipped to [0, 1].
    """
    config = VARIANTS[variant]
    representation = config["representation"]
    image = keras.Input(input_shape, name="image")
    pixels = layers.Rescaling(*config["scale"], name="normalise")(image)
    features = ENCODERS[config["backbone"]](pixels)
    kinds = ("tt", "ft", "bt") if representation == "rim" else (representation,)
    glance, focus = _decoders(features, config, len(kinds))
    heads = {}
    for kind in kinds:
        suffix = f"_{kind}" if representation == "rim" else ""
        classes = 3 if kind == "tt" else 2
        logit, seen = _head(glance, classes, config["head"], name=f"glance{suffix}")
        _, detail = _head(focus, 1, config["head"], name=f"focus{suffix}")
        heads |= {f"glance{suffix}": seen, f"focus{suffix}": detail}
        if kind == "bt":
            detail = layers.Rescaling(-1.0, 1.0, dtype="float32", name=f"rest{suffix}")(detail)
        fuse = FuseByClass(FUSIONS[kind], dtype="float32", name=f"alpha{suffix}")
        chosen_by = logit if config["fuse"] == "logits" else seen
        heads[f"alpha{suffix}"] = fuse([chosen_by, detail])
    if representation == "rim":
        heads["alpha"] = _integrate([heads[f"alpha_{kind}"] for kind in kinds])
    outputs = {"alpha": heads.pop("alpha")} | (heads if training_heads else {})
    return keras.Model({"image": image}, outputs, name=variant)


def load_imagenet(model):
    """Load DenseNet-121 or MobileNetV2 from keras.applications; ValueError for ResNets."""
    if "mobilenetv2" in model.name:
        mobilenet_v2.load_imagenet(model)
        return
    if "densenet" not in model.name:
        raise ValueError(
            f"keras.applications has no ImageNet weights for {model.name}: its ResNets place the "
            "stride differently; use weights.load_backbone with a torchvision checkpoint"
        )
    densenet.load_imagenet(model)


def _resnet34(x):
    return _resnet(x, "resnet34")


def _resnet101(x):
    return _resnet(x, "resnet101")


def _resnet(x, depth):
    """Return features from 1/2 to 1/32."""
    features = resnet(x, depth)
    return [features[key] for key in ("stem", 4, 8, 16, 32)]


def _resnet34_2b(x):
    """Return features at 1 (twice), 1/2, ... 1/32."""
    x = conv_bn_relu(x, 64, use_bias=True, name="encoder_stem")
    features = [x]
    stages = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2), (512, 3, 1), (512, 3, 1))
    for stage, (width, blocks, strides) in enumerate(stages, start=1):
        name = f"{'backbone' if stage <= 4 else 'encoder'}_stage{stage}"
        if stage > 4:
            x = layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)
        x = residual_stage(x, width, blocks, strides, name=name)
        features.append(x)
    return features


def _densenet121(x):
    """Return features from 1/2 to 1/32; no pooling after the stem, so the last block is at 1/16."""
    features = [densenet.stem(x)]
    x = features[0]
    for block in (1, 2, 3):
        x = densenet.transition(densenet.dense_block(x, block), block)
        features.append(x)
    x = densenet.dense_block(x, 4)
    x = conv_bn_relu(x, 512, use_bias=True, name="encoder_last")
    return [*features, layers.MaxPooling2D(2, padding="same", name="encoder_last_pool")(x)]


def _mobilenetv2(x):
    """Return features from 1/2 to 1/32."""
    return list(mobilenet_v2.mobilenet_v2(x, last_conv=False, symmetric=False).values())


def _decoders(features, config, heads):
    """Return (glance, focus) features for `heads` pairs, at 1/2 (resnet34_2b: full size)."""
    widths = DECODERS[config["backbone"]]
    full = len(widths) == 6
    bottom = features[-1]
    up = partial(upsample, interpolation=config["up"])
    pyramid = CONTEXTS[config["context"]](bottom)
    glance = MERGES[config["merge"]](name="glance_bottom")([pyramid, bottom])
    focus = layers.Concatenate(name="focus_bottom")([_bridge(bottom), bottom])
    for i, block in enumerate(widths):
        level = len(widths) - i
        grows = not (full and level == 1)
        glance = _decoder_block(glance, block, name=f"glance{level}")
        focus = _decoder_block(focus, block, name=f"focus{level}")
        if not grows:
            return glance, focus
        glance, focus = up(glance, name=f"glance{level}_up"), up(focus, name=f"focus{level}_up")
        # the released network recomputes the last context, and updates its norm, for every head
        context = _context(pyramid, block[-1], heads if level == 1 else 1, name=f"context{level}")
        context = up(context, 2 ** (i + 1), name=f"context{level}_up")
        glance = MERGES[config["merge"]](name=f"glance{level}_concat")([context, glance])
        focus = layers.Concatenate(name=f"focus{level}_concat")([focus, features[level - 1]])
    return glance, focus


def _pyramid_pooling(x):
    """Pool as PSPNet does, with bins 1, 3 and 5 and corner-aligned upsampling."""
    levels = []
    for bins in PYRAMID:
        pooled = AdaptiveAveragePooling2D(bins, name=f"pyramid{bins}_pool")(x)
        pooled = conv(pooled, x.shape[-1], 1, use_bias=False, name=f"pyramid{bins}")
        levels.append(ResizeLike(align_corners=True, name=f"pyramid{bins}_up")([pooled, x]))
    pooled = layers.Concatenate(name="pyramid_concat")([*levels, x])
    return layers.ReLU(name="pyramid_relu")(conv(pooled, x.shape[-1], 1, name="pyramid"))


def _context(x, filters, calls, *, name):
    """Apply `conv_bn_relu` with running statistics that move as they would in `calls` calls."""
    x = conv(x, filters, name=name)
    x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9**calls, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _bridge(x):
    for i in range(3):
        x = conv_bn_relu(x, x.shape[-1], dilation=2, use_bias=True, name=f"bridge{i}")
    return x


def _decoder_block(x, widths, *, name):
    for i, width in enumerate(widths):
        x = conv_bn_relu(x, width, use_bias=True, name=f"{name}_{i}")
    return x


def _head(x, channels, head, *, name):
    """Return logits (B, H, W, channels), upsampled, and their sigmoid."""
    logits = HEADS[head](x, channels, name)
    return logits, layers.Activation("sigmoid", dtype="float32", name=name)(logits)


def _full_size_logits(x, channels, name):
    return conv(x, channels, name=f"{name}_logit")


def _half_size_logits(x, channels, name):
    for i in range(2):
        x = conv_bn_relu(x, 64, use_bias=True, name=f"{name}_head{i}")
    x = conv(x, channels, name=f"{name}_logit")
    return layers.UpSampling2D(interpolation="bilinear", dtype="float32", name=f"{name}_up")(x)


def _repeated_logits(x, channels, name):
    x = conv_bn_relu(x, 32, use_bias=True, name=f"{name}_head0")
    x = upsample(x, interpolation="nearest", name=f"{name}_up")
    x = conv_bn_relu(x, 16, use_bias=True, name=f"{name}_head1")
    return conv(x, channels, name=f"{name}_logit")


def _integrate(alphas):
    x = layers.Concatenate(name="integrate_concat")(alphas)
    x = squeeze_excite(conv(x, 16, 1, name="integrate"), 4, name="integrate_se")
    x = conv(x, 1, 1, name="integrate_logit")
    return layers.Activation("linear", dtype="float32", name="alpha")(x)


ENCODERS = {
    "resnet34": _resnet34,
    "resnet34_2b": _resnet34_2b,
    "densenet121": _densenet121,
    "resnet101": _resnet101,
    "mobilenetv2": _mobilenetv2,
}
CONTEXTS = {
    "pyramid_pooling": _pyramid_pooling,
    "global_context": partial(global_context, name="pyramid"),
}
MERGES = {"concatenate": layers.Concatenate, "add": layers.Add}
HEADS = {
    "full_size": _full_size_logits,
    "half_size": _half_size_logits,
    "repeated": _repeated_logits,
}
# Alpha for each class of glance; None takes it from focus. This equals the released sum or
# difference of glance and focus, clipped to [0, 1].
FUSIONS = {"tt": (0.0, None, 1.0), "ft": (None, 1.0), "bt": (0.0, None)}
