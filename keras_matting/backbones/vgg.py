"""VGG16 (Simonyan and Zisserman 2015) without its dense layers.

`load_imagenet` loads the weights of keras.applications (Oxford's, CC BY 4.0, trained on ImageNet).
"""

import numpy as np
from tensorflow import keras

from keras_matting.backbones import imagenet

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
# keras.applications' network was trained on BGR pixels 0..255 minus these means (listed as RGB)
CAFFE_MEAN = (123.68, 116.779, 103.939)


def vgg16(x, pool, block):
    """Map (B, H, W, C) to the list of five maps before the pools and the last pool's output.

    `pool(x, stage)` pools after stage 1 to 5; `block(x, filters, name)` applies a 3x3 convolution
    and its activation.
    """
    features = []
    for stage, (width, repeats) in enumerate(STAGES, start=1):
        for i in range(1, repeats + 1):
            x = block(x, width, name=f"backbone_stage{stage}_{i}")
        features.append(x)
        x = pool(x, stage)
    return features, x


def load_imagenet(model, mean, std, source=None):
    """Copy ImageNet weights into the backbone of `model`.

    The model normalises RGB in [0, 1] as (x - mean) / std, a linear function of the published
    network's input, so the difference is folded into the first kernel and its bias. Without a bias
    the constant part is lost. The trimap's weights start from zero. `source` is a
    keras.applications VGG16, by default the published one (downloaded once).
    """
    if source is None:
        source = imagenet.published(keras.applications.VGG16)
    for stage, (_, repeats) in enumerate(STAGES, start=1):
        for i in range(1, repeats + 1):
            kernel, bias = source.get_layer(f"block{stage}_conv{i}").get_weights()
            layer = model.get_layer(f"backbone_stage{stage}_{i}_conv")
            if stage == i == 1:
                kernel, bias = _first(kernel[:, :, ::-1], bias, mean, std, layer.kernel.shape)
            layer.set_weights([kernel, bias][: len(layer.weights)])


def _first(kernel, bias, mean, std, shape):
    """Convert the first kernel and bias to normalised pixels and add zeros for extra channels."""
    ours = np.zeros(shape, np.float32)
    constant = bias.copy()
    for channel in range(3):
        ours[:, :, channel] = kernel[:, :, channel] * 255.0 * std[channel]
        shift = 255.0 * mean[channel] - CAFFE_MEAN[channel]
        constant += shift * kernel[:, :, channel].sum((0, 1))
    return ours, constant
