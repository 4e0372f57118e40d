"""Compute convolutions of upsampled maps mostly before the upsampling.

A convolution mixes channels at every tap of its kernel and adds the results, each shifted by the
tap's offset. Upsampling treats all channels alike, so the mixing can come first: four times fewer
products at factor 2. Upsampling, shifting and adding remain, a small matrix for rows and one for
columns. The zeros that pad the upsampled map stay the same, so the result is equal except for
rounding.
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def mixed_before_upsampling(model):
    """Return a model with the weights, names and outputs of a fixed-size model, but fewer products.

    A convolution of an upsampled map that nothing else uses is replaced if at most half of its
    products remain. Returns `model` itself if there is none.
    """
    stand_ins = {}  # name of a layer: its replacement
    for layer in model.layers:
        behind = _behind(layer, model)
        if isinstance(layer, layers.UpSampling2D) and len(behind) == 1 and _pays(layer, behind[0]):
            stand_ins[layer.name] = layers.Activation("linear", name=layer.name)
            stand_ins[behind[0].name] = MixedBeforeUpsampling(layer, behind[0])
    if not stand_ins:
        return model
    clone = keras.models.clone_model(
        model, clone_function=lambda layer: stand_ins.get(layer.name) or _again(layer)
    )
    for layer in model.layers:
        if layer.weights and layer.name not in stand_ins:
            clone.get_layer(layer.name).set_weights(layer.get_weights())
    return clone


def _behind(layer, model):
    names = {other.name for other in model.layers}
    behind = [node.outbound_layer for node in layer.outbound_nodes]
    return [other for other in behind if other.name in names]


def _again(layer):
    return type(layer).from_config(layer.get_config())


class MixedBeforeUpsampling(layers.Layer):
    """conv(upsampling(x)): (1, h, w, C) -> (1, factor h, factor w, filters), with constant weights.

    For export only.
    """

    def __init__(self, upsampling, conv):
        super().__init__(name=conv.name)
        height, width, channels = upsampling.input_shape[1:]
        kernel, *bias = conv.get_weights()
        self.rows, self.columns, _, self.filters = kernel.shape
        # channels out: column of the kernel, row of the kernel, filter
        self.mixing = kernel.transpose(2, 1, 0, 3).reshape(1, 1, channels, -1)
        self.down = _placed(upsampling, height, self.rows)
        self.across = _placed(upsampling, width, self.columns)
        self.bias = bias[0] if bias else np.zeros(self.filters, np.float32)

    def call(self, x):
        height, width = x.shape[1:3]
        x = tf.nn.conv2d(x, self.mixing, 1, "VALID")
        x = tf.reshape(x, [1, height, width * self.columns, self.rows * self.filters])
        x = tf.nn.conv2d(tf.transpose(x, [0, 1, 3, 2]), self.across, 1, "VALID")
        x = tf.reshape(x, [1, height * self.rows, self.filters, -1])
        x = tf.nn.conv2d(tf.transpose(x, [0, 2, 3, 1]), self.down, 1, "VALID")
        return tf.nn.bias_add(tf.transpose(x, [0, 3, 2, 1]), self.bias)


def _pays(upsampling, conv):
    """Return whether `conv` is a plain convolution and at most half of its products remain."""
    if type(conv) is not layers.Conv2D or conv.activation is not keras.activations.linear:
        return False
    if conv.strides != (1, 1) or conv.dilation_rate != (1, 1) or conv.groups != 1:
        return False
    if conv.padding != "same" or upsampling.size[0] != upsampling.size[1]:
        return False
    (height, width, channels), filters = upsampling.input_shape[1:], conv.filters
    (tall, wide), (rows, columns) = upsampling.output_shape[1:3], conv.kernel_size
    taps = rows * columns
    before = tall * wide * taps * channels * filters
    after = height * width * taps * channels * filters
    after += height * rows * filters * width * columns * wide  # columns to their places
    after += filters * wide * height * rows * tall  # rows
    return 2 * after <= before


def _placed(upsampling, side, taps):
    """Return (1, 1, side * taps, factor * side): the pixels that every tap contributes to."""
    factor = upsampling.size[0]
    pixels = np.eye(side, dtype=np.float32)
    upsampled = upsampling(pixels[None, :, None])[0, :, 0].numpy()  # (factor * side, side)
    padded = np.pad(upsampled, [((taps - 1) // 2, taps // 2), (0, 0)])
    moved = [padded[tap : tap + factor * side] for tap in range(taps)]
    return np.stack(moved, -1).reshape(1, 1, factor * side, side * taps).transpose(0, 1, 3, 2)
