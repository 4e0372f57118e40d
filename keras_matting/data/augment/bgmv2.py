"""BGMv2's augmentation (Lin et al. 2021): differences between a photograph and its background shot.

In physical order, as released: a shadow falls on the scene, figure and scene are composed, then
come sensor noise, the other shot's exposure and a camera that has moved.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from keras_matting.data.augment import colour, compositing, geometry
from keras_matting.data.augment.degradation import box_blur
from keras_matting.data.augment.draws import between, draw, op_seed


def training(size: int, smallest: float) -> list[Callable]:
    """Return BGMv2's augmentation, in which the figure is `smallest` to 1 times its largest size.

    At its largest size a figure's picture covers the window. Results in float32 image, background,
    foreground and alpha (size, size, c).
    """
    jitter = dict(brightness=0.15, contrast=0.15, saturation=0.15, hue=0.05)
    other_exposure = dict(brightness=0.18, contrast=0.18, saturation=0.18, hue=0.1)
    return [
        geometry.random_placement("foreground", size, scale=(smallest, 1.0)),
        geometry.random_placement("background", size, scale=(1.0, 2.0)),
        random_focus("foreground", "alpha"),
        random_focus("background"),
        colour.random_jitter("foreground", **jitter),
        colour.random_jitter("background", **jitter),
        random_shadow(),
        compositing.composite(over="scene"),
        random_sensor_noise(),
        colour.random_color("background", **other_exposure, probability=0.8),
        random_misalignment(),
    ]


def random_focus(*keys: str, probability: float = 0.1, radius: int = 5):
    """Randomly blur float `keys` alike by a box of up to `radius`, and randomly sharpen them.

    Sharpening is Pillow's.
    """

    def sharpened(picture):
        return tf.clip_by_value(2.125 * picture - 1.125 * box_blur(picture, 3), 0.0, 1.0)

    def apply(sample):
        uniform = draw(sample, f"random_focus:{keys[0]}", 3)
        which = tf.cast(uniform[0] / probability * (radius + 1), tf.int32)

        def blurred(picture):
            blurs = [lambda k=k: box_blur(picture, 2 * k + 1) for k in range(radius + 1)]
            return tf.switch_case(which, blurs)

        def focused(picture):
            found = tf.cond(uniform[0] < probability, lambda: blurred(picture), lambda: picture)
            return tf.cond(uniform[1] < probability, lambda: sharpened(found), lambda: found)

        return sample | {
            key: tf.ensure_shape(focused(sample[key]), sample[key].shape) for key in keys
        }

    return apply


def random_shadow(probability: float = 0.3, strength: float = 0.3):
    """Add `scene`: the background, randomly darkened by a soft, displaced copy of alpha.

    The shadow is at most `strength`, moved by up to a fifth of the size, scaled by 0.5 to 1.5,
    rotated and sheared by up to 5 degrees, and blurred by a box of 20 to 40 pixels, smaller below
    512.
    """
    def apply(sample):
        uniform = draw(sample, "random_shadow", 7)
        background, alpha = sample["background"], sample["alpha"]
        size = alpha.shape[0]
        kernels = [min(size, 512) * k // 512 | 1 for k in (20, 25, 30, 35, 39)]

        def shaded():
            transform = _affine(
                size,
                angle=between(-5.0, 5.0, uniform[1]),
                scale=between(0.5, 1.5, uniform[2]),
                shear=between(-5.0, 5.0, uniform[3]),
                shift=size * between(-0.2, 0.2, uniform[4:6]),
            )
            shadow = strength * uniform[6] * projective_transform(alpha, transform)
            which = tf.cast(uniform[0] / probability * len(kernels), tf.int32)
            blurs = [lambda k=k: box_blur(shadow, k) for k in kernels]
            shadow = tf.image.grayscale_to_rgb(tf.switch_case(which, blurs))
            return tf.clip_by_value(background - shadow, 0.0, 1.0)

        scene = tf.cond(uniform[0] < probability, shaded, lambda: background)
        return sample | {"scene": tf.ensure_shape(scene, background.shape)}

    return apply


def random_sensor_noise(probability: float = 0.4, deviation: float = 0.03):
    """Randomly add Gaussian noise to both shots, each with its own strength up to `deviation`."""

    def apply(sample):
        uniform = draw(sample, "random_sensor_noise", 3)

        def noisy():
            return tuple(
                tf.clip_by_value(
                    sample[key]
                    + deviation
                    * uniform[1 + i]
                    * tf.random.stateless_normal(
                        tf.shape(sample[key]), op_seed(sample, f"random_sensor_noise:{key}")
                    ),
                    0.0,
                    1.0,
                )
                for i, key in enumerate(("image", "background"))
            )

        image, background = tf.cond(
            uniform[0] < probability, noisy, lambda: (sample["image"], sample["background"])
        )
        return sample | {
            "image": tf.ensure_shape(image, sample["image"].shape),
            "background": tf.ensure_shape(background, sample["background"].shape),
        }

    return apply


def random_misalignment(probability: float = 0.3, angle: float = 1.0, shift: float = 0.01):
    """Randomly rotate the captured background by up to `angle` degrees and shift it.

    The shift is up to `shift` of its size. Pixels outside the shot are black, as released.
    """
    def apply(sample):
        uniform = draw(sample, "random_misalignment", 4)
        background = sample["background"]
        size = background.shape[0]

        def moved():
            transform = _affine(
                size,
                angle=between(-angle, angle, uniform[1]),
                scale=1.0,
                shear=0.0,
                shift=size * between(-shift, shift, uniform[2:4]),
            )
            return projective_transform(background, transform)

        moved = tf.cond(uniform[0] < probability, moved, lambda: background)
        return sample | {"background": tf.ensure_shape(moved, background.shape)}

    return apply


def projective_transform(picture, transform):
    """Sample (h, w, c) at the transformed positions, bilinear, 0 outside.

    `transform` has eight numbers a: the output's (x, y) is sampled at ((a0 x + a1 y + a2) / k,
    (a3 x + a4 y + a5) / k) with k = a6 x + a7 y + 1.
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=picture[None],
        transforms=transform[None],
        output_shape=tf.shape(picture)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[0]


def _affine(size, angle, scale, shear, shift):
    """Return the eight numbers of `projective_transform`: rotate, scale, shear, then shift."""
    radians, slant = angle * (math.pi / 180.0), tf.tan(shear * (math.pi / 180.0))
    cosine, sine = tf.cos(radians) / scale, tf.sin(radians) / scale
    rows = [[cosine, cosine * slant + sine], [-sine, cosine - sine * slant]]
    middle = 0.5 * size - 0.5
    back = [row[0] * (middle + shift[0]) + row[1] * (middle + shift[1]) for row in rows]
    return tf.stack([*rows[0], middle - back[0], *rows[1], middle - back[1], 0.0, 0.0])
