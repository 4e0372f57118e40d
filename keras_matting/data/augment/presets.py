"""Complete lists of operations for training and validation."""

from collections.abc import Callable

from keras_matting.data.augment import colour, compositing, degradation, geometry, trimaps


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

    The trimap's radius scales with `size`: 10 pixels at 512.
    """
    return [
        geometry.fit(size),
        geometry.centre_crop("background", size),
        compositing.composite(),
        trimaps.trimap(max(1, size // 50)),
    ]
