"""BiSeNetV2: segmentation with a wide shallow and a narrow deep branch (Yu et al., IJCV 2021).

A mask of people, dilated and eroded, gives a trimap for the trimap-based methods. With two classes,
the probability of the second is a coarse alpha.

`bisenetv2` equals the network of CoinCheung/BiSeNet (code MIT; its weights were trained on
Cityscapes, COCO-Stuff and ADE20k, whose terms restrict their use) and loads its checkpoints.
`bisenetv2_paper` follows the paper where it differs: a gather-and-expansion layer expands channels
in its first 3x3 convolution, not in the depthwise one.

`bisenetv2_mobile` is our variant for integer hardware. It uses the paper's expansion (mobile GPUs
support no depth multiplier), TensorFlow's SAME padding, and a context without its first norm, which
could not be folded into a convolution. Guidance is added rather than multiplied, and a narrow head
predicts logits at half the size, which are repeated.
"""

from functools import partial
from types import SimpleNamespace

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones.resnet import max_pool
from keras_matting.layers import blocks
from keras_matting.layers.blocks import upsample
from keras_matting.layers.resize import NearestUpsampling

VARIANTS = {
    "bisenetv2": dict(expand_depthwise=True, form="published"),
    "bisenetv2_paper": dict(expand_depthwise=False, form="published"),
    "bisenetv2_mobile": dict(expand_depthwise=False, form="mobile"),
}
OUTPUTS = ("semantic", "alpha")
STRIDE = 32
EXPANSION = 6
# Cityscapes' statistics, RGB
MEAN, STD = (0.3257, 0.3690, 0.3223), (0.2112, 0.2148, 0.2115)


def build(variant, input_shape=(512, 512, 3), training_heads=False, num_classes=None):
    """Build the network: image (B, H, W, 3) in [0, 1] -> {"semantic": (B, H, W, num_classes)}.

    H and W are multiples of 32. `semantic` holds logits. `num_classes` defaults to 19, to 2 for
    `bisenetv2_mobile`; with two classes there is also `alpha` (B, H, W, 1), the probability of the
    second. `training_heads` adds the booster's full-size logits, `auxiliary2` to `auxiliary5`.
    """
    config = VARIANTS[variant]
    form = FORMS[config["form"]]
    num_classes = num_classes or form.num_classes
    image = keras.Input(input_shape, name="image")
    x = form.normalise(image)
    detail = _detail_branch(x, form)
    features = _semantic_branch(x, config["expand_depthwise"], form)
    aggregated = _aggregate(detail, _context(features[5], form.context_norm), form)
    outputs = {"semantic": form.head(aggregated, num_classes=num_classes, name="semantic")}
    if num_classes == 2:
        background, person = tf.split(outputs["semantic"], 2, -1)
        difference = layers.Subtract(dtype="float32", name="alpha_logit")([person, background])
        outputs["alpha"] = layers.Activation("sigmoid", dtype="float32", name="alpha")(difference)
    if training_heads:
        for level, feature in features.items():
            name = f"auxiliary{level}"
            outputs[name] = _booster(feature, num_classes, 2**level, name=name)
    return keras.Model({"image": image}, outputs, name=variant)


def _fan_out(x, depthwise=False, **_):
    """Return Kaiming normal over fan-out; depthwise kernels count all channels, as in PyTorch."""
    scale = 2.0 / x.shape[-1] if depthwise else 2.0
    return keras.initializers.VarianceScaling(scale, "fan_out", "untruncated_normal")


def _statistics(image):
    variance = [std**2 for std in STD]
    return layers.Normalization(mean=MEAN, variance=variance, name="normalise")(image)


def _conv(x, filters, *arguments, **options):
    return blocks.conv(x, filters, *arguments, initializer=_fan_out(x, **options), **options)


def _conv_bn(x, filters, *arguments, **options):
    return blocks.conv_bn(x, filters, *arguments, initializer=_fan_out(x, **options), **options)


def _conv_bn_relu(x, filters, *arguments, **options):
    initializer = _fan_out(x, **options)
    return blocks.conv_bn_relu(x, filters, *arguments, initializer=initializer, **options)


def _detail_branch(x, form):
    """Return (B, H/8, W/8, 128) features."""
    for stage, widths in enumerate(((64, 64), (64, 64, 64), (128, 128, 128)), start=1):
        for i, width in enumerate(widths):
            name, strides = f"detail{stage}_{i}", 1 if i else 2
            x = _conv_bn_relu(x, width, strides=strides, symmetric=form.symmetric, name=name)
    return x


def _semantic_branch(x, expand_depthwise, form):
    """Return {2: 1/4, 3: 1/8, 4: 1/16, 5: 1/32} maps with 16, 32, 64 and 128 channels."""
    x = _stem(x, form)
    features = {2: x}
    for stage, (width, repeats) in enumerate(((32, 2), (64, 2), (128, 4)), start=3):
        for i in range(repeats):
            name = f"semantic{stage}_{i}"
            x = _gather_expand(x, width, 1 if i else 2, expand_depthwise, form.symmetric, name)
        features[stage] = x
    return features


def _stem(x, form):
    x = _conv_bn_relu(x, 16, strides=2, symmetric=form.symmetric, name="stem")
    left = _conv_bn_relu(x, 8, 1, name="stem_left0")
    left = _conv_bn_relu(left, 16, strides=2, symmetric=form.symmetric, name="stem_left1")
    right = form.max_pool(x, name="stem_right")
    x = layers.Concatenate(name="stem_concat")([left, right])
    return _conv_bn_relu(x, 16, name="stem_fuse")


