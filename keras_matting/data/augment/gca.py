"""GCA's augmentation (Li and Lu 2020): objects of any kind, two at once, at their own resolution.

The released code resamples whole pictures step by step: the second object to the first's size,
both to a square, an affine map about the centre, an enlargement; the background to their size;
then it crops. Here one linear map leads from the crop into each picture, and only the crop is
computed. `canvas` is the size of the full picture, which is never made.

As in the released code, every resampling draws its interpolation: one of four for backgrounds,
nearest or bilinear for rotated windows. Unlike there, bilinear sampling weights colour by alpha.
"""

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from keras_matting.data.augment import compositing, resampling, trimaps
from keras_matting.data.augment.draws import between, draw
from keras_matting.data.source import Source

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3")


def training(size: int, foregrounds: Source) -> list[Callable]:
    """Return GCA's augmentation; half of the samples show two foregrounds."""
    return [
        second_figure(foregrounds),
        random_cut(size),
        random_hsv("foreground"),
        compositing.composite(),
        trimaps.random_trimap((0, max(1, size * 14 // 512))),
        compositing.select("image", "alpha", "trimap"),
    ]


def second_figure(source, probability: float = 0.5):
    """Randomly add second_foreground and second_alpha from `source`, or else empty ones."""

    def apply(sample):
        uniform = draw(sample, "second_figure", 2)

        def loaded():
            other = source.load(tf.cast(uniform[1] * source.size, tf.int64))
            return other["foreground"], other["alpha"]

        foreground, alpha = tf.cond(
            uniform[0] < probability,
            loaded,
            lambda: (tf.zeros((1, 1, 3), tf.uint8), tf.zeros((1, 1, 1), tf.uint8)),
        )
        return sample | {
            "second_foreground": tf.ensure_shape(foreground, (None, None, 3)),
            "second_alpha": tf.ensure_shape(alpha, (None, None, 1)),
        }

    return apply


def random_cut(
    size: int,
    scale: tuple[float, float] = (0.8, 1.25),
    rotation: float = 30.0,
    shear: float = 10.0,
    flip: float = 0.5,
    squash: float = 0.25,
):
    """Crop uint8 pictures to float32 foreground, alpha and background of (size, size, c).

    The second figure is stretched to the first's size and placed below it, unless together they
    leave no background. Where both are half transparent a quarter shows through; as in the released
    code, the lower colour is mixed in by the upper alpha only. With probability `squash` both
    become a square of 1.25 times the crop. Height and width are scaled and mirrored independently.
    A canvas smaller than twice the crop is not rotated; one smaller than the crop is enlarged to
    1.1 times its size. The crop is centred on an unknown pixel. The background is stretched to the
    canvas.
    """
    reach = math.sqrt(2.0) + math.tan(math.radians(shear))  # of a rotated pixel along an axis
    box = math.ceil(1.3 * reach * size) + 2

    def apply(sample):
        uniform = draw(sample, "random_cut", 15)
        shape = tf.cast(tf.shape(sample["alpha"])[:2], tf.float32)
        canvas = tf.where(uniform[0] < squash, tf.fill([2], 1.25 * size), shape)
        turned = tf.cast(tf.reduce_max(canvas) >= 2 * size, tf.float32)
        steps = shape / canvas / between(*scale, uniform[1:3])  # (y, x)
        mirror = tf.where(uniform[3:5] < flip, -1.0, 1.0)
        angle, slant = between(-rotation, rotation, uniform[5]), between(-shear, shear, uniform[6])
        shorter = tf.reduce_min(canvas)
        enlarged = tf.where(shorter < size + 1, 1.1 * size / shorter, 1.0)
        canvas, steps = tf.floor(canvas * enlarged), steps / enlarged
        linear = resampling.turn(turned * angle, slant, 1.0) * (steps * mirror)[::-1, None]

        points, covered = _unknown_points(sample["alpha"], sample["second_alpha"], uniform[7:9])
        begin = _begin(points, shape, canvas, linear, size, uniform[9:12])
        centre = 0.5 * shape + _mapped(linear, begin + 0.5 * size - 0.5 * canvas)

        def figure(prefix, drawn):
            foreground, alpha = sample[f"{prefix}foreground"], sample[f"{prefix}alpha"]
            stretch = tf.cast(tf.shape(alpha)[:2], tf.float32) / shape
            window = linear * stretch[::-1, None], centre * stretch
            nearest, bilinear = (
                functools.partial(
                    resampling.sampled, foreground, alpha, *window, steps * stretch, size, box, kind
                )
                for kind in ("nearest", "bilinear")
            )
            return tf.cond(drawn < 0.5, nearest, bilinear)

        def pair():
            return _over(foreground, alpha, *figure("second_", uniform[13]))

        foreground, alpha = figure("", uniform[12])
        alone = covered | (tf.size(sample["second_alpha"]) == 1)
        foreground, alpha = tf.cond(alone, lambda: (foreground, alpha), pair)
        background = _behind(sample["background"], begin / canvas, size / canvas, size, uniform[14])
        kept = {key: value for key, value in sample.items() if not key.startswith("second_")}
        return kept | {
            "foreground": tf.ensure_shape(foreground, (size, size, 3)),
            "alpha": tf.ensure_shape(alpha, (size, size, 1)),
            "background": tf.ensure_shape(background, (size, size, 3)),
        }

    return apply


def random_hsv(key: str = "foreground", hue: float = 40.0, strength: float = 0.1):
    """Rotate the hue of float `key` by up to `hue` degrees and shift saturation and value.

    Each shifts by up to `strength` times the difference of 1.1 and its mean over the figure; values
    outside [0, 1] are reflected. As in the released code, grey that gains saturation gets the
    rotated hue of red.
    """

    def apply(sample):
        uniform = draw(sample, f"random_hsv:{key}", 3)
        turn = between(-hue, hue, uniform[0]) / 360.0
        moves = between(-strength, strength, uniform[1:])
        return sample | {key: _moved(sample[key], sample["alpha"], turn, moves[0], moves[1])}

    return apply


@tf.function(jit_compile=True)  # one pass over memory instead of forty
def _moved(picture, alpha, turn, saturation, value):
    red, green, blue = tf.unstack(picture, axis=-1)
    most = tf.maximum(tf.maximum(red, green), blue)
    spread = most - tf.minimum(tf.minimum(red, green), blue)
    figure = tf.cast(alpha[..., 0] > 0.0, tf.float32)

    def moved(plane, share):
        mean = tf.math.divide_no_nan(tf.reduce_sum(figure * plane), tf.reduce_sum(figure))
        plane = tf.abs(plane + (1.1 - mean) * share)
        return tf.minimum(plane, 2.0 - plane)

    strong, bright = moved(tf.math.divide_no_nan(spread, most), saturation), moved(most, value)
    sector = tf.where(
        most == red,
        tf.math.divide_no_nan(green - blue, spread),
        tf.where(
            most == green,
            2.0 + tf.math.divide_no_nan(blue - red, spread),
            4.0 + tf.math.divide_no_nan(red - green, spread),
        ),
    )
    turned = [start + sector + 6.0 * turn for start in (5.0, 3.0, 1.0)]
    turned = [x - 6.0 * tf.floor(x / 6.0) for x in turned]  # floormod would double the total time
    lacks = [tf.clip_by_value(tf.minimum(x, 4.0 - x), 0.0, 1.0) for x in turned]
    return tf.stack([bright * (1.0 - strong * x) for x in lacks], -1)


@tf.function(jit_compile=True)
def _over(colour, alpha, below, through):
    return colour * alpha + below * (1.0 - alpha), 1.0 - (1.0 - alpha) * (1.0 - through)


def _unknown_points(alpha, second, uniform):
    """Return points (n, 2), (y, x), of the unknown region, and whether no background is left.

    The points lie on a randomly offset grid of at least 128 per side. A point is unknown if alpha
    is fractional there or changes next to it; any trimap is unknown there.
    """
    shape = tf.shape(alpha)[:2]
    stride = tf.maximum(tf.reduce_min(shape) // 128, 1)
    offset = tf.cast(uniform * tf.cast(stride, tf.float32), tf.int32)
    rows, columns = (tf.range(offset[i], shape[i], stride) for i in range(2))
    other = tf.shape(second)[:2]
    second = tf.gather(second, _scaled(rows, shape[0], other[0]))
    second = tf.gather(second, _scaled(columns, shape[1], other[1]), axis=1)
    first = alpha[offset[0] :: stride, offset[1] :: stride]
    clear = (1.0 - tf.cast(first, tf.float32) / 255.0) * (1.0 - tf.cast(second, tf.float32) / 255.0)
    covered = tf.reduce_max(clear) == 0.0
    clear = tf.where(covered, 1.0 - tf.cast(first, tf.float32) / 255.0, clear)
    clear = tf.squeeze(clear, -1)
    unknown = (_extreme(clear, tf.maximum) > 0.0) & (_extreme(clear, tf.minimum) < 1.0)
    points = tf.cast(tf.where(unknown), tf.int32) * stride + offset
    return tf.cast(points, tf.float32) + 0.5, covered


def _extreme(plane, of_two):
    """Reduce each pixel with its eight neighbours; max_pool2d takes seven times as long."""
    for axis in (0, 1):
        edge = [[1, 1] if i == axis else [0, 0] for i in range(2)]
        padded = tf.pad(plane, edge, "SYMMETRIC")
        before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
        plane = of_two(plane, of_two(before, after))
    return plane


def _scaled(indices, side, other):
    return indices * other // side


def _begin(points, shape, canvas, linear, size, uniform):
    """Return the upper left corner (y, x) of a window around a point, or anywhere if none fits."""
    middle, room = 0.5 * (canvas - size), canvas - size
    found = middle + _mapped(tf.linalg.inv(linear), points - 0.5 * shape)
    found = tf.boolean_mask(found, tf.reduce_all((found >= 0.0) & (found <= room), axis=1))
    count = tf.shape(found)[0]
    chosen = tf.cast(uniform[0] * tf.cast(count, tf.float32), tf.int32)
    chosen = tf.clip_by_value(chosen, 0, tf.maximum(count - 1, 0))
    # The random place comes last, so it is picked only if there is no other.
    return tf.round(tf.concat([found, room * uniform[1:3][None]], 0)[chosen])


def _mapped(linear, points):
    return tf.linalg.matvec(linear, points[..., ::-1])[..., ::-1]


def _behind(background, begin, extent, size, drawn):
    """Return a window of the background; `begin` and `extent` (y, x) are fractions of it."""
    shape = tf.cast(tf.shape(background)[:2], tf.float32)
    begin, end = begin * shape, (begin + extent) * shape
    # 1/3 is rounded: do not take an extra pixel because of that
    low = tf.clip_by_value(tf.floor(begin + 1e-2), 0.0, shape - 1.0)
    high = tf.clip_by_value(tf.math.ceil(end - 1e-2), low + 1.0, shape)
    begin, extent = tf.cast(low, tf.int32), tf.cast(high - low, tf.int32)
    window = tf.slice(
        background, tf.pad(begin, [[0, 1]]), tf.pad(extent, [[0, 1]], constant_values=3)
    )
    window = tf.cast(window, tf.float32) / 255.0
    resized = tf.switch_case(
        tf.cast(drawn * len(INTERPOLATIONS), tf.int32),
        [lambda by=by: tf.image.resize(window, (size, size), by) for by in INTERPOLATIONS],
    )
    return tf.clip_by_value(resized, 0.0, 1.0)
