"""Image degradation: blur, sensor noise, JPEG compression."""

import math

import numpy as np
import tensorflow as tf

from keras_matting.data.augment.draws import between, draw, op_seed, sometimes


def random_blur(*keys: str, sigma: tuple[float, float] = (0.3, 1.0), probability: float = 0.25):
    """Randomly blur float `keys` alike by a Gaussian, mirroring edges; both sides > 3 sigma."""
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
            key: sometimes(uniform[0] < probability, lambda x: blur(x, deviation), sample[key])
            for key in keys
        }

    return apply


def random_noise(key: str = "image", deviation: float = 0.02, probability: float = 0.5):
    """Randomly add Gaussian noise of a deviation up to `deviation`, then clip to [0, 1]."""

    def apply(sample):
        name = f"random_noise:{key}"
        uniform = draw(sample, name, 2)

        def noisy(picture):
            noise = tf.random.stateless_normal(tf.shape(picture), op_seed(sample, f"{name}:field"))
            return tf.clip_by_value(picture + deviation * uniform[1] * noise, 0.0, 1.0)

        return sample | {key: sometimes(uniform[0] < probability, noisy, sample[key])}

    return apply


def random_jpeg(key: str = "image", quality: tuple[int, int] = (50, 95), probability: float = 0.5):
    """Randomly encode and decode float `key` as JPEG, at a quality from [low, high]."""
    low, high = quality

    def apply(sample):
        uniform = draw(sample, f"random_jpeg:{key}", 2)
        level = tf.cast(between(float(low), high + 1.0, uniform[1]), tf.int32)
        return sample | {
            key: sometimes(
                uniform[0] < probability,
                lambda picture: tf.image.adjust_jpeg_quality(picture, level),
                sample[key],
            )
        }

    return apply


def box_blur(picture, kernel):
    """Average (h, w, c) over kernel x kernel pixels, mirroring borders; `kernel` is odd."""
    margin = kernel // 2
    for axis in (0, 1):
        padding = [[margin, margin] if i == axis else [0, 0] for i in range(3)]
        window = [kernel, 1] if axis == 0 else [1, kernel]
        padded = tf.pad(picture, padding, "SYMMETRIC")[None]
        picture = tf.nn.avg_pool2d(padded, window, 1, "VALID")[0]
    return picture
