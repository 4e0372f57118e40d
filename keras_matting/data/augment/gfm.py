"""GFM's RSSN composition (Li et al. 2022): smaller gaps in resolution, sharpness, semantics, noise.

Composites are easy to tell by a sharp figure on a soft or noisy background. High-resolution
backgrounds without salient objects (BG-20k) are a matter of the dataset. The rest is done here, in
this order: denoised pairs, a blurred background, composition, shared noise.
"""

import tensorflow as tf

from keras_matting.data.augment.draws import draw, op_seed

KERNELS = (20, 30, 40, 50, 60)  # at the photographs' resolution


def random_denoised(probability: float = 0.5):
    """Randomly use `foreground_denoised` and `background_denoised`: both or neither.

    If the source lacks one of them, neither is used: a denoised background behind a noisy figure is
    what RSSN avoids.
    """
    pictures = ("foreground", "background")

    def apply(sample):
        if not all(f"{key}_denoised" in sample for key in pictures):
            return sample
        found = tf.cond(
            draw(sample, "random_denoised", 1)[0] < probability,
            lambda: [sample[f"{key}_denoised"] for key in pictures],
            lambda: [sample[key] for key in pictures],
        )
        return sample | dict(zip(pictures, found, strict=True))

    return apply


def random_box_blur(probability: float = 0.5):
    """Randomly blur float `background` by one of the published kernels, reduced like the crop.

    Kernels are divided by the sample's `reduction` and rounded to an odd number of pixels.
    """

    def apply(sample):
        uniform = draw(sample, "random_box_blur", 2)
        background = sample["background"]
        chosen = tf.cast(uniform[1] * len(KERNELS), tf.int32)
        kernel = tf.gather(tf.constant(KERNELS, tf.float32), chosen)
        margin = tf.cast(kernel / sample["reduction"] / 2.0, tf.int32)
        margin = tf.minimum(margin, tf.reduce_min(tf.shape(background)[:2]))
        blurred = tf.cond(
            uniform[0] < probability, lambda: _averaged(background, margin), lambda: background
        )
        return sample | {"background": tf.ensure_shape(blurred, background.shape)}

    return apply


def _averaged(picture, margin):
    """Average (h, w, c) over 2 * margin + 1 pixels along both axes, mirroring borders.

    By running sums, as the number of pixels is a tensor.
    """
    kernel = 2 * margin + 1
    for axis in (0, 1):
        along = tf.one_hot(axis, 3, dtype=tf.int32)[:, None]
        padded = tf.pad(picture, tf.concat([along, along], 1) * margin, "SYMMETRIC")
        total = tf.cumsum(tf.pad(padded, tf.pad(along, [[0, 0], [0, 1]])), axis)
        total = total if axis == 0 else tf.transpose(total, (1, 0, 2))
        mean = (total[kernel:] - total[:-kernel]) / tf.cast(kernel, tf.float32)
        picture = mean if axis == 0 else tf.transpose(mean, (1, 0, 2))
    return picture


def random_shared_noise(probability: float = 0.5, deviation: float = 10 / 255):
    """Randomly add the same Gaussian noise to image, foreground and background.

    They stay consistent. `deviation` is at the photographs' resolution; scaling down halves it
    (bilinear, as released). Values are clipped to [0, 1]; in the released code bytes wrap around.
    """

    def apply(sample):
        keys = ("image", "foreground", "background")
        noisy = draw(sample, "random_shared_noise", 1)[0] < probability

        def with_noise():
            seed = op_seed(sample, "random_shared_noise:field")
            noise = deviation / 2 * tf.random.stateless_normal(tf.shape(sample["image"]), seed)
            return tuple(tf.clip_by_value(sample[key] + noise, 0.0, 1.0) for key in keys)

        found = tf.cond(noisy, with_noise, lambda: tuple(sample[key] for key in keys))
        return sample | {
            key: tf.ensure_shape(x, sample[key].shape) for key, x in zip(keys, found, strict=True)
        }

    return apply
