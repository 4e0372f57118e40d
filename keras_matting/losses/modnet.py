"""MODNet's three supervised losses and the two of its self-supervised adaptation (SOC).

Ke et al. 2022, equations 1 to 6, with the weights and reductions of the released code, and as the
paper has them (`paper_*`). Pass them to `compile` by output; `targets` makes their y_true:

    model.compile(optimizer, loss=LOSSES["released"])
    model.fit(dataset.map(targets))
"""

import tensorflow as tf

# scipy.ndimage.gaussian_filter(delta, 0.8) on 3x3 cells: reflection at the border makes this kernel
# wider than a sampled Gaussian
CORNER, EDGE, CENTRE = 0.06261057, 0.12499990, 0.24955814
BLUR = ((CORNER, EDGE, CORNER), (EDGE, CENTRE, EDGE), (CORNER, EDGE, CORNER))


def targets(sample):
    """Turn a composition sample (or batch) into ({"image"}, {output: y_true}).

    The target of alpha has channels [alpha, trimap 0/0.5/1, image] and, if the sample still has its
    foreground, [foreground, background]; that of detail has the first two.
    """
    alpha = sample["alpha"]
    trimap = tf.round(tf.cast(sample["trimap"], tf.float32) / 127.5) / 2
    image = sample["image"]
    detail = tf.concat([alpha, trimap], -1)
    colours = [sample[key] for key in ("foreground", "background") if "foreground" in sample]
    matte = tf.concat([alpha, trimap, image, *colours], -1)
    return {"image": image}, {"alpha": matte, "semantic": alpha, "detail": detail}


def semantic_loss(alpha, semantic):
    """Return 10 * squared error of `semantic` (B, H/16, W/16, 1) against the coarse, blurred alpha.

    alpha is (B, H, W, 1). The result is (B,), the mean over each image.
    """
    return 10.0 * _mean(tf.square(semantic - coarse(alpha)))


def detail_loss(target, detail):
    """Return 10 * absolute error of `detail` (B, H, W, 1) in the unknown region, shape (B,).

    The error is averaged over all pixels.
    """
    alpha, trimap, _ = _split(target)
    known = trimap != 0.5
    return 10.0 * _mean(tf.where(known, 0.0, tf.abs(detail - alpha)))


def matte_loss(target, matte):
    """Return absolute errors of `matte` and matte * image, plus 4 times both for a filled matte.

    The filled matte has the trimap's value in known pixels, where the truth may still be soft. The
    image is scaled to [-1, 1]. The result is (B,).
    """
    alpha, trimap, image = _split(target)
    filled = tf.where(trimap != 0.5, trimap, matte)
    pixels = 2.0 * image - 1.0
    loss = 0.0
    for prediction, weight in ((matte, 1.0), (filled, 4.0)):
        error = tf.abs(prediction - alpha)
        loss += weight * (_mean(error) + _mean(tf.abs(pixels) * error))
    return loss


def paper_semantic_loss(alpha, semantic):
    """Return half the squared error against the coarse, blurred alpha (equation 1), shape (B,)."""
    return semantic_loss(alpha, semantic) / 20.0


def paper_matte_loss(target, matte):
    """Return the absolute errors of matte and composite (equation 3), shape (B,).

    target (B, H, W, 11): alpha, trimap, image, foreground, background in [0, 1].
    """
    alpha, _, image, foreground, background = tf.split(target, [1, 1, 3, 3, 3], -1)
    composite = matte * foreground + (1.0 - matte) * background
    return _mean(tf.abs(matte - alpha)) + _mean(tf.abs(composite - image))


def paddle_semantic_loss(alpha, semantic):
    """Return `semantic_loss` without its factor of 10, as PaddleSeg does; shape (B,)."""
    return semantic_loss(alpha, semantic) / 10.0


def paddle_detail_loss(target, detail):
    """Return PaddleSeg's 10 * mean absolute error over the batch's unknown pixels, a scalar."""
    alpha, trimap, _ = _split(target)
    region = tf.cast(trimap == 0.5, tf.float32)
    error = tf.reduce_sum(tf.abs(detail - alpha) * region)
    return 10.0 * error / (tf.reduce_sum(region) + 1e-6)


def paddle_matte_loss(target, matte):
    """Return PaddleSeg's errors of matte and matte * image, 5 times as high where unknown; (B,)."""
    alpha, trimap, image = _split(target)
    error = tf.abs(matte - alpha) * tf.where(trimap == 0.5, 5.0, 1.0)
    return _mean(error) + _mean(error * tf.abs(2.0 * image - 1.0))


