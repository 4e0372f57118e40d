"""Multiply-adds, counted by hand."""

from tensorflow import keras
from tensorflow.keras import layers

from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.models.operations import multiply_adds


def test_convolutions():
    image = keras.Input((8, 12, 3))
    x = layers.Conv2D(5, 3, strides=2, padding="same")(image)
    assert multiply_adds(keras.Model(image, x)) == 4 * 6 * 5 * 3 * 9
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    depthwise = 4 * 6 * 5 * 9
    assert multiply_adds(keras.Model(image, x)) == 4 * 6 * 5 * 3 * 9 + depthwise
    y = layers.Conv2DTranspose(7, 4, strides=2, padding="same")(x)
    assert multiply_adds(keras.Model(x, y)) == 4 * 6 * 16 * 5 * 7


def test_attention():
    shapes = (8, 4, 2), (8, 4, 3), (8, 4, 1)
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, GuidedContextualAttention()(inputs))
    # 4x2 patches of 3x3x2 guidance, compared with each other, then as many means of 4x4x3
    assert multiply_adds(model) == 8 * 8 * (18 + 48)
