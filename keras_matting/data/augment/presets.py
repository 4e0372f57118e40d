"""Complete lists of operations for training and validation."""

from collections.abc import Callable

import tensorflow as tf

from keras_matting.data.augment import (
    colour,
    compositing,
    degradation,
    geometry,
    photographs,
    trimaps,
)


def training(size: int, closest: float = 0.5) -> list[Callable]:
    """Return portrait augmentation in the order of a camera: geometry, colour, lens, sensor, file.

    Crops are `closest` to 1.25 times the picture's shorter side. Trimap radii scale with `size`: 2
    to 20 pixels at 512.
    """
    return [
        geometry.random_crop_affine(size, scale=(closest, 1.25)),
        geometry.random_crop("background", size),
        colour.random_color("foreground"),
        colour.random_color("background"),
        degradation.random_blur("background", sigma=(0.5, 2.0), probability=0.25),
        compositing.composite(),
        degradation.random_blur("image", sigma=(0.3, 0.8), probability=0.2),
        degradation.random_noise(),
        degradation.random_jpeg(),
        trimaps.random_trimap((2, max(2, size // 25))),
    ]


def validation(size: int) -> list[Callable]:
    """Return operations that place whole figures on central background crops, without randomness.

    A sample that already has an `image` is a photograph, unless its `photograph` is false: it is
    shown whole, as `inference` does for networks of fixed size. The trimap's radius scales with
    `size`: 10 pixels at 512.
    """
    composed = [
        geometry.fit(size),
        geometry.centre_crop("background", size),
        compositing.composite(),
    ]
    photograph = [photographs.letterbox(size), photographs.uncomposed()]
    return [_either(photograph, composed), trimaps.trimap(max(1, size // 50))]


def validation_with_trimap(size: int) -> list[Callable]:
    """Return operations that show networks with a trimap what users show them.

    They crop `size` pixels at the picture's own resolution around an unknown pixel. The trimap is
    the sample's own, or has radii of 10 to 40 pixels, fewer where `size` is below 320. In whole
    pictures at a reduced size, the unknown band is narrower than any of a user's.
    """
    crop = geometry.random_crop_unknown(size, sides=(1.0,), flip=0.0)
    radii = max(1, min(10, size // 32)), max(2, min(40, size // 8))
    drawn = trimaps.random_trimap(radii)
    return [
        _either([photographs.uncomposed(), crop], [crop, compositing.composite()]),
        lambda sample: sample if "trimap" in sample else drawn(sample),
    ]


def _either(of_photographs, of_others):
    """Apply the first operations to photographs, and the others to figures to be composed."""
    keys = ("image", "alpha", "foreground", "background")

    def through(operations, sample):
        for operation in operations:
            sample = operation(sample)
        return {key: sample[key] for key in (*keys, "trimap") if key in sample}

    def apply(sample):
        figure = {key: value for key, value in sample.items() if key != "image"}
        if "photograph" in sample:
            found = tf.cond(
                sample["photograph"],
                lambda: through(of_photographs, sample),
                lambda: through(of_others, figure),
            )
        elif "image" in sample:
            found = through(of_photographs, sample)
        else:
            found = through(of_others, figure)
        return sample | found

    return apply
