"""Augmentation of photographs that come with an alpha matte and foreground colours.

A sample has image, alpha and foreground, uint8 of one size, and the scalar `photograph`: whether
`image` is a photograph whose background may be kept. A network trained only on composites learns
their seams; one trained only on photographs learns where people stand. These presets show both.
"""

from collections.abc import Callable

import tensorflow as tf

from keras_matting.data.augment import colour, compositing, degradation, geometry, trimaps
from keras_matting.data.augment.draws import between, draw
from keras_matting.data.augment.resampling import half, smooth, turn


def training(size: int, replaced: float = 0.5) -> list[Callable]:
    """Return augmentation of photographs, a share `replaced` of them with a new background.

    Results in float32 image, alpha, foreground, background and a trimap, like `presets.training`.
    """
    return [
        random_figure_crop(size),
        *_composition(size, replaced),
        random_mirrored_borders(),
        trimaps.random_trimap((2, max(2, size // 25))),
    ]


def training_with_trimap(size: int, replaced: float = 0.6) -> list[Callable]:
    """Return the same for trimap-based networks: closer crops, and trimaps as people draw them.

    Unknown bands are uneven, and up to an eighth of `size` wide on either side of the edge.
    """
    return [
        random_figure_crop(size, closest=0.3, farthest=1.2),
        *_composition(size, replaced),
        trimaps.random_uneven_trimap((1.0, size / 8.0)),
    ]


def _composition(size, replaced):
    return [
        geometry.random_crop("background", size),
        colour.random_color("foreground"),
        colour.random_color("background"),
        degradation.random_blur("background", sigma=(0.5, 2.5), probability=0.4),
        empty_scene(),
        composite_or_photograph(replaced),
        colour.random_color("image", contrast=0.3, saturation=0.5, probability=0.8),
        colour.random_gamma("image"),
        colour.random_grey("image"),
        degradation.random_blur("image", sigma=(0.3, 1.0), probability=0.25),
        degradation.random_noise(probability=0.35),
        degradation.random_jpeg(quality=(40, 95), probability=0.3),
    ]


def uncomposed():
    """Replace foreground and background by the image, which makes composition losses constant.

    A photograph that keeps its background has no others, and `training` changes colours afterwards.
    """
    return lambda sample: sample | dict.fromkeys(("foreground", "background"), sample["image"])


def random_figure_crop(
    size: int,
    closest: float = 0.5,
    farthest: float = 2.2,
    rotation: float = 12.0,
    stretch: float = 0.12,
    flip: float = 0.5,
):
    """Crop uint8 image, foreground and alpha around the figure to float32 (size, size, c).

    The window's side is `closest` to `farthest` (log-uniform) times the larger side of the figure's
    bounding box. For standing figures windows may be closer and favour the upper part: for one
    twice as high as wide they start at half of `closest`. Two in five windows are rotated by up to
    `rotation` degrees; proportions change by up to exp(`stretch`). Windows are moved into the
    picture as far as they fit, and a figure cut off by the lower edge stays cut off. `photograph`
    becomes false if a window extends beyond the picture: no background is there to keep.
    """

    def apply(sample):
        uniform = draw(sample, "random_figure_crop", 9)
        alpha = sample["alpha"]
        shape = tf.cast(tf.shape(alpha)[:2], tf.float32)
        low, high = _bounding_box(alpha[..., 0])
        extent = high - low
        upright = tf.clip_by_value(extent[0] / extent[1], 1.0, 2.0)
        nearest = closest / upright
        side = tf.reduce_max(extent) * tf.exp(
            between(tf.math.log(nearest), tf.math.log(farthest), uniform[0])
        )
        room = tf.maximum(extent - side, 0.0)
        loose = 0.15 * tf.minimum(side, extent)
        # squared, so that heads are more frequent than feet
        down = tf.square(uniform[1]) * room[0] + 0.5 * tf.minimum(side, extent[0])
        across = uniform[2] * room[1] + 0.5 * tf.minimum(side, extent[1])
        point = low + tf.stack([down, across]) + loose * between(-1.0, 1.0, uniform[3:5])
        angle = tf.where(uniform[5] < 0.4, between(-rotation, rotation, uniform[6]), 0.0)
        ratio = tf.exp(between(-stretch, stretch, uniform[7]))
        mirror = tf.where(uniform[8] < flip, -1.0, 1.0)
        linear = side / size * turn(angle, 0.0, mirror) * tf.stack([ratio, 1.0 / ratio])[:, None]
        cut_off = tf.reduce_any(alpha[-1] > 127)
        centre = geometry.place(point, half(linear, size), shape, cut_off)
        steps = tf.fill([2], side / size)
        everywhere = tf.fill(tf.shape(alpha), tf.constant(255, tf.uint8))
        image, inside = smooth(sample["image"], everywhere, linear, centre, steps, size)
        foreground, alpha = smooth(sample["foreground"], alpha, linear, centre, steps, size)
        whole = tf.reduce_min(inside) > 0.0
        return sample | {
            "image": image,
            "foreground": foreground,
            "alpha": alpha,
            "photograph": sample["photograph"] & whole,
        }

    return apply


def empty_scene(probability: float = 0.04):
    """Randomly remove the figure, so that only the background is left."""

    def apply(sample):
        there = draw(sample, "empty_scene", 1)[0] >= probability
        alpha = sample["alpha"] * tf.cast(there, tf.float32)
        return sample | {"alpha": alpha, "photograph": sample["photograph"] & there}

    return apply


def composite_or_photograph(replaced: float):
    """Compose `image` from foreground and background; of photographs, only a share `replaced`."""
    composite = compositing.composite()

    def apply(sample):
        kept = sample["photograph"] & (draw(sample, "composite", 1)[0] >= replaced)
        image = tf.cond(kept, lambda: sample["image"], lambda: composite(sample)["image"])
        return sample | {"image": tf.ensure_shape(image, sample["alpha"].shape[:2] + [3])}

    return apply


def letterbox(size: int):
    """Scale whole uint8 image and alpha into float32 (size, size, c), padding by reflection."""

    def apply(sample):
        shape = tf.shape(sample["alpha"])[:2]
        scale = size / tf.reduce_max(shape)
        target = tf.cast(tf.round(tf.cast(shape, tf.float64) * scale), tf.int32)
        target = tf.clip_by_value(target, 1, size)
        before = (size - target) // 2
        rows, columns = (_mirrored(size, before[i], target[i]) for i in (0, 1))

        def placed(picture):
            picture = tf.image.resize(tf.cast(picture, tf.float32), target, antialias=True)
            picture = tf.gather(tf.gather(picture, rows), columns, axis=1)
            return tf.clip_by_value(tf.round(picture) / 255.0, 0.0, 1.0)

        found = {key: placed(sample[key]) for key in ("image", "alpha")}
        return sample | {
            key: tf.ensure_shape(x, (size, size, x.shape[-1])) for key, x in found.items()
        }

    return apply


def random_mirrored_borders(probability: float = 0.35, narrowest: float = 0.5):
    """Show a strip of the picture padded by reflection, as `letterbox` pads wide and high ones.

    The strip is `narrowest` to 1 of the picture's height or of its width.
    """
    names = ("image", "alpha", "foreground", "background")

    def apply(sample):
        uniform = draw(sample, "random_mirrored_borders", 3)
        size = sample["alpha"].shape[0]
        share = tf.where(uniform[0] < probability, between(narrowest, 1.0, uniform[1]), 1.0)
        length = tf.cast(tf.round(share * size), tf.int32)
        before = (size - length) // 2
        places = before + _mirrored(size, before, length)
        wide = uniform[2] < 0.5
        rows, columns = (tf.where(chosen, places, tf.range(size)) for chosen in (wide, ~wide))

        def placed(picture):
            picture = tf.gather(tf.gather(picture, rows), columns, axis=1)
            return tf.ensure_shape(picture, (size, size, picture.shape[-1]))

        return sample | {name: placed(sample[name]) for name in names}

    return apply


def _mirrored(size, before, length):
    """Return for each of `size` rows its source among `length` rows, after `before` mirrored."""
    period = tf.maximum(2 * length - 2, 1)
    place = tf.math.floormod(tf.range(size) - before, period)
    return tf.where(place < length, place, period - place)


def _bounding_box(alpha):
    """Return low (y, x) and high (y, x) of the pixels of uint8 (h, w) above 127.

    Returns the whole picture if there are none.
    """
    found = []
    for axis in (1, 0):
        line = tf.reduce_any(alpha > 127, axis)
        positions = tf.cast(tf.where(line)[:, 0], tf.float32)
        length = tf.cast(tf.shape(line)[0], tf.float32)
        low = tf.reduce_min(tf.concat([positions, [length]], 0))
        high = tf.reduce_max(tf.concat([positions + 1.0, [0.0]], 0))
        found.append(tf.where(low < high, tf.stack([low, high]), tf.stack([0.0, length])))
    return tf.unstack(tf.stack(found, 1))
