"""MODNet's losses equal the released code in value and gradient."""

import numpy as np
import pytest
import tensorflow as tf
from recordings import FOLDER, recording
from scipy.ndimage import gaussian_filter, grey_dilation, grey_erosion

from keras_matting.losses import modnet


def check_gradients(golden, tape, loss, predictions):
    for name, gradient in tape.gradient(loss, predictions).items():
        expected = golden[f"grad_{name}"]
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_supervised_losses():
    golden = recording("losses/modnet_supervised.npz")
    names = ("pred_semantic", "pred_detail", "pred_matte")
    predictions = {name: tf.Variable(golden[name]) for name in names}
    semantic, detail, matte = predictions.values()
    inputs, truth = modnet.targets(
        {
            "image": (golden["image"] + 1) / 2,
            "alpha": golden["gt_matte"],
            "trimap": np.uint8(np.rint(golden["trimap"] * 2) * 127.5 + 0.5),
        }
    )
    assert list(inputs) == ["image"]
    with tf.GradientTape() as tape:
        losses = {
            "semantic_loss": tf.reduce_mean(modnet.semantic_loss(truth["semantic"], semantic)),
            "detail_loss": tf.reduce_mean(modnet.detail_loss(truth["detail"], detail)),
            "matte_loss": tf.reduce_mean(modnet.matte_loss(truth["alpha"], matte)),
        }
        total = sum(losses.values())
    for name, loss in losses.items():
        np.testing.assert_allclose(loss, golden[name][0], rtol=1e-6)
    check_gradients(golden, tape, total, predictions)


def test_paddle_losses():
    golden = recording("losses/paddle_modnet_total.npz")
    with np.load(FOLDER / "losses/paddle_modnet_total.npz") as arrays:
        image = arrays["img_u8"] / np.float32(255)
    alpha = golden["alpha_u8"][..., None] / np.float32(255)
    _, truth = modnet.targets(
        {"image": image, "alpha": alpha, "trimap": golden["trimap_u8"][..., None]}
    )
    predictions = {key: tf.Variable(golden[key]) for key in ("semantic", "detail", "matte")}
    semantic, detail, matte = predictions.values()
    with tf.GradientTape() as tape:
        maps = tf.concat([semantic, modnet.coarse(matte)], -1)
        fusion = tf.reduce_mean(modnet.paddle_matte_loss(truth["alpha"], matte))
        fusion += tf.reduce_mean(modnet.paddle_consistency_loss(truth["detail"][..., 1:], maps))
        losses = {
            "semantic": tf.reduce_mean(modnet.paddle_semantic_loss(truth["semantic"], semantic)),
            "detail": modnet.paddle_detail_loss(truth["detail"], detail),
            "fusion": fusion,
        }
        total = sum(losses.values())
    for name, loss in losses.items():
        np.testing.assert_allclose(loss, golden[f"loss.{name}"], rtol=1e-5)
    for name, gradient in tape.gradient(total, predictions).items():
        expected = golden[f"grad.{name}"]
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_soc_losses():
    golden = recording("losses/modnet_soc_odd.npz")
    names = ("pred_semantic", "pred_detail", "pred_matte")
    predictions = {name: tf.Variable(golden[name]) for name in names}
    semantic, detail, matte = predictions.values()
    boundary = golden["boundaries"].astype(np.float32)
    with tf.GradientTape() as tape:
        first = tf.reduce_mean(modnet.soc_semantic_loss(semantic, matte))
        backups = golden["backup_detail"], golden["backup_matte"]
        second = tf.reduce_mean(modnet.soc_detail_loss(detail, matte, *backups, boundary))
        total = first + second
    np.testing.assert_allclose(first, golden["soc_semantic_loss"][0], rtol=1e-6)
    np.testing.assert_allclose(second, golden["soc_detail_loss"][0], rtol=1e-6)
    check_gradients(golden, tape, total, predictions)


def test_soc_boundary_equals_the_recording():
    golden = recording("losses/modnet_soc_odd.npz")
    boundary = modnet.soc_boundary(golden["pred_semantic"], golden["pred_matte"])
    np.testing.assert_array_equal(boundary, golden["boundaries"])


@pytest.mark.parametrize("height, width, side", [(64, 96, 4), (96, 112, 5), (128, 160, 7)])
def test_soc_boundary_equals_scipy_for_even_and_odd_squares(height, width, side):
    random = np.random.default_rng(side)
    semantic = random.random((1, height // 16, width // 16, 1), np.float32) ** 2
    blobs = random.random((1, height // 8, width // 8, 1), np.float32) ** 3
    matte = tf.image.resize(blobs, (height, width)).numpy()
    foreground = tf.image.resize(np.float32(semantic > 0.1), (height, width)).numpy()
    foreground = (foreground * (matte > 0.1))[0, ..., 0]
    dilated = grey_dilation(foreground, size=(side, side))
    expected = dilated != grey_erosion(foreground, size=(side, side))
    boundary = modnet.soc_boundary(semantic, matte)[0, ..., 0]
    np.testing.assert_array_equal(boundary, expected)


def test_an_image_without_a_boundary_gives_zero():
    zero = np.zeros((2, 32, 32, 1), np.float32)
    loss = modnet.soc_detail_loss(zero + 0.3, zero, zero, zero, zero)
    np.testing.assert_array_equal(loss, [0.0, 0.0])


def test_blur_kernel_is_scipys():
    delta = np.zeros((3, 3))
    delta[1, 1] = 1.0
    np.testing.assert_allclose(modnet.BLUR, gaussian_filter(delta, 0.8), atol=1e-7)
