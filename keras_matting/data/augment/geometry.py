"""Crops, placement and scaling: foreground and alpha together, backgrounds on their own."""

import math

import tensorflow as tf

from keras_matting.data.augment.draws import between, draw
from keras_matting.data.augment.resampling import half, premultiply, smooth, straighten, turn


def random_crop_affine(
    size: int,
    scale: tuple[float, float] = (0.5, 1.25),
    rotation: float = 15.0,
    shear: float = 5.0,
    flip: float = 0.5,
):
    """Crop uint8 foreground and alpha to float32 (size, size, 3) and (size, size, 1).

    The window is a square around a random unknown pixel, or around the centre if there is none. Its
    side is `scale` (log-uniform) times the picture's shorter side: 0.5 is a close-up, 1.25 leaves a
    margin. `rotation` and `shear` are maximum angles in degrees, `flip` is the probability of
    mirroring. The window is then moved into the picture as far as it fits; a figure that is cut off
    by the picture's lower edge stays cut off by the window's. Outside the picture alpha is 0.
    """

    def apply(sample):
        uniform = draw(sample, "random_crop_affine", 8)
        shape = tf.cast(tf.shape(sample["alpha"])[:2], tf.float32)
        step = tf.reduce_min(shape) / size * _log_between(*scale, uniform[0])
        linear = step * turn(
            between(-rotation, rotation, uniform[1]),
            between(-shear, shear, uniform[2]),
            tf.where(uniform[3] < flip, -1.0, 1.0),
        )
        point = _unknown_point(sample["alpha"], uniform[4:7])
        centre = place(point, half(linear, size), shape, cut_off=_cut_off(sample["alpha"]))
        steps = tf.fill([2], step)
        foreground, alpha = smooth(
            sample["foreground"], sample["alpha"], linear, centre, steps, size
        )
        return sample | {"foreground": foreground, "alpha": alpha}

    return apply


def random_crop_unknown(
    size: int, sides: tuple[float, ...], flip: float = 0.5, anywhere: float = 0.0
):
    """Crop uint8 foreground, alpha and background to float32 (size, size, c).

    The window is a square around a random unknown pixel (with probability `anywhere`, around any
    pixel). Its side is one of `sides` times `size`, at most the picture's shorter side. The
    background is cropped at the same scale, at a place of its own, after enlarging it to cover the
    picture if it is smaller. A sample that already has an `image` is a photograph: all its
    pictures, and its trimap if it has one, get the same crop. Adds `reduction`, the number of
    original pixels per pixel and axis.
    """

    def apply(sample):
        uniform = draw(sample, "random_crop_unknown", 9)
        shape = tf.cast(tf.shape(sample["alpha"])[:2], tf.float32)
        side = tf.gather(tf.constant(sides), tf.cast(uniform[0] * len(sides), tf.int32))
        side = tf.minimum(tf.round(size * side), tf.reduce_min(shape))
        random = uniform[4:6] * shape
        point = tf.where(
            uniform[6] < anywhere, random, _unknown_point(sample["alpha"], uniform[1:4])
        )
        begin = tf.clip_by_value(tf.round(point - side / 2), 0.0, shape - side)
        mirrored = uniform[7] < flip
        colour, alpha = premultiply(
            _window(sample["foreground"], begin, side), _window(sample["alpha"], begin, side)
        )
        colour, alpha = straighten(_to_square(colour, size), _to_square(alpha, size))
        found = {"foreground": colour, "alpha": alpha}
        if "image" in sample:
            found["image"] = _to_square(_window(sample["image"], begin, side), size) / 255.0
            behind = _window(sample["background"], begin, side)
        else:
            behind = _covering(sample["background"], shape, side, draw(sample, "background", 2))
        found["background"] = tf.clip_by_value(_to_square(behind, size) / 255.0, 0.0, 1.0)
        if "trimap" in sample:
            trimap = _window(sample["trimap"], begin, side)
            found["trimap"] = tf.image.resize(trimap, (size, size), "nearest")
        found = {key: tf.where(mirrored, x[:, ::-1], x) for key, x in found.items()}
        return sample | found | {"reduction": side / size}

    return apply