def paddle_consistency_loss(trimap, maps):
    """Return PaddleSeg's squared error between `semantic` and the coarse matte in known pixels.

    maps (B, h, w, 2): semantic, and `coarse` of the matte; gradients reach both. The result is
    (B,).
    """
    semantic, matte = maps[..., :1], maps[..., 1:]
    known = tf.cast(trimap[:, ::16, ::16] != 0.5, tf.float32)
    return _mean(known * tf.square(matte - semantic))


def soc_semantic_loss(semantic, matte):
    """Return 100 * the squared errors of `semantic` and the coarse matte, each the other's target.

    Targets carry no gradient; their values up to 0.01 count as 0. The result is (B,).
    """
    coarse_matte = coarse(matte)
    towards_matte = tf.square(semantic - _pseudo_truth(coarse_matte))
    towards_semantic = tf.square(coarse_matte - _pseudo_truth(semantic))
    return 100.0 * (_mean(towards_matte) + _mean(towards_semantic))


def soc_detail_loss(detail, matte, backup_detail, backup_matte, boundary):
    """Return absolute errors of detail and matte to the backup network's in the boundary; (B,).

    An image without a boundary gives 0 (NaN in the released code).
    """
    error = boundary * (tf.abs(detail - backup_detail) + tf.abs(matte - backup_matte))
    return tf.math.divide_no_nan(_mean(error), _mean(boundary))


def soc_consistency_loss(detail, matte, boundary):
    """Return the absolute difference of detail and matte in the boundary, shape (B,).

    It is the second term of equation 5, which the released code lacks. Gradients reach both.
    """
    return tf.math.divide_no_nan(_mean(boundary * tf.abs(matte - detail)), _mean(boundary))


def soc_boundary(semantic, matte):
    """Return a mask of the boundary of what semantic and matte both call foreground (above 0.1).

    It is dilation minus erosion with a square of (H + W) / 40 pixels, float32 (B, H, W, 1).
    Raises ValueError for images of unknown size.
    """
    height, width = matte.shape[1:3]
    if height is None or width is None:
        raise ValueError(
            "soc_boundary needs a fixed image size; build the model with an input_shape"
        )
    foreground = tf.cast(semantic > 0.1, tf.float32)
    foreground = tf.image.resize(foreground, (height, width)) * tf.cast(matte > 0.1, tf.float32)
    side = int((height + width) / 2 * 0.05)
    # an even square is off centre: down and right in dilation, up and left in erosion
    near, far = (side - 1) // 2, side // 2
    dilated = _window_max(foreground, side, near, far)
    eroded = -_window_max(-foreground, side, far, near)
    return tf.cast(dilated != eroded, tf.float32)


def coarse(alpha):
    """Downsample bilinearly and blur 3x3: (B, H, W, 1) -> (B, H/16, W/16, 1).

    At a factor of 16, bilinear sampling without antialiasing averages pixels 7 and 8 of each 16.
    """
    rows = (alpha[:, 7::16] + alpha[:, 8::16]) / 2
    small = (rows[:, :, 7::16] + rows[:, :, 8::16]) / 2
    small = tf.pad(small, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    return tf.nn.conv2d(small, tf.constant(BLUR)[:, :, None, None], 1, "VALID")


def _pseudo_truth(x):
    return tf.stop_gradient(tf.where(x > 0.01, x, 0.0))


def _window_max(x, side, before, after):
    padding = [[0, 0], [before, after], [before, after], [0, 0]]
    return tf.nn.max_pool2d(tf.pad(x, padding, constant_values=-2.0), side, 1, "VALID")


def _split(target):
    return target[..., :1], target[..., 1:2], target[..., 2:5]


def _mean(x):
    return tf.reduce_mean(x, [1, 2, 3])


LOSSES = {  # {output: loss}
    "released": {"semantic": semantic_loss, "detail": detail_loss, "alpha": matte_loss},
    "paper": {"semantic": paper_semantic_loss, "detail": detail_loss, "alpha": paper_matte_loss},
    "paddle": {
        "semantic": paddle_semantic_loss,
        "detail": paddle_detail_loss,
        "alpha": paddle_matte_loss,
        "coarse": paddle_consistency_loss,
    },
}
