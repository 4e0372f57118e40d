"""Operations on one sample: factories of dict -> dict functions, alike in eager mode and tf.data.

A sample holds (h, w, c) tensors under image, alpha, trimap, foreground, background, and under
"seed" the int32 (2,) from which every random op draws. An op mixes its own name and key into
that seed, so a draw depends neither on the order of ops nor on what else is in the list. The same
op twice on the same key draws the same numbers.
"""

import math
import zlib

import numpy as np
import tensorflow as tf

# Luma, and two axes of colour difference along which hue is an angle (NTSC's YIQ).
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def draw(sample, name, count):
    """`count` uniform numbers in [0, 1), a function of sample["seed"] and `name` alone."""
    return tf.random.stateless_uniform([count], op_seed(sample, name))


def op_seed(sample, name):
    """int32 (2,) seed for the op called `name`, independent of every other op's."""
    salt = zlib.crc32(name.encode()) & 0x7FFFFFFF
    return tf.random.experimental.stateless_fold_in(sample["seed"], salt)


def between(low, high, uniform):
    """Maps [0, 1) to [low, high)."""
    return low + (high - low) * uniform


def to_float():
    """uint8 pictures and alpha -> float32 [0, 1]; a trimap, a seed and float tensors stay."""

    def apply(sample):
        return {
            key: tf.cast(value, tf.float32) / 255.0
            if value.dtype == tf.uint8 and key != "trimap"
            else value
            for key, value in sample.items()
        }

    return apply


def select(*keys: str):
    """Drops every other tensor: a batch of 16 at 512x512 is 50 MB for each picture kept."""
    return lambda sample: {key: sample[key] for key in keys}


def composite(over: str = "background"):
    """Adds image = alpha * foreground + (1 - alpha) * what is at `over`."""

    def apply(sample):
        # Tiled first: TensorFlow's CPU kernels broadcast a last axis of 1 several times slower.
        alpha = tf.image.grayscale_to_rgb(sample["alpha"])
        image = alpha * sample["foreground"] + (1.0 - alpha) * sample[over]
        return sample | {"image": image}

    return apply


def random_color(
    *keys: str,
    brightness: float = 0.1,
    contrast: float = 0.2,
    saturation: float = 0.3,
    hue: float = 0.05,
    probability: float = 1.0,
):
    """One random affine map of colour on float `keys`, the same on each, clipped to [0, 1].

    Brightness is added from [-brightness, brightness]; contrast (about mid-grey) and saturation
    multiply by [1 - x, 1 + x]; hue turns by at most `hue` of a full circle, in YIQ, where all four
    are a single 3x3 matrix and an offset.
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
            key: _sometimes(uniform[4] < probability, lambda x: mapped(x, uniform), sample[key])
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
    """Colour jitter as torchvision, Pillow and OpenCV are used for it, clipped to [0, 1].

    Brightness multiplies by [1 - x, 1 + x], then contrast does so about the picture's mean luma,
    saturation about every pixel's, and hue turns by at most `hue` of a full circle, in YIQ. Each of
    the four happens with probability `each`; the same on every one of float `keys`.
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
    """Raises float `keys` to a power from exp(-strength) to exp(strength), the same for each."""

    def apply(sample):
        uniform = draw(sample, f"random_gamma:{keys[0]}", 2)
        power = tf.exp(between(-strength, strength, uniform[1]))
        return sample | {
            key: _sometimes(uniform[0] < probability, lambda x: tf.pow(x, power), sample[key])
            for key in keys
        }

    return apply


def random_grey(*keys: str, probability: float = 0.06):
    """Takes the colour from float `keys`, from all or none of them."""

    def grey(picture):
        return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(picture))

    def apply(sample):
        happens = draw(sample, f"random_grey:{keys[0]}", 1)[0] < probability
        return sample | {key: _sometimes(happens, grey, sample[key]) for key in keys}

    return apply


def random_blur(*keys: str, sigma: tuple[float, float] = (0.3, 1.0), probability: float = 0.25):
    """Gaussian blur of float `keys`, the same on each, edges mirrored; both sides > 3 sigma."""
    radius = math.ceil(3.0 * sigma[1])
    offsets = np.arange(-radius, radius + 1, dtype=np.float32)

    def blur(picture, deviation):
        weights = tf.nn.softmax(-0.5 * tf.square(offsets / deviation))
        # A weighted sum of shifted views: twice as fast on CPU as a depthwise convolution.
        for axis in (0, 1):
            padding = [[radius, radius] if i == axis else [0, 0] for i in range(3)]
            padded = tf.pad(picture, padding, "SYMMETRIC")
            length = tf.shape(picture)[axis]
            views = [
                padded[i : i + length] if axis == 0 else padded[:, i : i + length]
                for i in range(2 * radius + 1)
            ]
            picture = sum(weights[i] * view for i, view in enumerate(views))
        return picture

    def apply(sample):
        uniform = draw(sample, f"random_blur:{keys[0]}", 2)
        deviation = between(*sigma, uniform[1])
        return sample | {
            key: _sometimes(uniform[0] < probability, lambda x: blur(x, deviation), sample[key])
            for key in keys
        }

    return apply


def random_noise(key: str = "image", deviation: float = 0.02, probability: float = 0.5):
    """Adds Gaussian noise of a standard deviation from [0, deviation], then clips to [0, 1]."""

    def apply(sample):
        name = f"random_noise:{key}"
        uniform = draw(sample, name, 2)

        def noisy(picture):
            noise = tf.random.stateless_normal(tf.shape(picture), op_seed(sample, f"{name}:field"))
            return tf.clip_by_value(picture + deviation * uniform[1] * noise, 0.0, 1.0)

        return sample | {key: _sometimes(uniform[0] < probability, noisy, sample[key])}

    return apply


def random_jpeg(key: str = "image", quality: tuple[int, int] = (50, 95), probability: float = 0.5):
    """Encodes float `key` as JPEG of a quality from [low, high] and decodes it again."""
    low, high = quality

    def apply(sample):
        uniform = draw(sample, f"random_jpeg:{key}", 2)
        level = tf.cast(between(float(low), high + 1.0, uniform[1]), tf.int32)
        return sample | {
            key: _sometimes(
                uniform[0] < probability,
                lambda picture: tf.image.adjust_jpeg_quality(picture, level),
                sample[key],
            )
        }

    return apply


def _recoloured(picture, strength, angle, gain, offset):
    """Saturation times `strength` and hue turned by `angle` of a circle; then times gain, plus."""
    into, back = np.float32(_YIQ), np.float32(np.linalg.inv(_YIQ))
    angle = 2.0 * math.pi * angle
    cosine, sine = strength * tf.cos(angle), strength * tf.sin(angle)
    turn = tf.reshape(tf.stack([1.0, 0.0, 0.0, 0.0, cosine, -sine, 0.0, sine, cosine]), (3, 3))
    matrix = gain * (back @ (turn @ into))
    pixels = tf.matmul(tf.reshape(picture, (-1, 3)), matrix, transpose_b=True)
    return tf.reshape(tf.clip_by_value(pixels + offset, 0.0, 1.0), tf.shape(picture))


def _sometimes(condition, function, picture):
    return tf.ensure_shape(
        tf.cond(condition, lambda: function(picture), lambda: picture), picture.shape
    )