def random_placement(
    key: str,
    size: int,
    scale: tuple[float, float],
    rotation: float = 5.0,
    shear: float = 5.0,
    shift: float = 0.1,
    flip: float = 0.5,
):
    """Place a whole uint8 foreground and alpha, or background, in float32 (size, size, c) (BGMv2).

    The picture is scaled to cover the window and then by `scale`, rotated and sheared about its
    centre by up to `rotation` and `shear` degrees, and moved by up to `shift` of the covering size.
    Outside the picture alpha is 0 and a background is black.
    """

    def apply(sample):
        uniform = draw(sample, f"random_placement:{key}", 6)
        shape = tf.cast(tf.shape(sample[key])[:2], tf.float32)
        zoom = between(*scale, uniform[0])
        step = tf.reduce_min(shape) / size / zoom
        linear = step * turn(
            between(-rotation, rotation, uniform[1]),
            between(-shear, shear, uniform[2]),
            tf.where(uniform[3] < flip, -1.0, 1.0),
        )
        centre = shape * (0.5 + between(-shift, shift, uniform[4:6]) / zoom)
        steps = tf.fill([2], step)
        picture = sample[key]
        if key == "foreground":
            alpha = sample["alpha"]
        else:
            alpha = tf.fill(tf.concat([tf.shape(picture)[:2], [1]], 0), tf.constant(255, tf.uint8))
        picture, alpha = smooth(picture, alpha, linear, centre, steps, size)
        if key == "foreground":
            return sample | {"foreground": picture, "alpha": alpha}
        return sample | {key: picture * tf.image.grayscale_to_rgb(alpha)}

    return apply


def fit(size: int):
    """Scale whole foreground and alpha into a float32 square, for validation.

    Empty margins go to the left and right, or above, so that a portrait keeps its lower edge.
    """

    def apply(sample):
        shape = tf.cast(tf.shape(sample["alpha"])[:2], tf.float32)
        target = tf.cast(tf.round(shape * (size / tf.reduce_max(shape))), tf.int32)
        target = tf.maximum(target, 1)
        colour, alpha = premultiply(sample["foreground"], sample["alpha"])
        colour = tf.image.resize(colour, target, antialias=True)
        alpha = tf.image.resize(alpha, target, antialias=True)
        top, left = size - target[0], (size - target[1]) // 2
        colour, alpha = straighten(
            tf.image.pad_to_bounding_box(colour, top, left, size, size),
            tf.image.pad_to_bounding_box(alpha, top, left, size, size),
        )
        return sample | {
            "foreground": tf.ensure_shape(colour, (size, size, 3)),
            "alpha": tf.ensure_shape(alpha, (size, size, 1)),
        }

    return apply


def whole(size: int, keys: tuple[str, ...] = ("image", "alpha", "foreground", "background")):
    """Scale uint8 `keys` to float32 (size, size, c), ignoring proportions, for validation."""

    def apply(sample):
        return sample | {key: _to_square(sample[key], size) / 255.0 for key in keys}

    return apply


def random_scaled_crop(
    height: int, width: int, scale: tuple[float, float] = (0.25, 2.0), flip: float = 0.5
):
    """Crop uint8 image and labels to float32 (height, width, 3) and uint8 (height, width, 1).

    The window has a random place and scale and is randomly mirrored. Outside the picture the image
    is black and the label 255, which is ignored.
    """

    def apply(sample):
        uniform = draw(sample, "random_scaled_crop", 4)
        shape = tf.cast(tf.shape(sample["labels"])[:2], tf.float32)
        scaled = tf.cast(tf.math.ceil(shape * between(*scale, uniform[0])), tf.int32)
        image = tf.image.resize(sample["image"], scaled)
        labels = tf.image.resize(sample["labels"], scaled, "nearest")
        missing = tf.maximum([height, width] - scaled, 0)
        begin = missing // 2
        padding = tf.pad(tf.stack([begin, missing - begin], 1), [[0, 1], [0, 0]])
        image, labels = tf.pad(image, padding), tf.pad(labels, padding, constant_values=255)
        room = tf.cast(tf.shape(labels)[:2] - [height, width], tf.float32)
        begin = tf.pad(tf.cast(uniform[1:3] * (room + 1.0), tf.int32), [[0, 1]])
        image = tf.slice(image, begin, [height, width, 3]) / 255.0
        labels = tf.slice(labels, begin, [height, width, 1])
        mirrored = uniform[3] < flip
        return sample | {
            "image": tf.where(mirrored, image[:, ::-1], image),
            "labels": tf.where(mirrored, labels[:, ::-1], labels),
        }

    return apply


