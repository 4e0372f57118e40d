"""Random colour changes, the same for all pictures they are applied to."""

import math

import numpy as np
import tensorflow as tf

from keras_matting.data.augment.draws import between, draw, sometimes

# Luma and two colour difference axes in which hue is an angle (NTSC's YIQ).
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def random_color(
    *keys: str,
    brightness: float = 0.1,
    contrast: float = 0.2,
    saturation: float = 0.3,
    hue: float = 0.05,
    probability: float = 1.0,
):
    """Apply one random affine colour map to float `keys` and clip to [0, 1].

    Brightness adds up to +-`brightness`; contrast (about mid-grey) and saturation multiply by
    [1 - x, 1 + x]; hue rotates by up to `hue` of a full circle. In YIQ all four together are one
    3x3 matrix and an offset.
    """

    def mapped(picture, uniform):
        shift = between(-brightness, brightness, uniform[0])
        gain = between(1.0 - contrast, 1.0 + contrast, uniform[1])
        strength = between(1.0 - saturation, 1.0 + saturation, uniform[2])
        angle = between(-hue, hue, uniform[3])
        return _recoloured(picture, strength, angle, gain, 0.5 - 0.5 * gain + shift)

    def apply(sample):
        uniform = draw(sample, f"random_color:{keys[0]}", 5)
        return sample | {
            key: sometimes(uniform[4] < probability, lambda x: mapped(x, uniform), sample[key])
            for key in keys
        }

    return apply


def random_jitter(
    *keys: str,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float = 0.0,
    each: float = 1.0,
):
    """Jitter the colours of float `keys` alike, as torchvision and Pillow do; clip to [0, 1].

    Brightness multiplies by [1 - x, 1 + x], contrast does so about the picture's mean luma and
    saturation about each pixel's luma, and hue rotates by up to `hue` of a full circle, in YIQ.
    Each of the four is applied with probability `each`.
    """

    def apply(sample):
        name = f"random_jitter:{keys[0]}"
        amounts = tf.constant([brightness, contrast, saturation, hue])
        happens = tf.cast(draw(sample, f"{name}:each", 4) < each, tf.float32)
        amounts *= between(-1.0, 1.0, draw(sample, name, 4)) * happens
        light, gain, strength, angle = tf.unstack([1.0, 1.0, 1.0, 0.0] + amounts)

        def mapped(picture):
            luma = tf.tensordot(tf.reduce_mean(picture, (0, 1)), np.float32(_YIQ[0]), 1)
            return _recoloured(picture, strength, angle, gain * light, (1.0 - gain) * light * luma)

        return sample | {
            key: tf.ensure_shape(mapped(sample[key]), sample[key].shape) for key in keys
        }

    return apply


def random_gamma(*keys: str, strength: float = 0.4, probability: float = 0.5):
    """Randomly raise float `keys` to one power from exp(-strength) to exp(strength)."""

    def apply(sample):
        uniform = draw(sample, f"random_gamma:{keys[0]}", 2)
        power = tf.exp(between(-strength, strength, uniform[1]))
        return sample | {
            key: sometimes(uniform[0] < probability, lambda x: tf.pow(x, power), sample[key])
            for key in keys
        }

    return apply


def random_grey(*keys: str, probability: float = 0.06):
    """Randomly turn float `keys` grey, all of them or none."""

    def grey(picture):
        return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(picture))

    def apply(sample):
        happens = draw(sample, f"random_grey:{keys[0]}", 1)[0] < probability
        return sample | {key: sometimes(happens, grey, sample[key]) for key in keys}

    return apply


def _recoloured(picture, strength, angle, gain, offset):
    """Scale saturation by `strength`, rotate hue by `angle` of a circle, apply gain and offset."""
    into, back = np.float32(_YIQ), np.float32(np.linalg.inv(_YIQ))
    angle = 2.0 * math.pi * angle
    cosine, sine = strength * tf.cos(angle), strength * tf.sin(angle)
    turn = tf.reshape(tf.stack([1.0, 0.0, 0.0, 0.0, cosine, -sine, 0.0, sine, cosine]), (3, 3))
    matrix = gain * (back @ (turn @ into))
    pixels = tf.matmul(tf.reshape(picture, (-1, 3)), matrix, transpose_b=True)
    return tf.reshape(tf.clip_by_value(pixels + offset, 0.0, 1.0), tf.shape(picture))
