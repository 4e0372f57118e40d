"""GFM's RSSN composition (Li et al. 2022): smaller gaps in resolution, sharpness, semantics, noise.

Composites are easy to tell by a sharp figure on a soft or noisy background. High-resolution
backgrounds without salient objects (BG-20k) are a matter of the dataset. The rest is done here, in
this order: denoised pairs, a blurred background, composition, shared noise.
"""

import tensorflow as tf

from keras_matting.data.augment.degradation import box_blur
from keras_matting.data.augment.draws import draw, op_seed

# at the photographs' resolution; a crop is reduced to about a third
KERNELS = (20, 30, 40, 50, 60)
REDUCTION = 3


def random_denoised(probability: float = 0.5):
    """Randomly use `foreground_denoised` and `background_denoised`, if the source has them."""

    def apply(sample):
        chosen = draw(sample, "random_denoised", 1)[0] < probability
        pictures = {}
        for key in ("foreground", "background"):
            clean = sample.get(f"{key}_denoised")
            if clean is not None:
                pictures[key] = tf.cond(chosen, lambda c=clean: c, lambda k=key: sample[k])
        kept = {key: x for key, x in sample.items() if not key.endswith("_denoised")}
        return kept | pictures

    return apply


def random_box_blur(probability: float = 0.5):
    """Randomly blur float `background` by one of the published kernels, reduced like the crop."""
    kernels = [k // REDUCTION | 1 for k in KERNELS]

    def apply(sample):
        uniform = draw(sample, "random_box_blur", 2)
        background = sample["background"]
        which = tf.cast(uniform[1] * len(kernels), tf.int32)
        blurs = [lambda k=k: box_blur(background, k) for k in kernels]
        blurred = tf.cond(
            uniform[0] < probability,
            lambda: tf.switch_case(which, blurs),
            lambda: background,
        )
        return sample | {"background": tf.ensure_shape(blurred, background.shape)}

    return apply


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
