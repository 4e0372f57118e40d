"""A published checkpoint matches exactly, or all problems are reported and nothing is loaded."""

import numpy as np
import pytest
from recordings import published_state

from keras_matting.models import create_model
from keras_matting.weights import load_published


@pytest.fixture(scope="module")
def state():
    return published_state("modnet/modnet.layout.json")


@pytest.fixture(scope="module")
def model():
    return create_model("modnet_mobilenetv2", (None, None, 3), training_heads=True)


def test_reads_npz(state, model, tmp_path):
    np.savez(tmp_path / "modnet.npz", **state)
    load_published(model, tmp_path / "modnet.npz")
    ours = model.get_layer("alpha_logit_conv").kernel[0, 0, :, 0]
    np.testing.assert_array_equal(ours, state["f_branch.conv_f.1.layers.0.weight"][0, :, 0, 0])


def test_the_later_of_two_names_takes_precedence(state, model):
    early = "backbone.model.features.0.0.weight"
    altered = state | {early: np.zeros_like(state[early])}
    load_published(model, altered)
    assert np.abs(model.get_layer("backbone_stem_conv").kernel).max() > 0
    # a checkpoint may have only the first name
    only = {k: v for k, v in state.items() if not k.startswith("lr_branch.backbone.")}
    load_published(model, only)


def test_all_problems_at_once_and_nothing_loaded(state, model):
    load_published(model, state)
    before = model.get_weights()
    broken = {k: v * 2 for k, v in state.items()}
    del broken["f_branch.conv_f2x.layers.0.bias"]
    broken["f_branch.conv_f2x.layers.0.weight"] = np.zeros((32, 64, 5, 5), np.float32)
    broken["f_branch.surprise.weight"] = np.zeros((3,), np.float32)
    with pytest.raises(ValueError) as error:
        load_published(model, broken)
    message = str(error.value)
    assert "f_branch.conv_f2x.layers.0.bias for our fusion2_conv/bias (32,) is missing" in message
    assert "f_branch.conv_f2x.layers.0.weight (32, 64, 5, 5) does not match our fusion2" in message
    assert "f_branch.surprise.weight (3,) is not part of our network" in message
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_heads_are_ignored_only_by_a_model_without_them(state, model):
    headless = create_model("modnet_mobilenetv2", (None, None, 3))
    load_published(headless, state)
    without = {k: v for k, v in state.items() if not k.startswith("hr_branch.conv_hr.")}
    load_published(headless, without)
    with pytest.raises(ValueError, match="conv_hr.0.layers.0.weight for our detail1_conv/k"):
        load_published(model, without)


def test_unpublished_variant_and_missing_file(tmp_path):
    mobile = create_model("modnet_mobilenetv2_mobile", (64, 64, 3))
    with pytest.raises(ValueError, match="no published checkpoints for modnet_mobilenetv2_mob"):
        load_published(mobile, {})
    published = create_model("modnet_mobilenetv2", (64, 64, 3))
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        load_published(published, tmp_path / "nowhere.npz")
