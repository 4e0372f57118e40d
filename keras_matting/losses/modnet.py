"""MODNet's three supervised losses and the two of its self-supervised adaptation (SOC).

Ke et al. 2022, equations 1 to 6, with the weights and reductions of the released code. In `compile`
they stand beside their outputs, and `targets` makes the y_true that they read:

    losses = {"semantic": semantic_loss, "detail": detail_loss, "alpha": matte_loss}
    model.compile(optimizer, loss=losses)
    model.fit(dataset.map(targets))
"""

import tensorflow as tf

# scipy.ndimage.gaussian_filter(delta, 0.8) on 3x3 cells: its reflection at the border makes the
# kernel wider than a sampled Gaussian
CORNER, EDGE, CENTRE = 0.06261057, 0.12499990, 0.24955814
BLUR = ((CORNER, EDGE, CORNER), (EDGE, CENTRE, EDGE), (CORNER, EDGE, CORNER))


def targets(sample):
    """A composition sample (or batch) -> ({"image"}, y_true per output).

    alpha's target is channels [alpha, trimap 0/0.5/1, image], detail's the first two of them.
    """
    alpha = sample["alpha"]
    trimap = tf.round(tf.cast(sample["trimap"], tf.float32) / 127.5) / 2
    image = sample["image"]
    detail = tf.concat([alpha, trimap], -1)
    matte = tf.concat([alpha, trimap, image], -1)
    return {"image": image}, {"alpha": matte, "semantic": alpha, "detail": detail}


def semantic_loss(alpha, semantic):
    """10 * squared error of `semantic` (B, H/16, W/16, 1) against the coarse, blurred alpha.

    alpha (B, H, W, 1). Returns (B,): the mean over each image.
    """
    return 10.0 * _mean(tf.square(semantic - coarse(alpha)))


def detail_loss(target, detail):
    """10 * absolute error of `detail` (B, H, W, 1) in the unknown region, over all pixels; (B,)."""
    alpha, trimap, _ = _split(target)
    known = trimap != 0.5
    return 10.0 * _mean(tf.where(known, 0.0, tf.abs(detail - alpha)))


def matte_loss(target, matte):
    """Absolute error of `matte` and of matte * image, plus 4 times both with known pixels set.

    The image is on the network's scale, [-1, 1]. Known pixels take the trimap's value, whose
    error against a soft truth counts as well. Returns (B,).
    """
    alpha, trimap, image = _split(target)
    filled = tf.where(trimap != 0.5, trimap, matte)
    pixels = 2.0 * image - 1.0
    loss = 0.0
    for prediction, weight in ((matte, 1.0), (filled, 4.0)):
        error = tf.abs(prediction - alpha)
        loss += weight * (_mean(error) + _mean(tf.abs(pixels) * error))
    return loss


def paddle_semantic_loss(alpha, semantic):
    """PaddleSeg's: the same without the 10; (B,)."""
    return semantic_loss(alpha, semantic) / 10.0


def paddle_detail_loss(target, detail):
    """PaddleSeg's: 10 * mean absolute error over the unknown pixels of the batch; a scalar."""
    alpha, trimap, _ = _split(target)
    region = tf.cast(trimap == 0.5, tf.float32)
    error = tf.reduce_sum(tf.abs(detail - alpha) * region)
    return 10.0 * error / (tf.reduce_sum(region) + 1e-6)


def paddle_matte_loss(target, matte):
    """PaddleSeg's: errors of matte and of matte * image, 4 times over in the unknown region."""
    alpha, trimap, image = _split(target)
    error = tf.abs(matte - alpha) * tf.where(trimap == 0.5, 5.0, 1.0)
    return _mean(error) + _mean(error * tf.abs(2.0 * image - 1.0))


def paddle_consistency_loss(trimap, maps):
    """PaddleSeg's: squared error between the coarse matte and `semantic` where all is known; (B,).

    maps (B, h, w, 2): semantic, and `coarse` of the matte; both learn.
    """
    semantic, matte = maps[..., :1], maps[..., 1:]
    known = tf.cast(trimap[:, ::16, ::16] != 0.5, tf.float32)
    return _mean(known * tf.square(matte - semantic))


def soc_semantic_loss(semantic, matte):
    """100 * the squared errors between `semantic` and the coarse matte, each as the other's truth.

    Truth carries no gradient, and what is at most 0.01 of it counts as 0. Returns (B,).
    """
    coarse_matte = coarse(matte)
    towards_matte = tf.square(semantic - _pseudo_truth(coarse_matte))
    towards_semantic = tf.square(coarse_matte - _pseudo_truth(semantic))
    return 100.0 * (_mean(towards_matte) + _mean(towards_semantic))


def soc_detail_loss(detail, matte, backup_detail, backup_matte, boundary):
    """Absolute errors of detail and matte against the backup network's, inside the boundary; (B,).

    An image without a boundary counts 0 (the released code gives NaN there).
    """
    error = boundary * (tf.abs(detail - backup_detail) + tf.abs(matte - backup_matte))
    return tf.math.divide_no_nan(_mean(error), _mean(boundary))


def soc_boundary(semantic, matte):
    """1 around the edge of what semantic and matte both call foreground (above 0.1), else 0.

    Dilation minus erosion with a square of (H + W) / 40 pixels. Returns (B, H, W, 1) float32.
    """
    height, width = matte.shape[1:3]
    if height is None or width is None:
        raise ValueError("The SOC boundary needs images of a fixed size.")
    foreground = tf.cast(semantic > 0.1, tf.float32)
    foreground = tf.image.resize(foreground, (height, width)) * tf.cast(matte > 0.1, tf.float32)
    side = int((height + width) / 2 * 0.05)
    # an even square is off centre by one pixel: down and right in dilation, up and left in erosion
    near, far = (side - 1) // 2, side // 2
    dilated = _window_max(foreground, side, near, far)
    eroded = -_window_max(-foreground, side, far, near)
    return tf.cast(dilated != eroded, tf.float32)


def coarse(alpha):
    """(B, H, W, 1) -> (B, H/16, W/16, 1): bilinear without antialiasing, then blurred 3x3.

    At a factor of 16 bilinear sampling takes the mean of pixels 7 and 8 of every 16.
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
    return target[..., :1], target[..., 1:2], target[..., 2:]


def _mean(x):
    return tf.reduce_mean(x, [1, 2, 3])
