"""PP-Matting: trimap-free, semantics guide high-resolution detail (Chen et al. 2022).

`ppmatting_hrnet_w18` and `_w48` equal PaddleSeg's networks (code Apache-2.0; no licence is stated
for the weights) and load their checkpoints. In the paper's formula for the guidance flow, the
concatenation passes one convolution; the released code reduces the guidance to one channel and
applies two norms and two convolutions. `ppmatting_hrnet_w18_paper` and `_w48_paper` follow the
formula; there is no published implementation to compare them with.

`ppmatting_mobilenetv2_mobile` is our variant for integer hardware: a quarter of the channels,
nearest-neighbour upsampling, an added global context instead of pyramid pooling, guidance that is
added to the detail instead of gating it, and a semantic branch that receives the backbone's maps of
every size. Both branches end at half size, where integer kernels have enough channels to be fast:
the last convolutions predict the four pixels of each 2x2 block, and the detail branch receives the
image in the same form.
"""

from functools import partial

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones import mobilenet_v2
from keras_matting.backbones.hrnet import hrnet
from keras_matting.layers import blocks
from keras_matting.layers.blocks import batch_norm, conv, global_context, upsample
from keras_matting.layers.class_selection import FuseByClass
from keras_matting.layers.pooling import AdaptiveAveragePooling2D
from keras_matting.layers.resize import ResizeLike
from keras_matting.layers.subpixels import DepthToSpace

# `part` divides the channels below; `skips`: whether the semantic stages see the backbone's maps;
# `finest`: the stride at which both branches end
PUBLISHED = dict(part=1, up="bilinear", context="pyramid_pooling", skips=False, finest=1)
MOBILE = dict(part=4, up="nearest", context="global_context", skips=True, finest=2)
VARIANTS = {
    "ppmatting_hrnet_w18": dict(backbone="hrnet_w18", flow="released", **PUBLISHED),
    "ppmatting_hrnet_w48": dict(backbone="hrnet_w48", flow="released", **PUBLISHED),
    "ppmatting_hrnet_w18_paper": dict(backbone="hrnet_w18", flow="paper", **PUBLISHED),
    "ppmatting_hrnet_w48_paper": dict(backbone="hrnet_w48", flow="paper", **PUBLISHED),
    "ppmatting_mobilenetv2_mobile": dict(backbone="mobilenetv2", **MOBILE),
}
OUTPUTS = ("alpha",)
STRIDE = 32
PYRAMID = (5, 3, 1)
SIDES = (256, 128, 64, 64)
STAGES = ((512, 512, 256), (256, 256, 128), (128, 128, 64), (128, 128, 64), (64, 64, 64))
DETAIL = (64, 32, 16)
HALF_SIZE_DETAIL = (32, 32, 16)
FUSED = (1.0, None, 0.0)  # alpha in foreground, transition and background

_conv_bn = partial(blocks.conv_bn, biased=True)
_conv_bn_relu = partial(blocks.conv_bn_relu, biased=True)


def build(variant, input_shape=(512, 512, 3), training_heads=False):
    """Build the network: image (B, H, W, 3) in [0, 1] -> {"alpha": (B, H, W, 1)} in [0, 1].

    H and W are multiples of 32. `training_heads` adds `semantic` (B, H, W, 3), the probabilities of
    foreground, transition and background, in this order, and `detail` (B, H, W, 1), alpha in the
    transition.
    """
    config = VARIANTS[variant]
    image = keras.Input(input_shape, name="image")
    pixels = layers.Rescaling(2.0, -1.0, name="normalise")(image)
    if config["backbone"] == "mobilenetv2":
        features = mobilenet_v2.mobilenet_v2(pixels, last_conv=False, symmetric=False)
    else:
        features = hrnet(pixels, config["backbone"])
    classes, stages = _semantic_branch(features, config)
    if config["finest"] == 1:
        outputs = _fused(classes, _detail_branch(features, stages, config))
    else:
        outputs = _fused_blocks(classes, _half_size_detail_branch(pixels, features, stages))
    if not training_heads:
        outputs = {"alpha": outputs["alpha"]}
    return keras.Model({"image": image}, outputs, name=variant)


