"""PP-Matting's losses (Chen et al. 2022, section 3.5), with the reductions of PaddleSeg's code.

Each is a scalar over the whole batch. Pass them to `compile` by output:

    model.compile(optimizer, loss=losses())
"""

import tensorflow as tf

from keras_matting.losses.dim import mrsd
from keras_matting.losses.edges import sobel_magnitude

WEIGHT = 0.25


def targets(sample):
    """Turn a composition sample (or batch) into ({"image"}, {output: y_true}).

    The target of alpha has channels [alpha, foreground, background], that of semantic the class
    number, that of detail [alpha, 1 in the transition].
    """
    alpha, trimap = sample["alpha"], sample["trimap"]
    classes = 2.0 * tf.cast(trimap == 0, tf.float32) + tf.cast(trimap == 128, tf.float32)
    truth = {
        "semantic": classes,
        "detail": tf.concat([alpha, tf.cast(trimap == 128, tf.float32)], -1),
        "alpha": tf.concat([alpha, sample["foreground"], sample["background"]], -1),
    }
    return {"image": sample["image"]}, truth


def losses(version="released"):
    """Return {output: loss} for `compile`: with weight 0.25 if "released", with 1 for "paper"."""
    terms = {"semantic": semantic_loss, "detail": detail_loss, "alpha": fusion_loss}
    if version == "released":
        return terms
    return {output: _whole(loss) for output, loss in terms.items()}


def _whole(loss):
    return lambda target, prediction: loss(target, prediction) / WEIGHT


def semantic_loss(classes, semantic):
    """Return 0.25 * negative log likelihood of classes (B, H, W, 1), given probabilities.

    Classes: 0 foreground, 1 transition, 2 background. `semantic` is (B, H, W, 3).
    """
    labels = tf.one_hot(tf.cast(classes[:, :, :, 0], tf.int32), 3)
    likelihood = tf.reduce_sum(labels * semantic, -1)
    return -WEIGHT * tf.reduce_mean(tf.math.log(likelihood + 1e-6))


def detail_loss(target, detail):
    """Return 0.25 * (error + gradient) in the transition; target: [alpha, 1 in the transition]."""
    alpha, region = target[..., :1], target[..., 1:]
    return WEIGHT * (mrsd(detail, alpha, region) + gradient_loss(detail, alpha, region))


def fusion_loss(target, fusion):
    """Return 0.25 * (error + composition + gradient) over the whole image.

    target (B, H, W, 7): alpha, foreground, background in [0, 1]. Composites are compared on the
    network's scale, [-1, 1].
    """
    alpha, foreground, background = tf.split(target, [1, 3, 3], -1)
    contrast = 2.0 * (foreground - background)
    # the difference of composites is that of the alphas times this
    composition = mrsd(fusion * contrast, alpha * contrast)
    return WEIGHT * (mrsd(fusion, alpha) + composition + gradient_loss(fusion, alpha))


def gradient_loss(prediction, alpha, region=None):
    """Return the mean absolute difference of Sobel magnitudes.

    With a region, both maps are masked first, so the region's border is an edge in both.
    """
    if region is None:
        return tf.reduce_mean(tf.abs(sobel_magnitude(prediction) - sobel_magnitude(alpha)))
    found, expected = sobel_magnitude(prediction * region), sobel_magnitude(alpha * region)
    return tf.reduce_sum(tf.abs(found - expected)) / (tf.reduce_sum(region) + 1e-6)
