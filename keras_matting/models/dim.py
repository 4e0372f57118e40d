"""Deep Image Matting: the first deep trimap-based method (Xu et al., CVPR 2017).

`dim_vgg16` unpools with the encoder's max-pooling positions, as the paper does. It equals the best
open reproduction of that (huochaitiantang/pytorch-deep-image-matting, release V1.5) and loads its
checkpoint. `dim_vgg16_bilinear` is PaddleSeg's version (code Apache-2.0): batch norm, bilinear
upsampling, and a refinement that can only raise alpha. Both checkpoints were trained on Adobe's
Composition-1k data, which is for non-commercial use.

Two variants are ours, for integer hardware, with nearest-neighbour upsampling instead of unpooling:
`dim_vgg16_mobile` is `dim_vgg16` with batch norm and a quarter of the channels;
`dim_mobilenetv2_mobile` has a MobileNetV2 encoder, and its decoder concatenates the encoder's maps.
"""

from functools import partial

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.backbones.mobilenet_v2 import mobilenet_v2
from keras_matting.backbones.vgg import load_imagenet as load_vgg
from keras_matting.backbones.vgg import vgg16
from keras_matting.layers.blocks import conv, conv_bn_relu, upsample
from keras_matting.layers.class_selection import TrimapClasses
from keras_matting.layers.clip import InferenceClip
from keras_matting.layers.resize import ResizeLike
from keras_matting.layers.unpooling import PoolWithPositions, Unpool

# `part` divides the channels; `norm`: whether batch norms follow convolutions; `mean`, `std`: the
# normalisation that the encoder was trained with, None for pixels scaled to [-1, 1]; `unpool`:
# whether values return to the positions of the maxima, or are repeated
VGG = dict(form="unpooling", trimap="trimap_bytes", part=1, norm=False, unpool=True)
VARIANTS = {
    "dim_vgg16": dict(VGG, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "dim_vgg16_bilinear": dict(VGG, form="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "dim_vgg16_mobile": dict(VGG, part=4, norm=True, mean=None, unpool=False),
    "dim_mobilenetv2_mobile": dict(form="mobilenetv2", trimap="one_hot", mean=None),
}
# channels for background, unknown and foreground; published networks were trained on bytes / 255,
# where unknown is 128
TRIMAPS = {
    "trimap_bytes": ([0.0], [128 / 255], [1.0]),
    "one_hot": ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]),
}
OUTPUTS = ("alpha",)
STRIDE = 32
DECODER = (512, 256, 128, 64, 64)
MOBILENET_DECODER = {16: 96, 8: 64, 4: 32, 2: 24}  # stride: channels


def build(variant, input_shape=(512, 512, 3), training_heads=False, refinement=True):
    """Build the network: image (B, H, W, 3), trimap (B, H, W, 1) -> {"alpha": (B, H, W, 1)}.

    The trimap is 0, 0.5 or 1; image and alpha are in [0, 1], except that the alpha of
    `dim_vgg16_bilinear` may exceed 1 in training. H and W are multiples of 32, or any size for
    `dim_vgg16_bilinear`. `training_heads` adds `alpha_raw`, the alpha before refinement. Without
    `refinement`, alpha is the encoder-decoder's and there is no `alpha_raw`.
    """
    config = VARIANTS[variant]
    image = keras.Input(input_shape, name="image")
    trimap = keras.Input((*input_shape[:2], 1), name="trimap")
    pixels = _normalise(image, config)
    known = TrimapClasses(*TRIMAPS[config["trimap"]], name=config["trimap"])(trimap)
    x = layers.Concatenate(name="pixels")([pixels, known])
    outputs = FORMS[config["form"]](x, pixels, refinement, config)
    if not training_heads:
        outputs.pop("alpha_raw", None)
    return keras.Model({"image": image, "trimap": trimap}, outputs, name=variant)


def load_imagenet(model, refinement=True):
    """Load VGG16 from keras.applications into the encoder; the trimap channel starts from zero."""
    config = VARIANTS[model.name]
    if config["mean"] is None:
        raise ValueError(f"keras.applications has no encoder with the channels of {model.name}")
    load_vgg(model, config["mean"], config["std"])


def _normalise(image, config):
    if config["mean"] is None:
        return layers.Rescaling(2.0, -1.0, name="normalise")(image)
    variance = [std**2 for std in config["std"]]
    return layers.Normalization(mean=config["mean"], variance=variance, name="normalise")(image)