def load_imagenet(model):
    """Load the MobileNetV2 backbone from keras.applications; ValueError for HRNet."""
    if VARIANTS[model.name]["backbone"] != "mobilenetv2":
        raise ValueError(
            "keras.applications has no HRNet; use weights.load_backbone with PaddleSeg's ImageNet "
            "checkpoint"
        )
    mobilenet_v2.load_imagenet(model)


def _fused(classes, logit):
    """Return alpha, semantic and detail, given logits of classes (B, H, W, 3) and detail."""
    semantic = layers.Softmax(dtype="float32", name="semantic")(classes)
    detail = layers.Activation("sigmoid", dtype="float32", name="detail")(logit)
    alpha = FuseByClass(FUSED, dtype="float32", name="alpha")([semantic, detail])
    return {"alpha": alpha, "semantic": semantic, "detail": detail}


def _fused_blocks(classes, logit):
    """Return the same, given the logits of 2x2 blocks, (B, H/2, W/2, 12) and (B, H/2, W/2, 4).

    Logits select the class; a softmax keeps their order, but its 8-bit outputs tie more often.
    """
    whole = partial(DepthToSpace, dtype="float32")
    semantic = layers.Softmax(dtype="float32", name="semantic")(whole(name="classes")(classes))
    detail = layers.Activation("sigmoid", dtype="float32", name="detail_blocks")(logit)
    alpha = FuseByClass(FUSED, dtype="float32", name="alpha_blocks")([classes, detail])
    alpha, detail = whole(name="alpha")(alpha), whole(name="detail")(detail)
    return {"alpha": alpha, "semantic": semantic, "detail": detail}


