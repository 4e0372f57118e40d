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


@pytest.mark.parametrize("prefix", ["model.", "student.matting."])
def test_a_prefix_of_all_names_is_removed(state, model, prefix):
    zeros = [np.zeros_like(values) for values in model.get_weights()]
    load_published(model, state)
    expected = model.get_weights()
    model.set_weights(zeros)
    load_published(model, {prefix + name: array for name, array in state.items()})
    for a, b in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_message_names_a_few_tensors_and_counts_the_others(state, model):
    numbered = {f"{i}.{name}": array for i, (name, array) in enumerate(state.items())}
    with pytest.raises(ValueError) as error:
        load_published(model, numbered)
    assert len(str(error.value)) < 1000
    assert f"and {len(model.weights) - 3} more" in str(error.value)


def test_values_that_no_network_has_are_refused(state, model):
    load_published(model, state)
    before = model.get_weights()
    norm = "lr_branch.backbone.model.features.0.1"
    negative = state | {f"{norm}.running_var": -state[f"{norm}.running_var"]}
    infinite = state | {f"{norm}.running_var": np.full_like(state[f"{norm}.running_var"], np.inf)}
    for broken, words in [(negative, "negative variances"), (infinite, "that are not finite")]:
        with pytest.raises(ValueError, match=f"{words} in .*{norm}.running_var for our backbone_s"):
            load_published(model, broken)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
