"""Resample foreground and alpha in a rotated and scaled window of a picture.

Colour is averaged premultiplied by alpha and divided afterwards: otherwise colour stored under
transparent pixels (often black) would bleed into hair as a dark fringe. Where the result's alpha is
0, its colour is the figure's mean, whatever the file had there.

A window has `size` pixels per side. `linear`, a 2x2 matrix on (x, y), maps distances in the window
to distances in the picture; `centre` (y, x) is the window's centre in the picture; pixel i covers
[i, i + 1).
"""

import itertools
import math

import tensorflow as tf


def turn(rotation, shear, mirror):
    """Return the 2x2 matrix on (x, y) of a rotation, a shear (in degrees) and a mirroring."""
    rotation, slant = rotation * (math.pi / 180.0), tf.tan(shear * (math.pi / 180.0))
    cosine, sine = tf.cos(rotation), tf.sin(rotation)
    turned = tf.reshape(tf.stack([cosine, -sine, sine, cosine]), (2, 2))
    sheared = tf.reshape(tf.stack([mirror, slant, 0.0, 1.0]), (2, 2))
    return turned @ sheared


def half(linear, size):
    """Return the window's half-extents (y, x) in the picture."""
    return 0.5 * size * tf.reduce_sum(tf.abs(linear), axis=1)[::-1]


def smooth(foreground, alpha, linear, centre, steps, size):
    """Sample uint8 to float32 (size, size, 3) and (size, size, 1) in [0, 1], with antialiasing.

    `steps` (y, x) are the distances of the window's pixels in the picture. Outside the picture
    alpha is 0.
    """
    shape = tf.cast(tf.shape(alpha)[:2], tf.float32)
    # Convert and filter only what the window covers.
    margin = half(linear, size) + 2.0 * steps
    low = tf.clip_by_value(tf.floor(centre - margin), 0.0, shape - 1.0)
    high = tf.clip_by_value(tf.math.ceil(centre + margin), low + 1.0, shape)
    begin, extent = tf.cast(low, tf.int32), tf.cast(high - low, tf.int32)
    both = tf.concat(
        premultiply(
            tf.slice(foreground, tf.pad(begin, [[0, 1]]), tf.concat([extent, [3]], 0)),
            tf.slice(alpha, tf.pad(begin, [[0, 1]]), tf.concat([extent, [1]], 0)),
        ),
        axis=-1,
    )
    # Bilinear sampling at steps of much more than a pixel would alias hair: average first.
    reduced = tf.cast(tf.math.ceil((high - low) / tf.maximum(steps, 1.0)), tf.int32)
    both = tf.cond(
        tf.reduce_max(steps) > 1.3,
        lambda: tf.image.resize(both, reduced, "area"),
        lambda: both,
    )
    ratio = tf.cast(tf.shape(both)[:2], tf.float32) / (high - low)
    both = tf.raw_ops.ImageProjectiveTransformV3(
        images=both[None],
        transforms=_projective(linear, centre - low, ratio, size)[None],
        output_shape=[size, size],
        fill_value=0.0,
        interpolation="BILINEAR",
    )[0]
    colour, alpha = straighten(both[..., :3], both[..., 3:])
    return tf.ensure_shape(colour, (size, size, 3)), tf.ensure_shape(alpha, (size, size, 1))


def sampled(foreground, alpha, linear, centre, steps, size, box, kind):
    """Sample as `smooth` does, but by `kind` "nearest" or "bilinear", faster and without averaging.

    A picture with much finer pixels than the window is first reduced by nearest neighbour. The
    window must fit into a square of `box` pixels. Where alpha is 0, colour is the file's.
    """
    shape = tf.cast(tf.shape(alpha)[:2], tf.float32)
    reduced = tf.cast(tf.math.ceil(shape / tf.maximum(steps, 1.0)), tf.int32)
    foreground, alpha = tf.cond(
        tf.reduce_max(steps) > 1.3,
        lambda: tuple(tf.image.resize(x, reduced, "nearest") for x in (foreground, alpha)),
        lambda: (foreground, alpha),
    )
    ratio = tf.cast(tf.shape(alpha)[:2], tf.float32) / shape
    centre, linear = centre * ratio, linear * ratio[::-1, None]
    shape = tf.cast(tf.shape(alpha)[:2], tf.float32)
    begin = tf.clip_by_value(tf.round(centre - 0.5 * box), 0.0, tf.maximum(shape - box, 0.0))
    extent = tf.cast(tf.minimum(shape, box), tf.int32)
    first = tf.pad(tf.cast(begin, tf.int32), [[0, 1]])
    seen = [
        tf.slice(x, first, tf.pad(extent, [[0, 1]], constant_values=depth))
        for x, depth in ((foreground, 3), (alpha, 1))
    ]
    missing = tf.pad(tf.pad(box - extent, [[0, 1]])[:, None], [[0, 0], [1, 0]])
    seen = tf.cond(
        tf.reduce_any(extent < box), lambda: [tf.pad(x, missing) for x in seen], lambda: seen
    )
    seen = [tf.ensure_shape(x, (box, box, x.shape[-1])) for x in seen]
    return _interpolated(*seen, extent, linear, centre - begin, size, kind)


