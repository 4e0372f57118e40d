"""PP-Matting and MODNet on HRNet equal PaddleSeg's networks for the same weights."""

import numpy as np
import pytest
from recordings import FOLDER, published_state, recording, unnormalised
from tensorflow import keras

from keras_matting.weights import load_published

# the references' logits differ by at most 3e-5 between float32 and float64
LOGITS, MAPS = 1e-4, 2e-5
# in training mode, the recording differs by 0.9e-4 from a float64 run (ours by 0.7e-4)
TRAINING = 2e-4


@pytest.fixture
def published(cached_model):
    """Return a network, with its heads and the weights of a recording."""

    def load(name, size):
        layout, meta = f"ppmatting/{name}.layout.json", f"ppmatting/{name}_{size}.meta.json"
        return load_published(
            cached_model(name, (None, None, 3), True), published_state(layout, meta)
        )

    return load


def taps(model):
    """Build a model that returns the semantic logit, the detail logit and alpha."""
    logits = [model.get_layer(f"{name}_logit_conv").output for name in ("semantic", "detail")]
    return keras.Model(model.input, [*logits, model.output["alpha"]])


def check_alpha(alpha, golden, semantic_logit, atol):
    """Compare alphas except where two classes are nearly equal and either may win."""
    top = np.sort(semantic_logit, -1)
    sure = top[..., -1:] - top[..., -2:-1] > 1e-3
    assert sure.mean() > 0.98
    np.testing.assert_allclose(np.where(sure, alpha, golden), golden, rtol=0, atol=atol)


@pytest.mark.parametrize("width, size", [("w18", "64x64"), ("w18", "64x96"), ("w48", "64x64")])
def test_ppmatting_equals_the_published_network(width, size, published):
    config = f"ppmatting_hrnet_{width}"
    golden = recording(f"ppmatting/{config}_{size}.npz")
    model = taps(published(config, size))
    semantic, detail, alpha = model({"image": unnormalised(golden["input"])})
    np.testing.assert_allclose(semantic, golden["semantic_logit"], rtol=0, atol=LOGITS)
    np.testing.assert_allclose(detail, golden["detail_logit"], rtol=0, atol=LOGITS)
    check_alpha(alpha, golden["fusion"], golden["semantic_logit"], MAPS)


def test_ppmatting_in_training_mode_equals_the_published_network(published):
    with np.load(FOLDER / "ppmatting/ppmatting_hrnet_w18_train_b4_64x96.npz") as arrays:
        golden = dict(arrays)
    model = published("ppmatting_hrnet_w18", "train_b4_64x96")
    found = taps(model)({"image": np.float32(golden["img_u8"]) / np.float32(255)}, training=True)
    names = ("semantic_logit_s2", "detail_logit_s2", "fusion_s2")
    expected = [golden[name].transpose(0, 2, 3, 1) for name in names]
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(ours[:, ::2, ::2], theirs, rtol=0, atol=TRAINING)
    check_alpha(found[2][:, ::2, ::2], expected[2], expected[0], atol=TRAINING)
    norms = {
        "backbone.conv_layer1_1._batch_norm": "backbone_stem1_bn",
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
def test_modnet_equals_the_published_network(size, published):
    golden = recording(f"ppmatting/modnet_hrnet_w18_{size}.npz")
    model = published("modnet_hrnet_w18", size)
    outputs = model({"image": unnormalised(golden["input"])})
    for theirs, ours in (("semantic", "semantic"), ("detail", "detail"), ("matte", "alpha")):
        np.testing.assert_allclose(outputs[ours], golden[theirs], rtol=0, atol=MAPS)


def test_modnet_in_training_mode_equals_the_published_network(published):
    with np.load(FOLDER / "ppmatting/modnet_hrnet_w18_train_b2_64x96.npz") as arrays:
        golden = dict(arrays)
    model = published("modnet_hrnet_w18", "train_b2_64x96")
    outputs = model({"image": np.float32(golden["img_u8"]) / np.float32(255)}, training=True)
    for theirs, ours in (("semantic", "semantic"), ("detail", "detail"), ("matte", "alpha")):
        expected = golden[theirs].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(outputs[ours], expected, rtol=0, atol=1e-4)
    for theirs, ours in (("lr_branch.conv_lr8x", "semantic8"), ("f_branch.conv_f.0", "fusion1")):
        norm, after = model.get_layer(f"{ours}_norm").batch_norm, f"after.head.{theirs}.layers.1"
        mean, variance = golden[f"{after}.bnorm._mean"], golden[f"{after}.bnorm._variance"]
        np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-4, atol=1e-5)


# without the last fusion's 1/8 and 1/16 outputs, which the published forward pass never reads
@pytest.mark.parametrize(
    "name, published_count, width",
    [
        ("ppmatting_hrnet_w18", 24_503_954, 18),
        ("ppmatting_hrnet_w48", 86_197_934, 48),
        ("modnet_hrnet_w18", 10_199_375, 18),
    ],
)
def test_trainable_parameters_are_the_published_ones_that_are_read(
    name, published_count, width, cached_model
):
    unread = [
        (9, 1, 2), (1, 4, 2), (1, 8, 2),  # to 1/8: from 1/4, 1/16, 1/32
        (9, 1, 1), (9, 1, 4), (9, 2, 4), (1, 8, 4),  # to 1/16
    ]  # fmt: skip
    count = sum(k * i * width * o * width + 2 * o * width for k, i, o in unread)
    model = cached_model(name, (None, None, 3), True)
    found = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert found == published_count - count