def random_size(batch, keys: tuple[str, ...], smallest: float = 0.5, multiple: int = 4):
    """Scale and centre-crop float `keys` (B, h, w, c) of a batch to one random size.

    Height and width are drawn independently, from `smallest` to 1 times the batch's, as multiples
    of `multiple`: pictures are scaled to the longer side and cropped to the shorter. The random
    numbers are the first sample's `size` (B, 2).
    """
    whole = tf.cast(tf.shape(batch[keys[0]])[1:3], tf.float32)
    part = tf.cast(between(smallest, 1.0, batch["size"][0]) * whole, tf.int32)
    part = part // multiple * multiple
    longer = tf.reduce_max(part)
    top, left = tf.unstack((longer - part) // 2)
    found = {}
    for key in keys:
        resized = tf.image.resize(batch[key], (longer, longer))
        found[key] = resized[:, top : top + part[0], left : left + part[1]]
    return batch | found


def random_crop(key: str, size: int, scale: tuple[float, float] = (0.5, 1.0), flip: float = 0.5):
    """Crop a random square of uint8 `key` to float32 (size, size, 3), randomly mirrored.

    The square's side is `scale` (at most 1) times the picture's shorter side.
    """

    def apply(sample):
        uniform = draw(sample, f"random_crop:{key}", 4)
        picture = _square(sample[key], size, between(*scale, uniform[0]), uniform[1:3])
        picture = tf.cond(uniform[3] < flip, lambda: picture[:, ::-1], lambda: picture)
        return sample | {key: tf.ensure_shape(picture, (size, size, 3))}

    return apply


def centre_crop(key: str, size: int):
    """Crop the largest central square of uint8 `key` to float32 (size, size, 3), for validation."""

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
    resized = tf.cond(  # enlarging needs no antialiasing and is three times faster without
        side > size,
        lambda: tf.image.resize(window, (size, size), antialias=True),
        lambda: tf.image.resize(window, (size, size)),
    )
    return tf.clip_by_value(resized / 255.0, 0.0, 1.0)


def _unknown_point(alpha, uniform):
    """Return (y, x) of a random pixel with 0 < alpha < 255, or of the centre if there is none."""
    shape = tf.shape(alpha)[:2]
    # A randomly offset grid of at least 128 points per side has enough candidates.
    stride = tf.maximum(tf.reduce_min(shape) // 128, 1)
    offset = tf.cast(uniform[:2] * tf.cast(stride, tf.float32), tf.int32)
    grid = alpha[offset[0] :: stride, offset[1] :: stride, 0]
    points = tf.cast(tf.where((grid > 0) & (grid < 255)), tf.int32) * stride + offset
    count = tf.shape(points)[0]
    chosen = tf.cast(uniform[2] * tf.cast(tf.maximum(count, 1), tf.float32), tf.int32)
    chosen = tf.minimum(chosen, tf.maximum(count - 1, 0))
    # The centre comes last, so it is picked only if there is no other.
    return tf.cast(tf.concat([points, shape[None] // 2], 0)[chosen], tf.float32) + 0.5


def place(point, half, shape, cut_off):
    """Return the centre (y, x) of a window of half-extents `half` near `point`, inside the picture.

    If the figure is `cut_off` by the lower edge, the window does not extend below that edge.
    """
    low, high = tf.minimum(half, shape - half), tf.maximum(half, shape - half)
    centre = tf.clip_by_value(point, low, high)
    lowest = tf.where(cut_off, shape[0] - half[0], centre[0])
    return tf.stack([tf.minimum(centre[0], lowest), centre[1]])


def _cut_off(alpha):
    return tf.reduce_any(alpha[-1] > 127)


def _window(picture, begin, side):
    begin, side = tf.cast(begin, tf.int32), tf.cast(side, tf.int32)
    return tf.slice(picture, tf.pad(begin, [[0, 1]]), tf.stack([side, side, picture.shape[-1]]))


def _to_square(picture, size):
    return tf.image.resize(picture, (size, size), antialias=True)


def _covering(background, shape, side, uniform):
    """Return the part of a background, scaled to cover a picture, in a window of `side`."""
    own = tf.cast(tf.shape(background)[:2], tf.float32)
    side = tf.maximum(tf.floor(side / tf.maximum(tf.reduce_max(shape / own), 1.0)), 1.0)
    return _window(background, tf.floor(uniform * (own - side + 1.0)), side)


def _log_between(low, high, uniform):
    return tf.exp(between(math.log(low), math.log(high), uniform))
