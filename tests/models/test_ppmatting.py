"""PP-Matting, and MODNet on HRNet, give PaddleSeg's numbers for the same weights."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from recordings import FOLDER, published_state, recording, unnormalised
from tensorflow import keras

from keras_matting.losses import ppmatting as losses
from keras_matting.models import create_model
from keras_matting.weights import load_published

LOGITS, MAPS = 1e-4, 2e-5  # tolerances; the references' own logits move by 3e-5 at most
# the semantic logit in training mode: the recording itself is 0.9e-4 from a float64 run, ours 0.7e-4
TRAINING = 2e-4


@functools.cache
def network(name):
    return create_model(name, (None, None, 3), training_heads=True)


def published(name, size):
    layout, meta = f"ppmatting/{name}.layout.json", f"ppmatting/{name}_{size}.meta.json"
    return load_published(network(name), published_state(layout, meta))


def taps(model):
    """Semantic logit, detail logit, alpha."""
    logits = [model.get_layer(f"{name}_logit_conv").output for name in ("semantic", "detail")]
    return keras.Model(model.input, [*logits, model.output["alpha"]])


def check_alpha(alpha, golden, semantic_logit, atol):
    """Where two classes are nearly equal either may win."""
    top = np.sort(semantic_logit, -1)
    sure = top[..., -1:] - top[..., -2:-1] > 1e-3
    assert sure.mean() > 0.98
    np.testing.assert_allclose(np.where(sure, alpha, golden), golden, rtol=0, atol=atol)


def in_range(pixels):
    return np.float32(pixels) / np.float32(255)


def total_loss(golden, outputs):
    alpha, trimap = in_range(golden["alpha_u8"])[..., None], golden["trimap_u8"][..., None]
    classes = np.select([trimap == 255, trimap == 128], [0.0, 1.0], 2.0)
    transition = np.float32(trimap == 128)
    layers = [alpha, in_range(golden["fg_u8"]), in_range(golden["bg_u8"])]
    return (
        losses.semantic_loss(classes, outputs["semantic"])
        + losses.detail_loss(np.concatenate([alpha, transition], -1), outputs["detail"])
        + losses.fusion_loss(np.concatenate(layers, -1), outputs["alpha"])
    )


@pytest.mark.parametrize("width, size", [("w18", "64x64"), ("w18", "64x96"), ("w48", "64x64")])
def test_ppmatting_equals_the_published_network(width, size):
    config = f"ppmatting_hrnet_{width}"
    golden = recording(f"ppmatting/{config}_{size}.npz")
    model = taps(published(config, size))
    semantic, detail, alpha = model({"image": unnormalised(golden["input"])})
    np.testing.assert_allclose(semantic, golden["semantic_logit"], rtol=0, atol=LOGITS)
    np.testing.assert_allclose(detail, golden["detail_logit"], rtol=0, atol=LOGITS)
    check_alpha(alpha, golden["fusion"], golden["semantic_logit"], MAPS)


def test_ppmatting_in_training_mode_equals_the_published_network():
    with np.load(FOLDER / "ppmatting/ppmatting_hrnet_w18_train_b4_64x96.npz") as arrays:
        golden = dict(arrays)
    model = published("ppmatting_hrnet_w18", "train_b4_64x96")
    heads = keras.Model(model.input, [*taps(model).outputs, model.output])
    kernels = {  # and the largest relative error of their gradients: deep ones are ill-conditioned
        "backbone.conv_layer1_1._conv": ("backbone_stem1_conv", 1e-2),
        "hrdb.detail_conv": ("detail_logit_conv", 3e-4),
        "hrdb.gf_list.0": ("guidance0_conv", 2e-3),
        "hrdb.gates.1._gate_conv.3": ("gate1_1_conv", 1e-3),
        "scb.scb_stages.5.2": ("semantic_logit_conv", 5e-5),
    }
    with tf.GradientTape() as tape:
        *found, outputs = heads({"image": in_range(golden["img_u8"])}, training=True)
        total = total_loss(golden, outputs)
    variables = [model.get_layer(ours).kernel for ours, _ in kernels.values()]
    gradients = tape.gradient(total, variables)

    names = ("semantic_logit_s2", "detail_logit_s2", "fusion_s2")
    expected = [golden[name].transpose(0, 2, 3, 1) for name in names]
    semantic, detail, alpha = (x[:, ::2, ::2] for x in found)
    np.testing.assert_allclose(semantic, expected[0], rtol=0, atol=TRAINING)
    np.testing.assert_allclose(detail, expected[1], rtol=0, atol=LOGITS)
    check_alpha(alpha, expected[2], expected[0], atol=MAPS)
    np.testing.assert_allclose(total, golden["loss.all"], rtol=1e-5)
    for (theirs, (_, error)), gradient in zip(kernels.items(), gradients, strict=True):
        wanted = golden[f"grad.{theirs}.weight"].transpose(2, 3, 1, 0)
        assert np.linalg.norm(gradient - wanted) < error * np.linalg.norm(wanted), theirs
    norms = {
        "backbone.conv_layer1_1._batch_norm": "backbone_stem1_bn",
        "backbone.st4.stage_st4_3.fuse_func.residual_st4_3_layer_4_1_3._batch_norm": (
            "backbone_stage4_module3_fuse4_1_3_bn"
        ),
        "scb.psp_module.stages.0.1._batch_norm": "pyramid1_bn",
        "scb.scb_stages.4.2._batch_norm": "semantic4_2_bn",
        "hrdb.gates.2._gate_conv.4": "gate2_1_bn",
    }
    for theirs, ours in norms.items():
        layer = model.get_layer(ours)
        mean, variance = golden[f"after.{theirs}._mean"], golden[f"after.{theirs}._variance"]
        np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", ["64x64", "64x96"])
def test_modnet_equals_the_published_network(size):
    golden = recording(f"ppmatting/modnet_hrnet_w18_{size}.npz")
    model = published("modnet_hrnet_w18", size)
    outputs = model({"image": unnormalised(golden["input"])})
    for theirs, ours in (("semantic", "semantic"), ("detail", "detail"), ("matte", "alpha")):
        np.testing.assert_allclose(outputs[ours], golden[theirs], rtol=0, atol=MAPS)


def test_modnet_in_training_mode_equals_the_published_network():
    with np.load(FOLDER / "ppmatting/modnet_hrnet_w18_train_b2_64x96.npz") as arrays:
        golden = dict(arrays)
    model = published("modnet_hrnet_w18", "train_b2_64x96")
    outputs = model({"image": in_range(golden["img_u8"])}, training=True)
    for theirs, ours in (("semantic", "semantic"), ("detail", "detail"), ("matte", "alpha")):
        expected = golden[theirs].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(outputs[ours], expected, rtol=0, atol=MAPS)
    for theirs, ours in (("lr_branch.conv_lr8x", "semantic8"), ("f_branch.conv_f.0", "fusion1")):
        norm, after = model.get_layer(f"{ours}_norm").batch_norm, f"after.head.{theirs}.layers.1"
        mean, variance = golden[f"{after}.bnorm._mean"], golden[f"{after}.bnorm._variance"]
        np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-4, atol=1e-5)


def test_modnet_on_hrnet_has_one_width():
    with pytest.raises(ValueError, match="modnet_hrnet_w18 has no width multiplier"):
        create_model("modnet_hrnet_w18", width=0.5)


# without the last fusion's outputs at 1/8 and 1/16, which the published forward pass never reads
@pytest.mark.parametrize(
    "name, published_count, width",
    [
        ("ppmatting_hrnet_w18", 24_503_954, 18),
        ("ppmatting_hrnet_w48", 86_197_934, 48),
        ("modnet_hrnet_w18", 10_199_375, 18),
    ],
)
def test_trainable_parameters_are_the_published_ones_that_are_read(name, published_count, width):
    unread = [
        (9, 1, 2), (1, 4, 2), (1, 8, 2),  # to 1/8: from 1/4, 1/16, 1/32
        (9, 1, 1), (9, 1, 4), (9, 2, 4), (1, 8, 4),  # to 1/16
    ]  # fmt: skip
    count = sum(k * i * width * o * width + 2 * o * width for k, i, o in unread)
    model = network(name)
    found = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert found == published_count - count
