"""Blocks that several methods share, as functions over tensors."""

from tensorflow import keras
from tensorflow.keras import layers


def conv(
    x,
    filters,
    kernel_size=3,
    strides=1,
    dilation=1,
    *,
    depthwise=False,
    use_bias=True,
    symmetric=True,
    padding="same",
    initializer=None,
    name,
):
    """(B, H, W, C) -> (B, ceil(H/strides), ceil(W/strides), filters).

    `symmetric` pads kernel_size // 2 zeros on every side, as PyTorch does; otherwise TensorFlow's
    SAME pads an even map only at the bottom and right. The two differ for strides > 1 only.
    `padding` "valid" pads nothing, and the map shrinks.
    `depthwise` filters every channel on its own, into filters / C new ones (one if None). The
    kernel's `initializer` is `he_uniform` by default.
    """
    initializer = initializer or he_uniform(x.shape[-1] if depthwise else 1)
    if symmetric and strides > 1 and kernel_size > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    options = dict(
        strides=strides,
        padding=padding,
        dilation_rate=dilation,
        use_bias=use_bias,
        name=f"{name}_conv",
    )
    if depthwise:
        multiplier = filters // x.shape[-1] if filters else 1
        return layers.DepthwiseConv2D(
            kernel_size,
            depth_multiplier=multiplier,
            depthwise_initializer=initializer,
            **options,
        )(x)
    return layers.Conv2D(filters, kernel_size, kernel_initializer=initializer, **options)(x)


def conv_bn(
    x,
    filters,
    kernel_size=3,
    strides=1,
    dilation=1,
    *,
    use_bias=False,
    gamma="ones",
    biased=False,
    name,
    **options,
):
    """`conv`, by default without bias, then `batch_norm`."""
    x = conv(x, filters, kernel_size, strides, dilation, use_bias=use_bias, name=name, **options)
    return batch_norm(x, gamma=gamma, biased=biased, name=name)


def conv_bn_relu(x, filters, kernel_size=3, strides=1, dilation=1, *, name, **options):
    """`conv_bn`, then ReLU."""
    x = conv_bn(x, filters, kernel_size, strides, dilation, name=name, **options)
    return layers.ReLU(name=f"{name}_relu")(x)


def he_uniform(depthwise_channels=1):
    """Kaiming uniform over fan-in with ReLU gain, a new seed drawn for every kernel.

    Keras counts the inputs of a depthwise kernel over all its channels, each of which has but one.
    """
    return keras.initializers.VarianceScaling(2.0 * depthwise_channels, "fan_in", "uniform")


def batch_norm(x, *, gamma="ones", biased=False, name):
    """Batch normalisation with PyTorch's constants: eps 1e-5, running = 0.9 running + 0.1 batch.

    The running variance is fed the unbiased batch variance, as in PyTorch (Keras' fused kernel does
    so); with `biased` the biased one, as in Paddle. Both normalise by the biased one.
    """
    return layers.BatchNormalization(
        epsilon=1e-5,
        momentum=0.9,
        gamma_initializer=gamma,
        fused=False if biased else None,
        name=f"{name}_bn",
    )(x)


def upsample(x, factor=2, *, interpolation="bilinear", name):
    """(B, H, W, C) -> (B, factor*H, factor*W, C), by default bilinear between pixel centres."""
    return layers.UpSampling2D(factor, interpolation=interpolation, name=name)(x)


def downsample_image(image, factor, *, name):
    """(B, H, W, C) -> (B, H/factor, W/factor, C), bilinear without antialiasing; factor 2 or 4.

    Sampling between pixel centres at an even factor is the mean of the middle 2x2 pixels of every
    factor x factor block, so a pooling does it, which integer hardware has. H and W are multiples
    of the factor.
    """
    margin = factor // 2 - 1
    if margin:
        image = layers.Cropping2D(margin, name=f"{name}_crop")(image)
    return layers.AveragePooling2D(2, strides=factor, name=name)(image)


def global_context(x, reduction=4, *, name):
    """The global mean's two bias-free 1x1 convolutions, added everywhere (GCNet, Cao et al. 2019).

    (B, H, W, C) -> (B, H, W, C). It adds where squeeze-and-excitation multiplies: some integer
    kernels round a product twice, and all that comes after would differ from one phone to the next.
    """
    channels = x.shape[-1]
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    mean = conv(mean, channels // reduction, 1, use_bias=False, name=f"{name}_reduce")
    mean = layers.ReLU(name=f"{name}_relu")(mean)
    mean = conv(mean, channels, 1, use_bias=False, name=f"{name}_expand")
    return layers.Add(name=f"{name}_add")([x, mean])


def squeeze_excite(x, reduction, *, name):
    """Scales every channel by a sigmoid of its global mean's two bias-free 1x1 convolutions.

    Hu et al. 2018. (B, H, W, C) -> (B, H, W, C).
    """
    channels = x.shape[-1]
    scale = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    scale = conv(scale, channels // reduction, 1, use_bias=False, name=f"{name}_reduce")
    scale = layers.ReLU(name=f"{name}_relu")(scale)
    scale = conv(scale, channels, 1, use_bias=False, name=f"{name}_expand")
    scale = layers.Activation("sigmoid", name=f"{name}_scale")(scale)
    return layers.Multiply(name=f"{name}_multiply")([x, scale])
