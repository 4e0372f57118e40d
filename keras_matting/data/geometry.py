"""Where a sample's pixels come from: joint geometry of foreground and alpha, crops of backgrounds.

Colour travels multiplied by alpha through every resampling and is divided again afterwards: what
is stored under transparent pixels (often black) must not bleed into hair as a dark fringe. Where
alpha is 0 afterwards, colour is the figure's mean, whatever the file had there.
"""

import math

import tensorflow as tf

from keras_matting.data.ops import between, draw


def random_crop_affine(
    size: int,
    scale: tuple[float, float] = (0.5, 1.25),
    rotation: float = 15.0,
    shear: float = 5.0,
    flip: float = 0.5,
):
    """uint8 foreground and alpha of any size -> float32 (size, size, 3) and (size, size, 1).

    A square window around a random pixel of the unknown region, or around the centre if there is
    none. Its side is `scale` (log-uniform) times the picture's shorter side: 0.5 is a close-up,
    1.25 leaves a margin. `rotation` and `shear` are largest angles in degrees, `flip` the
    probability of mirroring. The window is then moved inside the picture as far as it fits, and
    a figure that the picture's lower edge cuts off stays cut off by the window's. Outside the
    picture alpha is 0.
    """
    from keras_matting.data.addons import tfa

    def apply(sample):
        foreground, alpha = sample["foreground"], sample["alpha"]
        uniform = draw(sample, "random_crop_affine", 8)
        shape = tf.cast(tf.shape(alpha)[:2], tf.float32)
        step = tf.reduce_min(shape) / size * _log_between(*scale, uniform[0])
        linear = step * _turn(
            between(-rotation, rotation, uniform[1]),
            between(-shear, shear, uniform[2]),
            tf.where(uniform[3] < flip, -1.0, 1.0),
        )
        half = 0.5 * size * tf.reduce_sum(tf.abs(linear), axis=1)[::-1]  # (y, x)
        centre = _place(_unknown_point(alpha, uniform[4:7]), half, shape, alpha, uniform[7])

        # Only what the window can see is converted and filtered.
        low = tf.maximum(tf.floor(centre - half - 2.0 * step), 0.0)
        high = tf.minimum(tf.math.ceil(centre + half + 2.0 * step), shape)
        begin, extent = tf.cast(low, tf.int32), tf.cast(high - low, tf.int32)
        foreground = tf.slice(foreground, tf.pad(begin, [[0, 1]]), tf.concat([extent, [3]], 0))
        alpha = tf.slice(alpha, tf.pad(begin, [[0, 1]]), tf.concat([extent, [1]], 0))
        colour, alpha = _premultiply(foreground, alpha)

        # Bilinear sampling at more than a pixel's distance would alias hair: average first.
        reduced = tf.cast(tf.math.ceil((high - low) / step), tf.int32)
        colour, alpha = tf.cond(
            step > 1.0,
            lambda: (
                tf.image.resize(colour, reduced, "area"),
                tf.image.resize(alpha, reduced, "area"),
            ),
            lambda: (colour, alpha),
        )
        ratio = tf.cast(tf.shape(alpha)[:2], tf.float32) / (high - low)
        transform = _projective(linear, centre - low, ratio, size)
        colour = tfa.image.transform(colour, transform, "bilinear", output_shape=(size, size))
        alpha = tfa.image.transform(alpha, transform, "bilinear", output_shape=(size, size))
        colour, alpha = _straighten(colour, alpha)
        return sample | {
            "foreground": tf.ensure_shape(colour, (size, size, 3)),
            "alpha": tf.ensure_shape(alpha, (size, size, 1)),
        }

    return apply


def fit(size: int):
    """Foreground and alpha scaled whole into a square of float32: for validation.

    Empty margins go to the left and right, or above, so that a portrait keeps its lower edge.
    """

    def apply(sample):
        shape = tf.cast(tf.shape(sample["alpha"])[:2], tf.float32)
        target = tf.cast(tf.round(shape * (size / tf.reduce_max(shape))), tf.int32)
        target = tf.maximum(target, 1)
        colour, alpha = _premultiply(sample["foreground"], sample["alpha"])
        colour = tf.image.resize(colour, target, antialias=True)
        alpha = tf.image.resize(alpha, target, antialias=True)
        top, left = size - target[0], (size - target[1]) // 2
        colour, alpha = _straighten(
            tf.image.pad_to_bounding_box(colour, top, left, size, size),
            tf.image.pad_to_bounding_box(alpha, top, left, size, size),
        )
        return sample | {
            "foreground": tf.ensure_shape(colour, (size, size, 3)),
            "alpha": tf.ensure_shape(alpha, (size, size, 1)),
        }

    return apply


def random_crop(key: str, size: int, scale: tuple[float, float] = (0.5, 1.0), flip: float = 0.5):
    """uint8 `key` of any size -> float32 (size, size, 3): a random square, mirrored at times.

    The square's side is `scale` (at most 1) times the picture's shorter side.
    """

    def apply(sample):
        uniform = draw(sample, f"random_crop:{key}", 4)
        picture = _square(sample[key], size, between(*scale, uniform[0]), uniform[1:3])
        picture = tf.cond(uniform[3] < flip, lambda: picture[:, ::-1], lambda: picture)
        return sample | {key: tf.ensure_shape(picture, (size, size, 3))}

    return apply


