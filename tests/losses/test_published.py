"""Losses equal the released code in value and gradient."""

import numpy as np
import pytest
import tensorflow as tf
from recordings import FOLDER, recording

from keras_matting.losses import bgmv2, bisenetv2, dim, edges, gca, gfm, ppmatting


def check(loss, prediction, golden, name, gradient=None, scale=1.0):
    """Assert that `loss(prediction)` and its gradient, times `scale`, equal the recording."""
    prediction = tf.Variable(prediction)
    with tf.GradientTape() as tape:
        value = loss(prediction) * scale
    np.testing.assert_allclose(value, golden[name].item(), rtol=1e-5)
    expected = golden[gradient or f"grad_{name}"]
    found = tape.gradient(value, prediction)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    "name, glance", [("trimap", "glance3"), ("erosion", "glance2"), ("dilation", "glance2")]
)
def test_gfm_cross_entropy(name, glance):
    golden = recording("losses/gfm_cross_entropy.npz")
    labels = golden[name]
    three = np.where(labels == 0, 0, np.where(labels == 255, 2, 1))
    classes = np.float32(three if name == "trimap" else labels == 255)
    check(
        lambda x: gfm.glance_loss(classes, x) / gfm.WEIGHT,
        golden[glance],
        golden,
        f"ce{3 if name == 'trimap' else 2}_{name}",
    )


def test_gfm_errors_in_the_region_and_everywhere():
    golden = recording("losses/gfm_alpha_laplacian.npz")
    np.testing.assert_allclose(edges.BLUR, golden["gauss_kernel"], atol=1e-7)
    alpha, region = golden["alpha"] / 255, np.float32(golden["trimap"] == 128)
    both = np.concatenate([alpha, region], -1)
    golden["sum"] = golden["alpha_loss"] + golden["laplacian_loss"]
    golden["grad_sum"] = golden["grad_alpha_loss"] + golden["grad_laplacian_loss"]
    check(lambda x: gfm.focus_loss(both, x) / gfm.WEIGHT, golden["predict"], golden, "sum")
    check(
        lambda x: edges.laplacian_difference(x, alpha),
        golden["predict"],
        golden,
        "laplacian_loss_whole",
    )


def test_gfm_composition():
    golden = recording("losses/gfm_composition.npz")
    image, foreground, background = (golden[name] / 255 for name in ("image", "fg", "bg"))
    check(
        lambda x: gfm.composition_loss(x, image, foreground, background),
        golden["predict"],
        golden,
        "composition_loss_whole",
    )


