"""GFM's losses (Li et al. 2022, section 4), with the reductions and weights of the released code.

Each is a scalar, the mean over the batch. Pass them to `compile` by output:

    model.compile(optimizer, loss=losses("tt"))
    model.fit(dataset.map(lambda sample: targets(sample, "tt")))
"""

import tensorflow as tf

from keras_matting.losses.edges import laplacian_difference

WEIGHT = 0.25
# representation: the trimap in a sample that its glance target is made from
TRIMAPS = {"tt": "trimap", "ft": "trimap_wide", "bt": "trimap_wide"}


def targets(sample, representation, version="released"):
    """Turn a composition sample (or batch) into ({"image"}, {output: y_true}).

    `representation` is tt, ft, bt or rim. The sample has "trimap", made with a kernel of 25 pixels,
    and "trimap_wide", with 50. In the released FT and BT runs, glance and focus use different
    masks; here, as in the paper and the released RIM, FT's glance is the eroded foreground F and
    BT's the dilated one D. Focus is scored in the transition of "trimap"; with version "paper",
    FT's in (alpha > 0) - F and BT's in D - (alpha > 0).
    """
    colours = [sample[key] for key in ("image", "foreground", "background")]
    whole = tf.concat([sample["alpha"], *colours], -1)
    if representation != "rim":
        truth = {"alpha": whole} | _parts(sample, representation, version)
        return {"image": sample["image"]}, truth
    truth = {"alpha": whole}
    for kind in TRIMAPS:
        parts = {"alpha": whole} | _parts(sample, kind, version)
        truth |= {f"{name}_{kind}": value for name, value in parts.items()}
    return {"image": sample["image"]}, truth


def losses(representation):
    """Return {output: loss} for `compile`; losses have weight 1 for rim, 0.25 otherwise."""
    triple = {"glance": glance_loss, "focus": focus_loss, "alpha": fusion_loss}
    if representation != "rim":
        return triple
    every = {f"{name}_{kind}": loss for kind in TRIMAPS for name, loss in triple.items()}
    every["alpha"] = fusion_loss
    return {output: _whole(loss) for output, loss in every.items()}


def _parts(sample, kind, version):
    alpha, trimap = sample["alpha"], sample[TRIMAPS[kind]]
    transition = tf.cast(trimap == 128, tf.float32)
    foreground = tf.cast(trimap == 255, tf.float32)
    judged = sample["trimap"] == 128
    if version == "paper" and kind != "tt":
        visible = alpha > 0.0
        judged = visible & (trimap != 255) if kind == "ft" else ~visible & (trimap != 0)
    glance, focus = {
        "tt": (transition + 2.0 * foreground, alpha),
        "ft": (foreground, alpha - foreground),
        "bt": (foreground + transition, foreground + transition - alpha),
    }[kind]
    return {"glance": glance, "focus": tf.concat([focus, tf.cast(judged, tf.float32)], -1)}


def glance_loss(classes, glance):
    """Return 0.25 * cross entropy of `glance` (B, H, W, C) and class numbers (B, H, W, 1).

    As released, the softmax is applied to values that have already passed a sigmoid. For the
    paper's loss, pass the logits instead.
    """
    labels = tf.cast(classes[:, :, :, 0], tf.int32)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, glance)
    return WEIGHT * tf.reduce_mean(entropy)


def focus_loss(target, focus):
    """Return 0.25 * (absolute error + Laplacian) inside the transition region.

    target (B, H, W, 2): the true focus, and 1 inside the region. The error is averaged over the
    batch's regions, the Laplacian over all pixels of the masked maps.
    """
    truth, region = target[..., :1], target[..., 1:]
    error = _absolute(focus - truth) * region
    error = tf.reduce_sum(error) / (tf.reduce_sum(region) + 1.0)
    return WEIGHT * (error + laplacian_difference(focus * region, truth * region))


def fusion_loss(target, alpha):
    """Return 0.25 * (absolute error + Laplacian + composition) over the whole image.

    target (B, H, W, 10): alpha, image, foreground, background in [0, 1].
    """
    truth, image, foreground, background = tf.split(target, [1, 3, 3, 3], -1)
    error = tf.reduce_mean(_absolute(alpha - truth)) + laplacian_difference(alpha, truth)
    return WEIGHT * (error + composition_loss(alpha, image, foreground, background))


def composition_loss(alpha, image, foreground, background):
    """Return the composite's absolute error, summed over colours and averaged over pixels."""
    composite = alpha * foreground + (1.0 - alpha) * background
    # the released code adds 1e-12 to the square of a difference of bytes
    error = _absolute(composite - image, 1e-12 / 255.0**2)
    return tf.reduce_mean(tf.reduce_sum(error, -1))


def _whole(loss):
    return lambda target, prediction: loss(target, prediction) / WEIGHT


def _absolute(difference, epsilon=1e-12):
    return tf.sqrt(tf.square(difference) + epsilon)