def _unpooling(x, pixels, refinement, config):
    positions = []

    def pool(x, stage):
        if not config["unpool"]:
            return layers.MaxPooling2D(2, name=f"backbone_pool{stage}")(x)
        x, where = PoolWithPositions(name=f"backbone_pool{stage}")(x)
        positions.append(where)
        return x

    def unpool(x, stage):
        if not config["unpool"]:
            return upsample(x, interpolation="nearest", name=f"decoder{stage}_up")
        return Unpool(name=f"decoder{stage}_unpool")([x, positions[stage - 1]])

    def conv_relu(x, filters, kernel_size=3, *, name):
        filters = filters // config["part"]
        if config["norm"]:
            return conv_bn_relu(x, filters, kernel_size, name=name)
        return layers.ReLU(name=f"{name}_relu")(conv(x, filters, kernel_size, name=name))

    skips, x = vgg16(x, pool, conv_relu)
    x = conv_relu(x, 512, name="bottom")
    x = conv_relu(x, 512, 1, name="decoder6")
    for stage, width in zip((5, 4, 3, 2, 1), DECODER, strict=True):
        x = unpool(x, stage)
        x = layers.Add(name=f"decoder{stage}_add")([x, skips[stage - 1]])
        x = conv_relu(x, width, 5, name=f"decoder{stage}")
    logit = conv(x, 1, 5, name="alpha_raw_logit")
    return _refined(logit, pixels, refinement, partial(conv_relu, filters=64))


def _mobilenetv2(pixels_and_trimap, pixels, refinement, config):
    features = mobilenet_v2(pixels_and_trimap, last_conv=False, symmetric=False)
    x = conv_bn_relu(features[32], 128, 1, name="bottom")
    for stride, width in MOBILENET_DECODER.items():
        x = upsample(x, interpolation="nearest", name=f"decoder{stride}_up")
        x = layers.Concatenate(name=f"decoder{stride}_concat")([x, features[stride]])
        x = conv_bn_relu(x, width, name=f"decoder{stride}")
    x = upsample(x, interpolation="nearest", name="decoder1_up")
    x = layers.Concatenate(name="decoder1_concat")([x, pixels_and_trimap])
    for i in range(2):
        x = conv_bn_relu(x, 16, name=f"decoder1_{i}")
    logit = conv(x, 1, name="alpha_raw_logit")
    return _refined(logit, pixels, refinement, partial(conv_bn_relu, filters=16))


def _bilinear(x, pixels, refinement, config):
    def pool(x, stage):
        return layers.MaxPooling2D(2, name=f"backbone_pool{stage}")(x)

    def conv_relu(x, filters, *, name):
        return layers.ReLU(name=f"{name}_relu")(conv(x, filters, use_bias=False, name=name))

    def block(x, filters, kernel_size, name):
        return conv_bn_relu(x, filters, kernel_size, biased=True, name=name)

    skips, x = vgg16(x, pool, conv_relu)
    x = conv_relu(x, 512, name="bottom")
    x = conv(x, 512, 1, use_bias=False, name="decoder6")
    for stage, width in zip((5, 4, 3, 2, 1), DECODER, strict=True):
        x = ResizeLike(name=f"decoder{stage}_up")([x, skips[stage - 1]])
        x = layers.Add(name=f"decoder{stage}_add")([x, skips[stage - 1]])
        x = block(x, width, 5, f"decoder{stage}")
    logit = conv(x, 1, 5, use_bias=False, name="alpha_raw_logit")
    if not refinement:
        return {"alpha": _sigmoid(logit, "alpha")}
    raw = _sigmoid(logit, "alpha_raw")
    x = layers.Concatenate(name="refine_concat")([pixels, raw])
    for i in range(3):
        x = block(x, 64, 3, f"refine{i}")
    x = block(x, 1, 3, "refine_logit")
    alpha = layers.Add(dtype="float32", name="alpha_add")([raw, x])
    return {"alpha": InferenceClip(dtype="float32", name="alpha")(alpha), "alpha_raw": raw}


def _refined(logit, pixels, refinement, block):
    """Return {"alpha"} of a logit or, with `refinement` added to it, {"alpha", "alpha_raw"}."""
    if not refinement:
        return {"alpha": _sigmoid(logit, "alpha")}
    raw = _sigmoid(logit, "alpha_raw")
    x = layers.Concatenate(name="refine_concat")([pixels, raw])
    for i in range(3):
        x = block(x, name=f"refine{i}")
    residual = conv(x, 1, name="refine_logit")
    logit = layers.Add(name="alpha_logit")([logit, residual])
    return {"alpha": _sigmoid(logit, "alpha"), "alpha_raw": raw}


def _sigmoid(logit, name):
    return layers.Activation("sigmoid", dtype="float32", name=name)(logit)


FORMS = {"unpooling": _unpooling, "bilinear": _bilinear, "mobilenetv2": _mobilenetv2}