@tf.function(jit_compile=True)  # one pass over memory in place of twenty
def _interpolated(foreground, alpha, extent, linear, centre, size, kind):
    box = foreground.shape[1]
    along = tf.range(size, dtype=tf.float32) - (0.5 * size - 0.5)
    x = centre[1] + linear[0, 0] * along + (linear[0, 1] * along)[:, None]
    y = centre[0] + linear[1, 0] * along + (linear[1, 1] * along)[:, None]
    if kind == "nearest":
        columns, rows = [(tf.floor(x), 1.0)], [(tf.floor(y), 1.0)]
    else:
        left, top = tf.floor(x - 0.5), tf.floor(y - 0.5)
        right, lower = x - 0.5 - left, y - 0.5 - top
        columns = [(left, 1.0 - right), (left + 1.0, right)]
        rows = [(top, 1.0 - lower), (top + 1.0, lower)]
    colour = total = under = 0.0
    for (row, upright), (column, across) in itertools.product(rows, columns):
        row, column = tf.cast(row, tf.int32), tf.cast(column, tf.int32)
        inside = (row >= 0) & (row < extent[0]) & (column >= 0) & (column < extent[1])
        pixel = tf.where(inside, row * box + column, 0)
        share = tf.where(inside, upright * across, 0.0)[..., None]
        weight = share * tf.cast(tf.gather(tf.reshape(alpha, (-1, 1)), pixel), tf.float32)
        pixel = tf.cast(tf.gather(tf.reshape(foreground, (-1, 3)), pixel), tf.float32)
        total += weight
        colour += weight * pixel
        under += share * pixel
    colour = tf.where(total > 0.5, colour / tf.maximum(total, 0.5), under)
    return tf.minimum(colour / 255.0, 1.0), tf.round(total) / 255.0


def premultiply(foreground, alpha):
    """Convert uint8 to float32 in [0, 255]: colour times alpha, and alpha."""
    alpha = tf.cast(alpha, tf.float32)
    return tf.cast(foreground, tf.float32) * tf.image.grayscale_to_rgb(alpha / 255.0), alpha


def straighten(colour, alpha):
    """Undo `premultiply` after resampling; values end in [0, 1].

    Alpha is rounded to bytes again: an interpolated 0.9999999 is opaque, not unknown.
    """
    mean = tf.reduce_sum(colour, axis=(0, 1)) / tf.maximum(tf.reduce_sum(alpha), 1.0)
    weight = tf.image.grayscale_to_rgb(alpha)
    alpha = tf.round(alpha) / 255.0
    # Arithmetic instead of tf.where, which takes ten times as long on CPU.
    empty = tf.cast(weight <= 0.5, tf.float32)
    filled = 1.0 - empty
    straight = (filled * colour + empty * mean) / (filled * weight + empty)
    return tf.clip_by_value(straight, 0.0, 1.0), alpha


def _projective(linear, centre, ratio, size):
    """Return the eight numbers of the map from the window to a picture reduced by `ratio` (y, x).

    The transform uses pixel centres, hence the halves.
    """
    ratio, centre = ratio[::-1], centre[::-1]  # (x, y)
    matrix = linear * ratio[:, None]
    middle = tf.fill([2], 0.5 * size - 0.5)
    offset = centre * ratio - 0.5 - tf.linalg.matvec(matrix, middle)
    rows = tf.concat([matrix, offset[:, None]], axis=1)
    return tf.pad(tf.reshape(rows, [6]), [[0, 2]])
