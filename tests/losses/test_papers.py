"""What the papers define and the released code does not, computed by hand for a few pixels."""

import math

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.losses import gfm, modnet, ppmatting
from keras_matting.models.ppmatting import FLOWS


def pixels(*values):
    """Return values as float32 (1, 1, number, channels)."""
    return np.float32(values).reshape(1, 1, len(values), -1)


def test_ppmatting_weighs_its_losses_with_1():
    """Equation 1; likelihoods of 1/2 and 1/4 have the mean -log of 1.5 log 2."""
    semantic = pixels([0.5, 0.25, 0.25], [0.25, 0.25, 0.5])
    classes = pixels(0.0, 1.0)
    found = ppmatting.losses("paper")["semantic"](classes, semantic)
    np.testing.assert_allclose(found, 1.5 * math.log(2.0), rtol=1e-5)
    flat = np.full((1, 4, 4, 1), 0.5, np.float32)
    # of a flat map, gradients are 0 and only the error counts
    target = np.concatenate([flat - 0.25, np.ones_like(flat)], -1)
    np.testing.assert_allclose(ppmatting.losses("paper")["detail"](target, flat), 0.25, rtol=1e-4)
    np.testing.assert_allclose(
        ppmatting.losses("released")["detail"](target, flat), 0.0625, rtol=1e-4
    )
    # foreground white on black: the composite's error, on a scale of 2, in three channels
    colours = np.concatenate([np.ones((1, 4, 4, 3)), np.zeros((1, 4, 4, 3))], -1)
    target = np.float32(np.concatenate([flat - 0.25, colours], -1))
    found = ppmatting.losses("paper")["alpha"](target, flat)
    np.testing.assert_allclose(found, 0.25 + 2 * 0.25, rtol=1e-4)


@pytest.mark.parametrize("weights, gate", [([0.0, 0.0], 0.5), ([1.0, 2.0], 1 / (1 + math.exp(-8)))])
def test_ppmattings_gate_is_one_convolution_and_a_sigmoid(weights, gate):
    """Equation of the guidance flow: detail 2 and guidance 3 give 2 (1 + sigmoid(w 2 + v 3))."""
    detail, guidance = (keras.Input((1, 1, 1)) for _ in range(2))
    network = keras.Model([detail, guidance], FLOWS["paper"](detail, guidance, "gate"))
    network.get_layer("gate_1_conv").set_weights([pixels(*weights), np.zeros(1)])
    network.get_layer("gate_conv").set_weights([pixels(1.0)])
    assert [layer.name for layer in network.layers if layer.weights] == ["gate_1_conv", "gate_conv"]
    np.testing.assert_allclose(network([pixels(2.0), pixels(3.0)]), pixels(2 * (1 + gate)))


def test_modnet_semantics_are_half_the_squared_error():
    """Equation 1; a flat alpha of 1/4 stays 1/4 when reduced and blurred."""
    alpha, semantic = np.full((1, 32, 32, 1), 0.25, np.float32), np.full((1, 2, 2, 1), 0.75)
    found = modnet.LOSSES["paper"]["semantic"](alpha, np.float32(semantic))
    np.testing.assert_allclose(found, [0.5 * 0.5**2], rtol=1e-5)


def test_modnet_composes_with_the_true_colours():
    """Equation 3: alpha off by 1/4 of black on white shifts the composite by 1/4."""
    sample = {
        "alpha": pixels(0.5, 1.0),
        "trimap": tf.constant([[[[128], [255]]]], tf.uint8),
        "foreground": pixels([0.0] * 3, [0.2] * 3),
        "background": pixels([1.0] * 3, [0.4] * 3),
        "image": pixels([0.5] * 3, [0.2] * 3),
    }
    _, truth = modnet.targets(sample)
    matte, detail = pixels(0.75, 1.0), pixels(0.25, 0.0)
    # means over two pixels, of which the second is right
    found = modnet.LOSSES["paper"]["alpha"](truth["alpha"], matte)
    np.testing.assert_allclose(found, [0.25 / 2 + 0.25 / 2], rtol=1e-6)
    # weight 10, in the transition only
    found = modnet.LOSSES["paper"]["detail"](truth["detail"], detail)
    np.testing.assert_allclose(found, [10 * 0.25 / 2], rtol=1e-6)


def test_modnet_soc_compares_detail_and_matte_in_the_boundary():
    """Equation 5: of three pixels, two are in the boundary, and both maps learn from them."""
    boundary = pixels(1.0, 1.0, 0.0)
    detail, matte = tf.Variable(pixels(0.5, 0.2, 0.9)), tf.Variable(pixels(0.25, 0.3, 0.0))
    with tf.GradientTape() as tape:
        loss = modnet.soc_consistency_loss(detail, matte, boundary)
    np.testing.assert_allclose(loss, [(0.25 + 0.1) / 2], rtol=1e-6)
    by_detail, by_matte = tape.gradient(loss, [detail, matte])
    np.testing.assert_allclose(np.ravel(by_detail), [0.5, -0.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(np.ravel(by_matte), [-0.5, 0.5, 0.0], rtol=1e-6)


# four pixels, of which the first is in the eroded foreground, all but the last have alpha above 0,
# all are in the dilated foreground, and the third is unknown in the narrow trimap
REGIONS = {"tt": [0, 0, 1, 0], "ft": [0, 1, 1, 0], "bt": [0, 0, 0, 1]}


@pytest.mark.parametrize("kind", REGIONS)
@pytest.mark.parametrize("representation", ["alone", "rim"])
def test_gfm_scores_focus_between_the_visible_figure_and_the_glance(kind, representation):
    colours = dict.fromkeys(("image", "foreground", "background"), tf.zeros((1, 1, 4, 3)))
    trimaps = {"trimap": [255, 255, 128, 0], "trimap_wide": [255, 128, 128, 128]}
    trimaps = {key: tf.constant(pixels(*x), tf.uint8) for key, x in trimaps.items()}
    sample = colours | trimaps | {"alpha": tf.constant(pixels(1.0, 0.9, 0.01, 0.0))}
    suffix = f"_{kind}" if representation == "rim" else ""
    _, truth = gfm.targets(sample, "rim" if suffix else kind, "paper")
    np.testing.assert_array_equal(truth[f"focus{suffix}"][0, 0, :, 1], REGIONS[kind])


def test_gfms_glance_of_logits():
    """log(1 + e^-2) of logits 1 and -1; the released softmax of their sigmoids is far from 0."""
    logits = tf.constant(pixels([1.0, -1.0]))
    found = gfm.glance_loss(pixels(0.0), logits) / gfm.WEIGHT
    np.testing.assert_allclose(found, math.log(1 + math.exp(-2)), rtol=1e-6)
    released = gfm.glance_loss(pixels(0.0), tf.sigmoid(logits)) / gfm.WEIGHT
    difference = 1 / (1 + math.exp(-1)) - 1 / (1 + math.exp(1))
    np.testing.assert_allclose(released, math.log(1 + math.exp(-difference)), rtol=1e-6)
