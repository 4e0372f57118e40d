"""Composition of foreground and background into an image."""

import tensorflow as tf


def composite(over: str = "background"):
    """Add image = alpha * foreground + (1 - alpha) * sample[over]."""

    def apply(sample):
        # Tile first: TensorFlow's CPU kernels broadcast a last axis of 1 several times slower.
        alpha = tf.image.grayscale_to_rgb(sample["alpha"])
        image = alpha * sample["foreground"] + (1.0 - alpha) * sample[over]
        return sample | {"image": image}

    return apply


def select(*keys: str):
    """Drop all other tensors: at 512x512 a batch of 16 takes 50 MB per picture kept."""
    return lambda sample: {key: sample[key] for key in keys}