def _gather_expand(x, width, strides, expand_depthwise, symmetric, name):
    depthwise = partial(_conv_bn, kernel_size=3, strides=2, depthwise=True, symmetric=symmetric)
    shortcut, expanded = x, x.shape[-1] * EXPANSION
    x = _conv_bn_relu(x, x.shape[-1] if expand_depthwise else expanded, name=f"{name}_gather")
    if strides == 1:
        x = _conv_bn_relu(x, expanded, depthwise=True, name=f"{name}_depthwise")
    else:
        x = depthwise(x, expanded, name=f"{name}_depthwise0")
        x = _conv_bn_relu(x, expanded, depthwise=True, name=f"{name}_depthwise1")
        shortcut = depthwise(shortcut, None, name=f"{name}_shortcut0")
        shortcut = _conv_bn(shortcut, width, 1, name=f"{name}_shortcut1")
    x = _conv_bn(x, width, 1, gamma="zeros", name=f"{name}_project")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


def _context(x, norm):
    """Add the convolved global mean everywhere (the paper's context embedding)."""
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="context_mean")(x)
    if norm:
        mean = blocks.batch_norm(mean, name="context_mean")
    mean = _conv_bn_relu(mean, x.shape[-1], 1, name="context_reduce")
    x = layers.Add(name="context_add")([x, mean])
    return _conv_bn_relu(x, x.shape[-1], name="context_fuse")


def _aggregate(detail, semantic, form):
    """Fuse a 1/8 and a 1/32 map, each guiding the other (bilateral guided aggregation)."""
    keep = _conv_bn(detail, None, depthwise=True, name="detail_keep0")
    keep = _conv(keep, 128, 1, use_bias=False, name="detail_keep1")
    down = _conv_bn(detail, 128, strides=2, symmetric=form.symmetric, name="detail_down")
    down = form.mean_pool(down, name="detail_down_pool")

    up = _conv_bn(semantic, 128, name="semantic_up")
    up = upsample(up, 4, interpolation="nearest", name="semantic_up4")
    keep_semantic = _conv_bn(semantic, None, depthwise=True, name="semantic_keep0")
    keep_semantic = _conv(keep_semantic, 128, 1, use_bias=False, name="semantic_keep1")

    fine = form.guide(keep, up, "semantic_up_gate", "aggregate_fine")
    coarse = form.guide(down, keep_semantic, "semantic_keep_gate", "aggregate_coarse")
    coarse = form.adapt(coarse)
    coarse = upsample(coarse, 4, interpolation="nearest", name="aggregate_up")
    x = layers.Add(name="aggregate_add")([fine, coarse])
    return _conv_bn_relu(x, 128, name="aggregate")


def _padded_mean(x, *, name):
    """Average 3x3 pixels; as in PyTorch, the mean at the border includes the zero padding."""
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.AveragePooling2D(3, 2, name=name)(x)


def _gate(x, guidance, gate_name, name):
    gate = layers.Activation("sigmoid", name=gate_name)(guidance)
    return layers.Multiply(name=name)([x, gate])


def _add(x, guidance, _, name):
    """Add rather than multiply: integer kernels round products differently (`global_context`)."""
    return layers.Add(name=name)([x, guidance])


def _mobile_head(x, num_classes, name):
    """Map 1/8 features to float32 logits (B, H, W, num_classes)."""
    x = _conv_bn_relu(x, 64, name=f"{name}_head")
    x = upsample(x, 4, interpolation="nearest", name=f"{name}_head_up")
    x = _conv_bn_relu(x, 16, name=f"{name}_fine")
    x = layers.Dropout(0.1, name=f"{name}_dropout")(x)
    x = _conv(x, num_classes, 1, name=f"{name}_logit")
    return NearestUpsampling(2, dtype="float32", name=name)(x)


def _head(x, width, num_classes, factor, *, name):
    """Return float32 logits (B, factor * h, factor * w, num_classes), upsampled bilinearly."""
    x = _conv_bn_relu(x, width, name=f"{name}_head")
    x = layers.Dropout(0.1, name=f"{name}_dropout")(x)
    x = _conv(x, num_classes, 1, name=f"{name}_logit")
    return _full_size(x, factor, name)


def _booster(x, num_classes, factor, *, name):
    """Return logits as `_head` does, with a convolution to factor² channels at twice the size."""
    x = _conv_bn_relu(x, 128, name=f"{name}_head")
    x = layers.Dropout(0.1, name=f"{name}_dropout")(x)
    x = upsample(x, interpolation="nearest", name=f"{name}_up")
    x = _conv_bn_relu(x, factor**2, name=f"{name}_wide")
    x = _conv(x, num_classes, 1, name=f"{name}_logit")
    return _full_size(x, factor // 2, name)


def _full_size(logits, factor, name):
    return layers.UpSampling2D(factor, interpolation="bilinear", dtype="float32", name=name)(logits)


FORMS = {
    "published": SimpleNamespace(
        num_classes=19,
        symmetric=True,
        normalise=_statistics,
        max_pool=max_pool,
        context_norm=True,
        mean_pool=_padded_mean,
        guide=_gate,
        adapt=lambda x: x,
        head=partial(_head, width=1024, factor=8),
    ),
    "mobile": SimpleNamespace(
        num_classes=2,
        symmetric=False,
        normalise=lambda image: layers.Rescaling(2.0, -1.0, name="normalise")(image),
        max_pool=lambda x, name: layers.MaxPooling2D(3, 2, padding="same", name=name)(x),
        context_norm=False,
        mean_pool=lambda x, name: layers.AveragePooling2D(2, 2, name=name)(x),
        guide=_add,
        # lets quantization give both terms of the sum compatible scales
        adapt=lambda x: _conv_bn(x, 128, 1, name="aggregate_coarse"),
        head=_mobile_head,
    ),
}
