"""PP-Matting: no trimap, semantics guide high-resolution detail (Chen et al. 2022).

`ppmatting_hrnet_w18` and `_w48` equal PaddleSeg's networks (code Apache-2.0; a licence of the
weights is not stated) and take their checkpoints. The paper's formula of the guidance flow has one
convolution of the concatenation where the code reduces the guidance to one channel and has two
norms and two convolutions. `ppmatting_hrnet_w18_paper` follows the formula; nothing published
exists to compare it with.
"""

from functools import partial

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones.hrnet import hrnet
from keras_matting.layers import blocks
from keras_matting.layers.blocks import batch_norm, conv, upsample
from keras_matting.layers.pooling import AdaptiveAveragePooling2D
from keras_matting.layers.resize import ResizeLike

VARIANTS = {
    "ppmatting_hrnet_w18": dict(backbone="hrnet_w18", paper=False),
    "ppmatting_hrnet_w48": dict(backbone="hrnet_w48", paper=False),
    "ppmatting_hrnet_w18_paper": dict(backbone="hrnet_w18", paper=True),
}
OUTPUTS = ("alpha",)
STRIDE = 32
PYRAMID = (5, 3, 1)
SIDES = (256, 128, 64, 64)
STAGES = ((512, 512, 256), (256, 256, 128), (128, 128, 64), (128, 128, 64), (64, 64, 64))

_conv_bn = partial(blocks.conv_bn, biased=True)
_conv_bn_relu = partial(blocks.conv_bn_relu, biased=True)


def build(variant, input_shape=(512, 512, 3), training_heads=False):
    """image (B, H, W, 3) in [0, 1] -> {"alpha": (B, H, W, 1)}; H and W multiples of 32.

    `training_heads` adds `semantic` (B, H, W, 3), the probabilities of foreground, transition and
    background in this order, and `detail` (B, H, W, 1), alpha in the transition.
    """
    config = VARIANTS[variant]
    image = keras.Input(input_shape, name="image")
    features = hrnet(layers.Rescaling(2.0, -1.0, name="normalise")(image), config["backbone"])
    logit, stages = _semantic_branch(features[32])
    semantic = layers.Softmax(dtype="float32", name="semantic")(logit)
    logit = _detail_branch(features, stages, config["paper"])
    detail = layers.Activation("sigmoid", dtype="float32", name="detail")(logit)
    alpha = layers.Activation("linear", dtype="float32", name="alpha")(_fuse(semantic, detail))
    outputs = {"alpha": alpha}
    if training_heads:
        outputs |= {"semantic": semantic, "detail": detail}
    return keras.Model({"image": image}, outputs, name=variant)


def _semantic_branch(x):
    """1/32 features -> logits (B, H, W, 3) and the outputs of five stages, at 1/16 to 1."""
    pyramid = _pyramid_pooling(x)
    stages = []
    x = layers.Concatenate(name="semantic0_concat")([pyramid, x])
    for stage, widths in enumerate(STAGES):
        if stage:
            side = _conv_bn_relu(pyramid, SIDES[stage - 1], use_bias=True, name=f"side{stage - 1}")
            side = upsample(side, 2**stage, name=f"side{stage - 1}_up")
            x = layers.Concatenate(name=f"semantic{stage}_concat")([side, x])
        for i, width in enumerate(widths):
            dilation = 2 if stage == 0 and i > 0 else 1
            name = f"semantic{stage}_{i}"
            x = _conv_bn_relu(x, width, dilation=dilation, use_bias=True, name=name)
        x = upsample(x, name=f"semantic{stage}_up")
        stages.append(x)
    for i in range(2):
        x = _conv_bn_relu(x, 64, use_bias=True, name=f"semantic5_{i}")
    return conv(x, 3, name="semantic_logit"), stages


def _pyramid_pooling(x):
    levels = [x]
    for bins in PYRAMID:
        pooled = AdaptiveAveragePooling2D(bins, name=f"pyramid{bins}_pool")(x)
        pooled = _conv_bn_relu(pooled, x.shape[-1], 1, use_bias=True, name=f"pyramid{bins}")
        levels.append(ResizeLike(name=f"pyramid{bins}_up")([pooled, x]))
    x = layers.Concatenate(name="pyramid_concat")(levels)
    return _conv_bn_relu(x, 512, use_bias=True, name="pyramid")


def _detail_branch(features, stages, paper):
    """-> logit (B, H, W, 1): full-size residual blocks, each followed by a gate."""
    fine = upsample(features[2], 2, name="detail_fine_up")
    coarse = upsample(features[4], 4, name="detail_coarse_up")
    x = layers.Concatenate(name="detail_concat")([fine, coarse])
    for i, width in enumerate((64, 32, 16)):
        x = _residual(x, width, name=f"detail{i}")
        x = conv(x, width // 2, 1, name=f"detail{i}_reduce")
        guidance = stages[2 * i]
        if not paper:
            guidance = conv(guidance, 1, 1, name=f"guidance{i}")
        if i < 2:
            guidance = upsample(guidance, (16, 4)[i], name=f"guidance{i}_up")
        x = _gate(x, guidance, paper, name=f"gate{i}")
    return conv(x, 1, 1, use_bias=False, name="detail_logit")


def _residual(x, width, name):
    y = _conv_bn_relu(x, width, name=f"{name}_0")
    y = _conv_bn(y, width, name=f"{name}_1")
    if x.shape[-1] != width:
        x = _conv_bn(x, width, 1, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _gate(x, guidance, paper, name):
    """x times one plus a map in [0, 1]: guidance can amplify detail, not suppress it."""
    gate = layers.Concatenate(name=f"{name}_concat")([x, guidance])
    if paper:
        gate = conv(gate, 1, 1, name=f"{name}_1")
    else:
        gate = batch_norm(gate, biased=True, name=f"{name}_0")
        gate = conv(gate, gate.shape[-1], 1, name=f"{name}_0")
        gate = layers.ReLU(name=f"{name}_relu")(gate)
        gate = conv(gate, 1, 1, name=f"{name}_1")
        gate = batch_norm(gate, biased=True, name=f"{name}_1")
    gate = layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    amplified = layers.Multiply(name=f"{name}_multiply")([x, gate])
    x = layers.Add(name=f"{name}_add")([x, amplified])
    return conv(x, x.shape[-1], 1, use_bias=False, name=name)


def _fuse(semantic, detail):
    """1 where foreground is likeliest, detail in the transition; of equal classes the first."""
    foreground, transition, background = tf.split(semantic, 3, -1)
    is_foreground = tf.logical_and(foreground >= transition, foreground >= background)
    is_transition = tf.logical_and(transition > foreground, transition >= background)
    sure = tf.where(is_foreground, tf.ones_like(detail), tf.zeros_like(detail))
    return tf.where(is_transition, detail, sure)
