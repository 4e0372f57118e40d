"""GCA-Matting equals the released network for the same weights."""

import json

import numpy as np
import pytest
import tensorflow as tf
from recordings import FOLDER, published_state, recording, unnormalised

from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.models.gca import MEAN, STD
from keras_matting.weights import load_published

LAYOUT = "gca/gca.layout.json"


def after_power_iterations(state, count):
    """Update u and v as before the recording: random ones are not singular vectors yet."""
    for name in [name for name in state if name.endswith("weight_bar")]:
        matrix = np.float64(state[name]).reshape(len(state[name]), -1)
        u = np.float64(state[name.replace("_bar", "_u")])
        for _ in range(count):
            v = matrix.T @ u
            v /= np.linalg.norm(v)
            u = matrix @ v
            u /= np.linalg.norm(u)
        state[name.replace("_bar", "_u")] = np.float32(u)
        state[name.replace("_bar", "_v")] = np.float32(v)
    return state


def inputs(golden):
    trimap = golden["input_trimap"] @ np.float32([[0.0], [0.5], [1.0]])
    return {"image": unnormalised(golden["input_image"], MEAN, STD), "trimap": trimap}


def test_inference_equals_the_published_network(cached_model):
    golden = recording("gca/gca_128x128.npz")
    iterations = json.loads((FOLDER / "gca/gca_128x128.meta.json").read_text())
    state = after_power_iterations(
        published_state(LAYOUT), iterations["spectral_power_iterations_before"]
    )
    model = load_published(cached_model("gca", (None, None, 3)), state)
    before = model.get_layer("encoder1_conv").u.numpy()
    alpha = model(inputs(golden), training=False)["alpha"]
    np.testing.assert_allclose(alpha, golden["alpha"], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(model.get_layer("encoder1_conv").u, before)


def test_training_mode_equals_the_published_network(cached_model):
    golden = recording("gca/gca_train_b2_64x96.npz")
    model = load_published(cached_model("gca", (None, None, 3)), published_state(LAYOUT))
    alpha = model(inputs(golden), training=True)["alpha"]
    np.testing.assert_allclose(alpha, golden["alpha"], rtol=0, atol=1e-4)
    convolutions = {
        "encoder.conv1": "encoder1_conv",
        "encoder.layer2.0.conv1": "encoder_stage2_block0_conv1_conv",
        "decoder.layer1.0.conv1": "decoder_stage1_block0_conv1_conv",
        "decoder.conv1": "decoder_last_conv",
    }
    for theirs, ours in convolutions.items():
        for vector in "uv":
            expected = golden[f"after.{theirs}.module.weight_{vector}"]
            found = getattr(model.get_layer(ours), vector)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, err_msg=theirs)
    norms = {
        "encoder.bn1": "encoder1_bn",
        "encoder.layer3.0.bn2": "encoder_stage3_block0_conv2_bn",
        "encoder.gca.W.1": "encoder_attention_out_bn",
        "decoder.bn1": "decoder_last_bn",
    }
    for theirs, ours in norms.items():
        norm = model.get_layer(ours)
        mean, variance = (
            golden[f"after.{theirs}.running_mean"],
            golden[f"after.{theirs}.running_var"],
        )
        np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-4, atol=1e-5)


def test_trainable_parameters_are_the_published_count(cached_model):
    model = cached_model("gca", (None, None, 3))
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 25_164_529
    vectors = [v for v in model.non_trainable_variables if v.name.endswith(("/u:0", "/v:0"))]
    assert sum(int(np.prod(v.shape)) for v in vectors) == 25_269_144 - 25_164_529


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_trimap_of_one_value_has_finite_attention_and_gradient(level):
    rng = np.random.default_rng(0)
    guidance, features = (
        tf.Variable(rng.normal(size=(1, 8, 12, channels)), dtype=tf.float32) for channels in (4, 6)
    )
    with tf.GradientTape() as tape:
        found = GuidedContextualAttention()([guidance, features, tf.fill((1, 8, 12, 1), level)])
    assert found.shape == (1, 8, 12, 6)
    for value in [found, *tape.gradient(found, [guidance, features])]:
        assert np.isfinite(value).all()


def test_attention_is_a_mean_of_patches():
    """With equal guidance everywhere, weights are equal and constant features stay constant."""
    same = tf.ones((2, 8, 8, 3))
    features = tf.fill((2, 8, 8, 5), 0.7)
    found = GuidedContextualAttention()([same, features, tf.zeros((2, 8, 8, 1))])
    # in the interior, four patches overlap and their sum is divided by four
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], features[:, 1:-1, 1:-1], atol=1e-6)
