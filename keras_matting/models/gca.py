"""GCA-Matting: guided contextual attention for the unknown region (Li and Lu, AAAI 2020).

`gca` equals the released network of Yaoyi-Li/GCA-Matting (code MIT; the weights, like Adobe's data,
are for non-commercial use) and loads its checkpoints. Its convolutions are spectrally normalised.
`gca_mobile` is our variant for integer hardware: half the channels, plain convolutions directly
followed by batch norm, ReLU, and nearest-neighbour upsampling. Its attention compares patches of
maps of half the size, a sixteenth of the pairs, because it runs in float.
"""

from functools import partial
from types import SimpleNamespace

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.layers.blocks import batch_norm, conv, he_uniform
from keras_matting.layers.class_selection import TrimapClasses
from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.layers.resize import NearestUpsampling
from keras_matting.layers.spectral_norm import SpectralConv2D, SpectralConv2DTranspose

VARIANTS = {
    "gca": dict(encoder=(3, 4, 4, 2), decoder=(2, 3, 3, 2), form="published"),
    "gca_mobile": dict(encoder=(2, 2, 2, 2), decoder=(2, 2, 2, 2), form="mobile"),
}
OUTPUTS = ("alpha",)
STRIDE = 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build(variant, input_shape=(512, 512, 3), training_heads=False):
    """Build the network: image (B, H, W, 3), trimap (B, H, W, 1) -> {"alpha": (B, H, W, 1)}.

    The trimap is 0, 0.5 or 1; image and alpha are in [0, 1]. H and W are multiples of 32. There are
    no training heads. Alpha is the raw prediction: the caller sets 0 and 1 where the trimap is
    known.
    """
    config = VARIANTS[variant]
    image = keras.Input(input_shape, name="image")
    trimap = keras.Input((*input_shape[:2], 1), name="trimap")
    form = FORMS[config["form"]]
    pixels = form.normalise(image)
    classes = TrimapClasses([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], name="one_hot")
    one_hot = classes(trimap)
    _, unknown, _ = tf.split(one_hot, 3, -1)
    x = layers.Concatenate(name="pixels")([pixels, one_hot])
    attend = partial(_attend, guidance=_guidance(pixels, form), unknown=unknown, form=form)
    x, skips = _encoder(x, attend, config["encoder"], form)
    alpha = form.squash(_decoder(x, skips, attend, config["decoder"], form))
    return keras.Model({"image": image, "trimap": trimap}, {"alpha": alpha}, name=variant)


def _conv_bn_relu(x, filters, strides=1, form=None, *, name, **options):
    x = form.conv(x, filters, strides=strides, name=name, **options)
    return layers.ReLU(name=f"{name}_relu")(batch_norm(x, name=name))