def _semantic_branch(features, config):
    """Return logits of classes and the outputs of five stages, at 1/16 to 1 or 1/2 (`finest`).

    The logits are (B, H, W, 3), or of 2x2 blocks (B, H/2, W/2, 12), four of each class in turn.
    The branch starts from the backbone's 1/32 map. HRNet has already fused the finer maps into it;
    MobileNetV2 has not, so there each stage also receives the map of its own size.
    """
    x = features[32]
    part, up = config["part"], partial(upsample, interpolation=config["up"])
    pyramid = CONTEXTS[config["context"]](x, 512 // part)
    stages = []
    x = layers.Concatenate(name="semantic0_concat")([pyramid, x])
    for stage, widths in enumerate(STAGES):
        if stage:
            width = SIDES[stage - 1] // part
            side = _conv_bn_relu(pyramid, width, use_bias=True, name=f"side{stage - 1}")
            side = up(side, 2**stage, name=f"side{stage - 1}_up")
            skip = [features[32 >> stage]] if config["skips"] else []
            x = layers.Concatenate(name=f"semantic{stage}_concat")([side, x, *skip])
        for i, width in enumerate(widths):
            dilation = 2 if stage == 0 and i > 0 else 1
            name = f"semantic{stage}_{i}"
            x = _conv_bn_relu(x, width // part, dilation=dilation, use_bias=True, name=name)
        if stage < 4 or config["finest"] == 1:
            x = up(x, name=f"semantic{stage}_up")
        stages.append(x)
    for i in range(2):
        x = _conv_bn_relu(x, 64 // part, use_bias=True, name=f"semantic5_{i}")
    return conv(x, 3 * config["finest"] ** 2, name="semantic_logit"), stages


def _global_context(x, width):
    return _conv_bn_relu(global_context(x, name="context"), width, name="pyramid")


def _pyramid_pooling(x, width):
    levels = [x]
    for bins in PYRAMID:
        pooled = AdaptiveAveragePooling2D(bins, name=f"pyramid{bins}_pool")(x)
        pooled = _conv_bn_relu(pooled, x.shape[-1], 1, use_bias=True, name=f"pyramid{bins}")
        levels.append(ResizeLike(name=f"pyramid{bins}_up")([pooled, x]))
    x = layers.Concatenate(name="pyramid_concat")(levels)
    return _conv_bn_relu(x, width, use_bias=True, name="pyramid")


def _detail_branch(features, stages, config):
    """Return logits (B, H, W, 1) from full-size residual blocks, each followed by a gate."""
    part, up = config["part"], partial(upsample, interpolation=config["up"])
    fine = up(features[2], 2, name="detail_fine_up")
    coarse = up(features[4], 4, name="detail_coarse_up")
    x = layers.Concatenate(name="detail_concat")([fine, coarse])
    for i, width in enumerate(DETAIL):
        width = width // part
        x = _residual(x, width, name=f"detail{i}")
        x = conv(x, width // 2, 1, name=f"detail{i}_reduce")
        guidance = stages[2 * i]
        if config["flow"] != "paper":
            guidance = conv(guidance, 1, 1, name=f"guidance{i}")
        if i < 2:
            guidance = up(guidance, (16, 4)[i], name=f"guidance{i}_up")
        x = FLOWS[config["flow"]](x, guidance, name=f"gate{i}")
    return conv(x, 1, 1, use_bias=False, name="detail_logit")


def _half_size_detail_branch(pixels, features, stages):
    """Return logits of 2x2 blocks (B, H/2, W/2, 4) from residual blocks and guidance between them.

    Adding the guidance, mixed before it is upsampled, equals concatenating it before a convolution.
    """
    up = partial(upsample, interpolation="nearest")
    image2 = _conv_bn_relu(pixels, 16, 2, 2, symmetric=False, name="detail_image")
    coarse = up(features[4], name="detail_coarse_up")
    x = layers.Concatenate(name="detail_concat")([image2, features[2], coarse])
    for i, width in enumerate(HALF_SIZE_DETAIL):
        x = _residual(x, width, name=f"detail{i}")
        x = _conv_bn(x, width // 2, 1, name=f"detail{i}_reduce")
        guidance = conv(stages[2 * i], width // 2, 1, name=f"guidance{i}")
        if i < 2:
            guidance = up(guidance, (8, 2)[i], name=f"guidance{i}_up")
        x = layers.Add(name=f"gate{i}_add")([x, guidance])
        x = layers.ReLU(name=f"gate{i}_relu")(x)
    return conv(x, 4, name="detail_logit")


def _residual(x, width, name):
    y = _conv_bn_relu(x, width, name=f"{name}_0")
    y = _conv_bn(y, width, name=f"{name}_1")
    if x.shape[-1] != width:
        x = _conv_bn(x, width, 1, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _released_gate(x, guidance, name):
    gate = layers.Concatenate(name=f"{name}_concat")([x, guidance])
    gate = batch_norm(gate, biased=True, name=f"{name}_0")
    gate = conv(gate, gate.shape[-1], 1, name=f"{name}_0")
    gate = layers.ReLU(name=f"{name}_relu")(gate)
    gate = conv(gate, 1, 1, name=f"{name}_1")
    return _amplify(x, batch_norm(gate, biased=True, name=f"{name}_1"), name)


def _paper_gate(x, guidance, name):
    gate = layers.Concatenate(name=f"{name}_concat")([x, guidance])
    return _amplify(x, conv(gate, 1, 1, name=f"{name}_1"), name)


def _amplify(x, gate, name):
    """Multiply x by 1 + sigmoid(gate): guidance can amplify detail but not suppress it."""
    gate = layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    amplified = layers.Multiply(name=f"{name}_multiply")([x, gate])
    x = layers.Add(name=f"{name}_add")([x, amplified])
    return conv(x, x.shape[-1], 1, use_bias=False, name=name)


CONTEXTS = {"pyramid_pooling": _pyramid_pooling, "global_context": _global_context}
FLOWS = {"released": _released_gate, "paper": _paper_gate}