# alpha of four pixels and their trimaps with kernels 25 and 50; expected glance, focus and region
# where focus is scored: core/data.py and core/train.py (RIM) of JizhiziLi/GFM
ALPHA, NARROW, WIDE = [1.0, 1.0, 0.75, 0.0], [255, 128, 128, 0], [255, 128, 128, 128]
JUDGED = [0.0, 1.0, 1.0, 0.0]
PARTS = {
    "tt": ([2, 1, 1, 0], [1.0, 1.0, 0.75, 0.0]),
    "ft": ([1, 0, 0, 0], [0.0, 1.0, 0.75, 0.0]),
    "bt": ([1, 1, 1, 1], [0.0, 0.0, 0.25, 1.0]),
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("representation", ["alone", "rim"])
def test_gfm_targets(kind, representation):
    shape = (1, 1, 4, 1)
    sample = {key: tf.zeros((1, 1, 4, 3)) for key in ("image", "foreground", "background")}
    sample["alpha"] = tf.reshape(ALPHA, shape)
    sample["trimap"] = tf.reshape(tf.constant(NARROW, tf.uint8), shape)
    sample["trimap_wide"] = tf.reshape(tf.constant(WIDE, tf.uint8), shape)
    suffix = f"_{kind}" if representation == "rim" else ""
    _, truth = gfm.targets(sample, "rim" if suffix else kind)
    glance, focus = PARTS[kind]
    np.testing.assert_array_equal(np.ravel(truth[f"glance{suffix}"]), glance)
    np.testing.assert_array_equal(truth[f"focus{suffix}"][0, 0, :, 0], focus)
    np.testing.assert_array_equal(truth[f"focus{suffix}"][0, 0, :, 1], JUDGED)


def test_gfm_rim_has_four_times_the_weight():
    alone, rim = gfm.losses("tt"), gfm.losses("rim")
    assert set(alone) == {"glance", "focus", "alpha"} and len(rim) == 3 * 3 + 1
    rng = np.random.default_rng(0)
    alpha, focus = (rng.random((1, 32, 32, n), dtype=np.float32) for n in (1, 2))
    found = rng.random((1, 32, 32, 1), dtype=np.float32)
    whole = np.concatenate([alpha, *(rng.random((1, 32, 32, 3), dtype=np.float32),) * 3], -1)
    for kind in PARTS:
        np.testing.assert_allclose(
            rim[f"focus_{kind}"](focus, found), 4 * alone["focus"](focus, found), rtol=1e-6
        )
        np.testing.assert_allclose(
            rim[f"alpha_{kind}"](whole, found), rim["alpha"](whole, found), rtol=1e-6
        )
    np.testing.assert_allclose(rim["alpha"](whole, found), 4 * alone["alpha"](whole, found))


@pytest.mark.parametrize("case", ["hard", "topk", "few_hard"])
def test_bisenetv2_uses_the_hardest_pixels(case):
    golden = recording("losses/bisenetv2_ohem.npz")
    check(
        lambda x: bisenetv2.ohem_cross_entropy(golden["labels"][..., None], x),
        golden[f"logits_{case}"],
        golden,
        f"loss_{case}",
        f"grad_{case}",
    )


def test_gca_in_the_unknown_region():
    golden = recording("losses/gca_rec_comp.npz")
    trimap = golden["trimap"][..., 1:2] / 2 + golden["trimap"][..., 2:]  # one-hot
    target = np.concatenate(
        [golden["alpha"], trimap, golden["image"], golden["fg"], golden["bg"]], -1
    ).astype(np.float32)
    check(lambda x: gca.reconstruction_loss(target, x), golden["pred"], golden, "rec")
    check(lambda x: gca.composition_loss(target, x), golden["pred"], golden, "comp")


def test_gca_losses_with_weight_0_in_its_configuration():
    golden = recording("losses/gca_optional.npz")
    trimap = golden["trimap"][..., 1:2] / 2 + golden["trimap"][..., 2:]  # one-hot
    target = np.concatenate([golden["alpha"], trimap], -1).astype(np.float32)
    filters = golden["gabor_filter"].transpose(1, 2, 3, 0)
    np.testing.assert_allclose(gca.gabor_filters(), filters, atol=1e-7)
    losses = {
        "smooth_l1": gca.smooth_reconstruction_loss,
        "grad": gca.gradient_loss,
        "gabor": gca.gabor_loss,
    }
    for name, loss in losses.items():
        check(lambda x, loss=loss: loss(target, x), golden["pred"], golden, name)


@pytest.mark.parametrize("masked", [False, True])
def test_paddle_errors(masked):
    golden = recording("losses/paddle_basic_64x96.npz")
    alpha = golden["alpha_u8"][..., None] / np.float32(255)
    region = np.float32(golden["trimap_u8"] == 128)[..., None] if masked else None
    name = "mrsd_masked" if masked else "mrsd"
    check(lambda x: dim.mrsd(x, alpha, region), golden["pred"], golden, name, f"grad.{name}")
    np.testing.assert_allclose(
        edges.sobel_magnitude(golden["pred"]), golden["sobel_magnitude_of_pred"], atol=1e-6
    )


def test_ppmatting():
    golden = recording("losses/paddle_ppmatting_total.npz")
    alpha = golden["alpha_u8"][..., None] / np.float32(255)
    trimap = golden["trimap_u8"][..., None]
    classes = np.where(trimap == 255, 0, np.where(trimap == 0, 2, 1))
    with np.load(FOLDER / "losses/paddle_ppmatting_total.npz") as arrays:
        foreground, background = (arrays[k] / np.float32(255) for k in ("fg_u8", "bg_u8"))
    semantic = tf.Variable(np.float32(golden["semantic_f16"]))
    detail, fusion = tf.Variable(golden["detail"]), tf.Variable(golden["fusion"])
    with tf.GradientTape() as tape:
        parts = {
            "semantic": ppmatting.semantic_loss(classes, semantic),
            "detail": ppmatting.detail_loss(
                tf.concat([alpha, np.float32(trimap == 128)], -1), detail
            ),
            "fusion": ppmatting.fusion_loss(tf.concat([alpha, foreground, background], -1), fusion),
        }
        total = sum(parts.values())
    for name, value in parts.items():
        np.testing.assert_allclose(4 * value, golden[f"loss.{name}"], rtol=1e-5)
    by_semantic, by_detail, by_fusion = tape.gradient(total, [semantic, detail, fusion])
    close(by_semantic[:, ::2, ::2], golden["grad.semantic_s2"])
    close(by_detail, golden["grad.detail"])
    close(by_fusion[:, ::2, ::2], golden["grad.fusion_s2"])


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_bgmv2_base():
    golden = recording("losses/bgmv2_base.npz")
    names = ("pred_pha", "pred_fgr", "pred_err")
    alpha, foreground, error = (tf.Variable(golden[name]) for name in names)
    truth = golden["true_pha"]
    with tf.GradientTape() as tape:
        by_alpha = bgmv2.alpha_loss(truth, alpha)
        by_foreground = bgmv2.foreground_loss(
            tf.concat([golden["true_fgr"], truth], -1), foreground
        )
        both = tf.concat([error, tf.stop_gradient(alpha)], -1)
        by_error = bgmv2.error_loss(truth, both)
        total = by_alpha + by_foreground + by_error
    np.testing.assert_allclose(by_alpha, golden["pha_l1"] + golden["sobel_l1"], rtol=1e-5)
    np.testing.assert_allclose(by_foreground, golden["fgr_l1"][0], rtol=1e-5)
    np.testing.assert_allclose(by_error, golden["err_mse"][0], rtol=1e-5)
    np.testing.assert_allclose(total, golden["loss"][0], rtol=1e-5)
    for name, gradient in zip(names, tape.gradient(total, [alpha, foreground, error]), strict=True):
        close(gradient, golden[f"grad_{name}"])


def test_bgmv2_refine():
    golden = recording("losses/bgmv2_refine.npz")
    names = ("pred_pha", "pred_fgr", "pred_pha_sm", "pred_fgr_sm", "pred_err_sm")
    variables = [tf.Variable(golden[name]) for name in names]
    truth, foreground = golden["true_pha"], golden["true_fgr"]
    size, small = truth.shape[1:3], golden["pred_pha_sm"].shape[1:3]
    with tf.GradientTape() as tape:
        alpha, colour, alpha_small, colour_small, error = variables
        coarse = tf.image.resize(tf.concat([error, alpha_small], -1), size)
        truth_small = tf.image.resize(truth, small)
        small_target = tf.concat([tf.image.resize(foreground, small), truth_small], -1)
        total = (
            bgmv2.alpha_loss(truth, alpha)
            + bgmv2.alpha_loss(truth_small, alpha_small)
            + bgmv2.foreground_loss(tf.concat([foreground, truth], -1), colour)
            + bgmv2.foreground_loss(small_target, colour_small)
            + bgmv2.error_loss(truth, coarse)
        )
    np.testing.assert_allclose(total, golden["loss"][0], rtol=1e-5)
    for name, gradient in zip(names, tape.gradient(total, variables), strict=True):
        close(gradient, golden[f"grad_{name}"])


def test_paddle_dim():
    """Stage 3: half of alpha_raw's and its composite's errors, plus that of the refined alpha."""
    golden = recording("losses/paddle_dim_total.npz")
    with np.load(FOLDER / "losses/paddle_dim_total.npz") as arrays:
        colours = [arrays[f"{name}_u8"] / np.float32(255) for name in ("img", "fg", "bg")]
    alpha = golden["alpha_u8"][..., None] / np.float32(255)
    trimap = np.float32(golden["trimap_u8"] == 128)[..., None] / 2
    target = np.concatenate([alpha, trimap, *colours], -1)
    raw, refined = tf.Variable(golden["alpha_raw"]), tf.Variable(golden["alpha_pred"])
    with tf.GradientTape() as tape:
        total = 0.5 * dim.paddle_alpha_loss(target, raw)
        total += 0.5 * dim.paddle_composition_loss(target, raw)
        total += dim.paddle_alpha_loss(target, refined)
    np.testing.assert_allclose(total, golden["stage3.loss.all"], rtol=1e-5)
    by_raw, by_refined = tape.gradient(total, [raw, refined])
    close(by_raw[:, ::2, ::2], golden["stage3.grad.alpha_raw_s2"])
    close(by_refined[:, ::2, ::2], golden["stage3.grad.alpha_pred_s2"])
