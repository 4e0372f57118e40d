"""Values and gradients of the released losses."""

import numpy as np
import pytest
import tensorflow as tf
from recordings import recording

from keras_matting.losses import bisenetv2, dim, edges, gca, gfm


def check(loss, prediction, golden, name, gradient=None, scale=1.0):
    """`loss(prediction)` and its gradient, times `scale`, equal the recorded ones."""
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


def test_gfm_errors_in_the_region_and_whole():
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


@pytest.mark.parametrize("case", ["hard", "topk", "few_hard"])
def test_bisenetv2_takes_the_hardest(case):
    golden = recording("losses/bisenetv2_ohem.npz")
    check(
        lambda x: bisenetv2.ohem_cross_entropy(golden["labels"][..., None], x),
        golden[f"logits_{case}"],
        golden,
        f"loss_{case}",
        f"grad_{case}",
    )


def test_gca_over_the_unknown_region():
    golden = recording("losses/gca_rec_comp.npz")
    unknown = np.float32(golden["trimap"][..., 1:2])
    target = np.concatenate(
        [golden["alpha"], unknown, golden["image"], golden["fg"], golden["bg"]], -1
    )
    check(lambda x: gca.reconstruction_loss(target, x), golden["pred"], golden, "rec")
    check(lambda x: gca.composition_loss(target, x), golden["pred"], golden, "comp")


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
