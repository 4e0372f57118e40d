"""What the losses of several methods read from a sample of the composition pipeline."""

import tensorflow as tf


def trimap(sample):
    """uint8 {0, 128, 255} under "trimap" -> float32 {0, 0.5, 1}."""
    return tf.round(tf.cast(sample["trimap"], tf.float32) / 127.5) / 2.0


def unknown(values):
    """Trimap {0, 0.5, 1} -> 1 where it is 0.5, else 0."""
    return tf.cast(tf.abs(values - 0.5) < 0.25, tf.float32)


def trimap_targets(sample, outputs=("alpha",)):
    """-> ({"image", "trimap"}, the same truth for every one of `outputs`), for DIM and GCA.

    Channels: alpha, trimap {0, 0.5, 1}, and, if the sample has kept foreground and background,
    image, foreground, background, all in [0, 1].
    """
    known = trimap(sample)
    keys = ("image", "foreground", "background")
    colours = [sample[key] for key in keys if "foreground" in sample]
    truth = tf.concat([sample["alpha"], known, *colours], -1)
    return {"image": sample["image"], "trimap": known}, dict.fromkeys(outputs, truth)
