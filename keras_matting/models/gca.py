"""GCA-Matting: attention fills in what the trimap leaves open (Li and Lu, AAAI 2020).

`gca` equals the released network of Yaoyi-Li/GCA-Matting (code MIT; the weights are for
non-commercial use, as Adobe's data) and takes its checkpoints. Convolutions are
spectrally normalised.
"""

from functools import partial

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.layers.blocks import batch_norm, conv, he_uniform
from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.layers.spectral_norm import SpectralConv2D, SpectralConv2DTranspose

VARIANTS = {"gca": dict(encoder=(3, 4, 4, 2), decoder=(2, 3, 3, 2))}
OUTPUTS = ("alpha",)
STRIDE = 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_leaky = partial(layers.LeakyReLU, 0.2)


def build(variant, input_shape=(512, 512, 3), training_heads=False):
    """image (B, H, W, 3), trimap (B, H, W, 1) {0, 0.5, 1} -> {"alpha": (B, H, W, 1)} in [0, 1].

    H and W are multiples of 32. There are no training heads. Alpha is raw: where the trimap is
    known, it is for the caller to put 0 and 1.
    """
    config = VARIANTS[variant]
    image = keras.Input(input_shape, name="image")
    trimap = keras.Input((*input_shape[:2], 1), name="trimap")
    variance = [std**2 for std in STD]
    pixels = layers.Normalization(mean=MEAN, variance=variance, name="normalise")(image)
    known = [tf.cast(trimap < 1 / 3, pixels.dtype), tf.cast(trimap >= 2 / 3, pixels.dtype)]
    unknown = 1.0 - known[0] - known[1]
    x = layers.Concatenate(name="pixels")([pixels, known[0], unknown, known[1]])
    guidance = _guidance(pixels)
    attend = partial(_attend, guidance=guidance, unknown=unknown)
    x, skips = _encoder(x, attend, config["encoder"])
    x = _decoder(x, skips, attend, config["decoder"])
    x = layers.Activation("tanh", dtype="float32", name="alpha_tanh")(x)
    alpha = layers.Rescaling(0.5, 0.5, dtype="float32", name="alpha")(x)
    return keras.Model({"image": image, "trimap": trimap}, {"alpha": alpha}, name=variant)


def _conv(x, filters, kernel_size=3, strides=1, *, initializer=None, name):
    padding = "same"
    if strides > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    initializer = initializer or he_uniform()
    return SpectralConv2D(
        filters, kernel_size, strides, padding, kernel_initializer=initializer, name=f"{name}_conv"
    )(x)


def _conv_bn_relu(x, filters, strides=1, initializer=None, *, name):
    x = _conv(x, filters, strides=strides, initializer=initializer, name=name)
    return layers.ReLU(name=f"{name}_relu")(batch_norm(x, name=name))


def _guidance(pixels):
    """Image alone -> (B, H/8, W/8, 128)."""
    x = pixels
    for i, width in enumerate((16, 32, 128)):
        name = f"guidance{i}"
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        x = SpectralConv2D(width, 3, 2, kernel_initializer=he_uniform(), name=f"{name}_conv")(x)
        x = batch_norm(layers.ReLU(name=f"{name}_relu")(x), name=name)
    return x


def _encoder(x, attend, depths):
    """-> 1/32 features and the skips for 1, 1/2, 1/4, 1/8, 1/16."""
    skips = [_skip(x, 32, 0)]
    # at first the trimap says nothing
    x = _conv_bn_relu(x, 32, 2, _IgnoreTrimap(), name="encoder1")
    x = _conv_bn_relu(x, 32, name="encoder2")
    skips.append(_skip(x, 32, 1))
    x = _conv_bn_relu(x, 64, 2, name="encoder3")
    for stage, depth in enumerate(depths, start=1):
        width = 32 * 2**stage
        for i in range(depth):
            name = f"encoder_stage{stage}_block{i}"
            x = _encoder_block(x, width, 2 if stage > 1 and i == 0 else 1, name)
        if stage == 2:
            x = attend(x, name="encoder_attention")
        if stage < 4:
            skips.append(_skip(x, width, stage + 1))
    return x, skips


def _skip(x, width, number):
    for i in range(2):
        name = f"skip{number}_{i}"
        x = layers.ReLU(name=f"{name}_relu")(_conv(x, width, name=name))
        x = batch_norm(x, name=name)
    return x


def _encoder_block(x, width, strides, name):
    y = _conv_bn_relu(x, width, strides, name=f"{name}_conv1")
    y = _conv(y, width, name=f"{name}_conv2")
    y = batch_norm(y, gamma="zeros", name=f"{name}_conv2")
    if strides > 1:
        x = layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(x)
        x = batch_norm(_conv(x, width, 1, name=f"{name}_shortcut"), name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _attend(x, guidance, unknown, *, name):
    similar = conv(guidance, 64, 1, name=f"{name}_guidance")
    y = GuidedContextualAttention(8, name=name)([similar, x, unknown])
    y = conv(y, x.shape[-1], 1, use_bias=False, name=f"{name}_out")
    y = batch_norm(y, gamma=keras.initializers.Constant(1e-3), name=f"{name}_out")
    return layers.Add(name=f"{name}_add")([y, x])


def _decoder(x, skips, attend, depths):
    """-> (B, H, W, 1), of any sign."""
    for stage, depth in enumerate(depths, start=1):
        width = 512 // 2**stage
        for i in range(depth):
            name = f"decoder_stage{stage}_block{i}"
            x = _decoder_block(x, width, grows=i == 0, name=name)
        x = layers.Add(name=f"decoder_stage{stage}_skip")([x, skips[5 - stage]])
        if stage == 2:
            x = attend(x, name="decoder_attention")
    x = _grow(x, name="decoder_last")
    x = _leaky(name="decoder_last_relu")(batch_norm(x, name="decoder_last"))
    x = layers.Add(name="decoder_last_skip")([x, skips[0]])
    return conv(x, 1, name="alpha_logit")


def _decoder_block(x, width, grows, name):
    y = _grow(x, name=f"{name}_conv1") if grows else _conv(x, width, name=f"{name}_conv1")
    y = _leaky(name=f"{name}_conv1_relu")(batch_norm(y, name=f"{name}_conv1"))
    y = _conv(y, width, name=f"{name}_conv2")
    y = batch_norm(y, gamma="zeros", name=f"{name}_conv2")
    if grows:
        x = layers.UpSampling2D(2, name=f"{name}_shortcut_up")(x)
        x = batch_norm(_conv(x, width, 1, name=f"{name}_shortcut"), name=f"{name}_shortcut")
    return _leaky(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _grow(x, *, name):
    """A transposed 4x4 convolution, twice the size, as many channels."""
    return SpectralConv2DTranspose(
        x.shape[-1], 4, 2, kernel_initializer=he_uniform(), name=f"{name}_conv"
    )(x)


@keras.utils.register_keras_serializable("keras_matting")
class _IgnoreTrimap(keras.initializers.HeUniform):
    """Zeros for all channels behind the image's three."""

    def __call__(self, shape, dtype=None, **kwargs):
        kernel = super().__call__(shape, dtype, **kwargs)
        return tf.concat([kernel[:, :, :3], tf.zeros_like(kernel[:, :, 3:])], 2)
