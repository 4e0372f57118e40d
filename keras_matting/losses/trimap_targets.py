"""Trimap values and targets for losses, made from samples of the composition pipeline."""

import tensorflow as tf


def trimap(sample):
    """Return the sample's trimap as float32 {0, 0.5, 1}, from uint8 {0, 128, 255}."""
    return tf.round(tf.cast(sample["trimap"], tf.float32) / 127.5) / 2.0


def unknown(values):
    """Return 1 where a trimap {0, 0.5, 1} is 0.5, else 0."""
    return tf.cast(tf.abs(values - 0.5) < 0.25, tf.float32)


def trimap_targets(sample, outputs=("alpha",)):
    """Turn a sample into ({"image", "trimap"}, {output: y_true}) for DIM and GCA.

    All `outputs` get the same target. Its channels are alpha, trimap {0, 0.5, 1} and, if the sample
    still has its foreground, image, foreground and background, all in [0, 1].
    """
    known = trimap(sample)
    keys = ("image", "foreground", "background")
    colours = [sample[key] for key in keys if "foreground" in sample]
    truth = tf.concat([sample["alpha"], known, *colours], -1)
    return {"image": sample["image"], "trimap": known}, dict.fromkeys(outputs, truth)