def centre_crop(key: str, size: int):
    """uint8 `key` -> float32 (size, size, 3), the largest square in the middle: for validation."""

    def apply(sample):
        picture = _square(sample[key], size, 1.0, tf.constant([0.5, 0.5]))
        return sample | {key: tf.ensure_shape(picture, (size, size, 3))}

    return apply


def _square(picture, size, scale, position):
    shape = tf.shape(picture)[:2]
    side = tf.cast(tf.round(scale * tf.cast(tf.reduce_min(shape), tf.float32)), tf.int32)
    side = tf.clip_by_value(side, 1, tf.reduce_min(shape))
    begin = tf.cast(position * tf.cast(shape - side + 1, tf.float32), tf.int32)
    window = tf.slice(picture, tf.pad(begin, [[0, 1]]), tf.stack([side, side, 3]))
    resized = tf.image.resize(window, (size, size), antialias=True)
    return tf.clip_by_value(resized / 255.0, 0.0, 1.0)


def _unknown_point(alpha, uniform):
    """(y, x) in pixel coordinates of a random pixel with 0 < alpha < 255, else of the centre."""
    shape = tf.shape(alpha)[:2]
    # A grid of at least 256 points a side, randomly offset, holds candidates enough.
    stride = tf.maximum(tf.reduce_min(shape) // 256, 1)
    offset = tf.cast(uniform[:2] * tf.cast(stride, tf.float32), tf.int32)
    grid = alpha[offset[0] :: stride, offset[1] :: stride, 0]
    points = tf.cast(tf.where((grid > 0) & (grid < 255)), tf.int32) * stride + offset
    count = tf.shape(points)[0]
    chosen = tf.cast(uniform[2] * tf.cast(tf.maximum(count, 1), tf.float32), tf.int32)
    chosen = tf.minimum(chosen, tf.maximum(count - 1, 0))
    # The centre stands last, where it is picked only if it stands alone.
    return tf.cast(tf.concat([points, shape[None] // 2], 0)[chosen], tf.float32) + 0.5


def _place(point, half, shape, alpha, uniform):
    """Centre (y, x) of a window of half-extents `half`, near `point`, inside the picture."""
    low, high = tf.minimum(half, shape - half), tf.maximum(half, shape - half)
    centre = tf.clip_by_value(point, low, high)
    cut_off = tf.reduce_any(alpha[-1] > 127)
    lowest = tf.where(cut_off, shape[0] - half[0], centre[0])
    return tf.stack([tf.minimum(centre[0], lowest), centre[1]])


def _turn(rotation, shear, mirror):
    """2x2 matrix on (x, y), angles in degrees."""
    rotation, slant = rotation * (math.pi / 180.0), tf.tan(shear * (math.pi / 180.0))
    cosine, sine = tf.cos(rotation), tf.sin(rotation)
    turned = tf.reshape(tf.stack([cosine, -sine, sine, cosine]), (2, 2))
    sheared = tf.reshape(tf.stack([mirror, slant, 0.0, 1.0]), (2, 2))
    return turned @ sheared


def _projective(linear, centre, ratio, size):
    """The eight numbers of tfa.image.transform: window pixel -> pixel of the reduced picture.

    Pixel i covers [i, i + 1); the transform counts centres, hence the halves.
    """
    ratio, centre = ratio[::-1], centre[::-1]  # (x, y)
    matrix = linear * ratio[:, None]
    middle = tf.fill([2], 0.5 * size - 0.5)
    offset = centre * ratio - 0.5 - tf.linalg.matvec(matrix, middle)
    rows = tf.concat([matrix, offset[:, None]], axis=1)
    return tf.pad(tf.reshape(rows, [6]), [[0, 2]])


def _premultiply(foreground, alpha):
    """uint8 -> float32 in [0, 255]: colour times alpha, and alpha."""
    alpha = tf.cast(alpha, tf.float32)
    return tf.cast(foreground, tf.float32) * tf.image.grayscale_to_rgb(alpha / 255.0), alpha


def _straighten(colour, alpha):
    """Undoes `_premultiply` after resampling, into [0, 1].

    Alpha is rounded to bytes again: an interpolated 0.9999999 is opaque, not unknown.
    """
    weight = tf.image.grayscale_to_rgb(alpha)
    alpha = tf.round(alpha) / 255.0
    empty = tf.image.grayscale_to_rgb(tf.cast(alpha <= 0.0, tf.float32))
    total = tf.maximum(tf.reduce_sum(weight, axis=(0, 1)), 1.0)
    mean = tf.reduce_sum(colour, axis=(0, 1)) / total
    # Arithmetic in place of tf.where, which takes ten times as long on CPU.
    straight = ((1.0 - empty) * colour + empty * mean) / ((1.0 - empty) * weight + empty)
    return tf.clip_by_value(straight, 0.0, 1.0), alpha


def _log_between(low, high, uniform):
    return tf.exp(between(math.log(low), math.log(high), uniform))
