"""Building blocks shared by several methods, as functions over tensors."""

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.layers import biased_norm
from keras_matting.layers.resize import NearestUpsampling


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
    """Convolve: (B, H, W, C) -> (B, ceil(H/strides), ceil(W/strides), filters).

    Args:
        depthwise: filter each channel separately, into filters / C channels (one if None).
        symmetric: pad kernel_size // 2 zeros on every side, as PyTorch does. Otherwise TensorFlow's
            SAME padding applies, which pads maps of even size only at the bottom and right. The two
            differ only for strides > 1.
        padding: "valid" pads nothing, so the map shrinks.
        initializer: of the kernel; `he_uniform` by default.
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
    """Apply `conv`, by default without bias, then `batch_norm`."""
    x = conv(x, filters, kernel_size, strides, dilation, use_bias=use_bias, name=name, **options)
    return batch_norm(x, gamma=gamma, biased=biased, name=name)


def conv_bn_relu(x, filters, kernel_size=3, strides=1, dilation=1, *, name, **options):
    """Apply `conv_bn`, then ReLU."""
    x = conv_bn(x, filters, kernel_size, strides, dilation, name=name, **options)
    return layers.ReLU(name=f"{name}_relu")(x)


def he_uniform(depthwise_channels=1):
    """Return Kaiming uniform over fan-in with ReLU gain; every kernel draws a new seed.

    Keras counts all channels in a depthwise kernel's fan-in, although each output channel reads
    only one; pass their number as `depthwise_channels` to correct that.
    """
    return keras.initializers.VarianceScaling(2.0 * depthwise_channels, "fan_in", "uniform")


def batch_norm(x, *, gamma="ones", biased=False, name):
    """Apply batch normalisation with PyTorch's constants, epsilon 1e-5 and momentum 0.9.

    The running variance averages the unbiased batch variance, as in PyTorch (and in Keras' fused
    kernel), or with `biased` the biased one, as in Paddle. Training normalises by the biased one in
    both cases.
    """
    norm = biased_norm.BatchNormalization if biased else layers.BatchNormalization
    return norm(epsilon=1e-5, momentum=0.9, gamma_initializer=gamma, name=f"{name}_bn")(x)


def upsample(x, factor=2, *, interpolation="bilinear", name):
    """Upsample (B, H, W, C) to (B, factor*H, factor*W, C), with half-pixel centres."""
    if interpolation == "nearest":
        return NearestUpsampling(factor, name=name)(x)
    return layers.UpSampling2D(factor, interpolation=interpolation, name=name)(x)


def downsample_image(image, factor, *, name):
    """Downsample (B, H, W, C) to (B, H/factor, W/factor, C), bilinearly without antialiasing.

    `factor` is 2 or 4; H and W are multiples of it. With half-pixel centres and an even factor, a
    bilinear sample is the mean of the middle 2x2 pixels of each factor x factor block, so average
    pooling computes it, which integer hardware supports.
    """
    margin = factor // 2 - 1
    if margin:
        image = layers.Cropping2D(margin, name=f"{name}_crop")(image)
    return layers.AveragePooling2D(2, strides=factor, name=name)(image)


def global_context(x, reduction=4, *, name):
    """Add two bias-free 1x1 convolutions of the global mean (GCNet, Cao et al. 2019).

    (B, H, W, C) -> (B, H, W, C). Unlike squeeze-and-excitation it adds rather than multiplies: some
    integer kernels round products twice, so everything after one would differ between phones.
    """
    channels = x.shape[-1]
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    mean = conv(mean, channels // reduction, 1, use_bias=False, name=f"{name}_reduce")
    mean = layers.ReLU(name=f"{name}_relu")(mean)
    mean = conv(mean, channels, 1, use_bias=False, name=f"{name}_expand")
    return layers.Add(name=f"{name}_add")([x, mean])


def squeeze_excite(x, reduction, *, name):
    """Scale channels by the sigmoid of two bias-free 1x1 convolutions of the global mean.

    (B, H, W, C) -> (B, H, W, C). Hu et al. 2018.
    """
    channels = x.shape[-1]
    scale = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    scale = conv(scale, channels // reduction, 1, use_bias=False, name=f"{name}_reduce")
    scale = layers.ReLU(name=f"{name}_relu")(scale)
    scale = conv(scale, channels, 1, use_bias=False, name=f"{name}_expand")
    scale = layers.Activation("sigmoid", name=f"{name}_scale")(scale)
    return layers.Multiply(name=f"{name}_multiply")([x, scale])