def _guidance(pixels, form):
    """Return guidance (B, H/8, W/8, 128) from the image alone."""
    x = pixels
    for i, width in enumerate((16, 32, 128)):
        x = form.guide(x, width // form.part, name=f"guidance{i}")
    return x


def _encoder(x, attend, depths, form):
    """Return 1/32 features and the skips at 1, 1/2, 1/4, 1/8 and 1/16."""
    width = 32 // form.part
    skips = [_skip(x, width, 0, form)]
    # as released, training starts without the trimap's influence on this path
    x = _conv_bn_relu(x, width, 2, form, initializer=_IgnoreTrimap(), name="encoder1")
    x = _conv_bn_relu(x, width, form=form, name="encoder2")
    skips.append(_skip(x, width, 1, form))
    x = _conv_bn_relu(x, 2 * width, 2, form, name="encoder3")
    for stage, depth in enumerate(depths, start=1):
        channels = width * 2**stage
        for i in range(depth):
            name = f"encoder_stage{stage}_block{i}"
            x = _encoder_block(x, channels, 2 if stage > 1 and i == 0 else 1, form, name)
        if stage == 2:
            x = attend(x, name="encoder_attention")
        if stage < 4:
            skips.append(_skip(x, channels, stage + 1, form))
    return x, skips


def _skip(x, width, number, form):
    for i in range(2):
        name = f"skip{number}_{i}"
        x = form.finish(form.conv(x, width, name=name), name)
    return x


def _encoder_block(x, width, strides, form, name):
    y = _conv_bn_relu(x, width, strides, form, name=f"{name}_conv1")
    y = form.conv(y, width, name=f"{name}_conv2")
    y = batch_norm(y, gamma="zeros", name=f"{name}_conv2")
    if strides > 1:
        x = layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(x)
        x = batch_norm(form.conv(x, width, 1, name=f"{name}_shortcut"), name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _attend(x, guidance, unknown, form, *, name):
    y, factor = x, form.attention_factor
    if factor > 1:
        y = layers.AveragePooling2D(factor, name=f"{name}_pool")(y)
        guidance = layers.AveragePooling2D(factor, name=f"{name}_guidance_pool")(guidance)
    similar = conv(guidance, 64, 1, name=f"{name}_guidance")
    # the smallest maps have a single patch
    border = "SYMMETRIC" if factor > 1 else "REFLECT"
    y = GuidedContextualAttention(8 * factor, border, name=name)([similar, y, unknown])
    y = conv(y, x.shape[-1], 1, use_bias=False, name=f"{name}_out")
    y = batch_norm(y, gamma=keras.initializers.Constant(1e-3), name=f"{name}_out")
    if factor > 1:
        y = NearestUpsampling(factor, name=f"{name}_up")(y)
    return layers.Add(name=f"{name}_add")([y, x])


def _decoder(x, skips, attend, depths, form):
    """Return logits (B, H, W, 1)."""
    for stage, depth in enumerate(depths, start=1):
        width = 512 // form.part // 2**stage
        for i in range(depth):
            name = f"decoder_stage{stage}_block{i}"
            x = _decoder_block(x, width, grows=i == 0, form=form, name=name)
        x = layers.Add(name=f"decoder_stage{stage}_skip")([x, skips[5 - stage]])
        if stage == 2:
            x = attend(x, name="decoder_attention")
    x = form.grow(x, name="decoder_last")
    x = form.activation(name="decoder_last_relu")(batch_norm(x, name="decoder_last"))
    x = layers.Add(name="decoder_last_skip")([x, skips[0]])
    return conv(x, 1, name="alpha_logit")


def _decoder_block(x, width, grows, form, name):
    y = form.grow(x, name=f"{name}_conv1") if grows else form.conv(x, width, name=f"{name}_conv1")
    y = form.activation(name=f"{name}_conv1_relu")(batch_norm(y, name=f"{name}_conv1"))
    y = form.conv(y, width, name=f"{name}_conv2")
    y = batch_norm(y, gamma="zeros", name=f"{name}_conv2")
    if grows:
        x = NearestUpsampling(2, name=f"{name}_shortcut_up")(x)
        x = batch_norm(form.conv(x, width, 1, name=f"{name}_shortcut"), name=f"{name}_shortcut")
    return form.activation(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _spectral_conv(x, filters, kernel_size=3, strides=1, *, initializer=None, name):
    padding = "same"
    if strides > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    initializer = initializer or he_uniform()
    return SpectralConv2D(
        filters, kernel_size, strides, padding, kernel_initializer=initializer, name=f"{name}_conv"
    )(x)


def _reflected(x, width, name):
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    x = SpectralConv2D(width, 3, 2, kernel_initializer=he_uniform(), name=f"{name}_conv")(x)
    return _relu_bn(x, name)


def _relu_bn(x, name):
    return batch_norm(layers.ReLU(name=f"{name}_relu")(x), name=name)


def _transposed(x, *, name):
    """Double the size with a transposed 4x4 convolution, keeping the number of channels."""
    return SpectralConv2DTranspose(
        x.shape[-1], 4, 2, kernel_initializer=he_uniform(), name=f"{name}_conv"
    )(x)


def _statistics(image):
    variance = [std**2 for std in STD]
    return layers.Normalization(mean=MEAN, variance=variance, name="normalise")(image)


def _tanh(x):
    x = layers.Activation("tanh", dtype="float32", name="alpha_tanh")(x)
    return layers.Rescaling(0.5, 0.5, dtype="float32", name="alpha")(x)


def _plain_conv(x, *arguments, **options):
    return conv(x, *arguments, use_bias=False, symmetric=False, **options)


def _bn_relu(x, name):
    return layers.ReLU(name=f"{name}_relu")(batch_norm(x, name=name))


def _repeated(x, *, name):
    x = NearestUpsampling(2, name=f"{name}_up")(x)
    return _plain_conv(x, x.shape[-1], name=name)


PUBLISHED = SimpleNamespace(
    part=1,
    normalise=_statistics,
    guide=_reflected,
    conv=_spectral_conv,
    finish=_relu_bn,
    activation=partial(layers.LeakyReLU, 0.2),
    grow=_transposed,
    squash=_tanh,
    attention_factor=1,
)
MOBILE = SimpleNamespace(
    part=2,
    normalise=lambda image: layers.Rescaling(2.0, -1.0, name="normalise")(image),
    guide=lambda x, width, name: _bn_relu(_plain_conv(x, width, strides=2, name=name), name),
    conv=_plain_conv,
    finish=_bn_relu,
    activation=layers.ReLU,
    grow=_repeated,
    squash=lambda x: layers.Activation("sigmoid", dtype="float32", name="alpha")(x),
    attention_factor=2,
)
FORMS = {"published": PUBLISHED, "mobile": MOBILE}


@keras.utils.register_keras_serializable("keras_matting")
class _IgnoreTrimap(keras.initializers.HeUniform):
    """He uniform for the image's three channels, zeros for the trimap's."""

    def __call__(self, shape, dtype=None, **kwargs):
        kernel = super().__call__(shape, dtype, **kwargs)
        return tf.concat([kernel[:, :, :3], tf.zeros_like(kernel[:, :, 3:])], 2)
