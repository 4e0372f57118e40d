"""Background Matting V2 equals the released networks for the same weights."""

import json

import numpy as np
import pytest
import tensorflow as tf
from recordings import FOLDER, published_state, recording

from keras_matting.models import create_model
from keras_matting.weights import load_published

TOLERANCE = 1e-4  # the reference differs by 2e-5 between float32 and float64
NAMES = {
    "pha": "alpha",
    "fgr": "foreground",
    "err": "error",
    "pha_sm": "alpha_coarse",
    "fgr_sm": "foreground_coarse",
    "err_sm": "error_coarse",
    "ref_sm": "refined",
}
OPTIONS = {
    "full": dict(refine_mode="full"),
    "sampling": dict(refine_mode="sampling", refine_sample_pixels=1600),
    "sampling_over": dict(refine_mode="sampling", refine_sample_pixels=14400),
    "thresholding": dict(refine_mode="thresholding", refine_threshold=0.1),
}


def images(golden):
    return {"image": golden["input_src"], "background": golden["input_bgr"]}


def published(model, config, size):
    layout = f"bgmv2/{config}.layout.json"
    return load_published(model, published_state(layout, f"bgmv2/{size}.meta.json"))


@pytest.mark.parametrize("backbone", ["mobilenetv2", "resnet50"])
def test_base_equals_the_published_network(backbone, cached_model):
    config = f"mattingbase_{backbone}"
    golden = recording(f"bgmv2/{config}_64x96.npz")
    model = cached_model(f"bgmv2_base_{backbone}", (None, None, 3), True)
    outputs = published(model, config, f"{config}_64x96")(images(golden))
    for theirs in ("pha", "fgr", "err"):
        np.testing.assert_allclose(
            outputs[NAMES[theirs]], golden[theirs], rtol=0, atol=TOLERANCE, err_msg=theirs
        )
    np.testing.assert_allclose(
        outputs["hidden"][:, ::2, ::2], golden["hid_s2"], rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("mode", OPTIONS)
@pytest.mark.parametrize("shape", [(None, None, 3), (96, 160, 3)])
def test_refinement_equals_the_published_network(mode, shape):
    config = "mattingrefine_mobilenetv2"
    golden = recording(f"bgmv2/{config}_{mode}_96x160.npz")
    model = create_model("bgmv2_mobilenetv2", shape, training_heads=True, **OPTIONS[mode])
    outputs = published(model, config, f"{config}_{mode}_96x160")(images(golden))
    for theirs in ("pha", "fgr", "pha_sm", "fgr_sm", "err_sm", "ref_sm"):
        np.testing.assert_allclose(
            outputs[NAMES[theirs]], golden[theirs], rtol=0, atol=TOLERANCE, err_msg=theirs
        )
    cells = json.loads((FOLDER / f"bgmv2/{config}_{mode}_96x160.meta.json").read_text())
    assert np.sum(outputs["refined"]) == cells.get("refined_cells", 24 * 40)


@pytest.mark.parametrize(
    "name, count",
    [
        ("bgmv2_base_mobilenetv2", 4_991_395),
        ("bgmv2_base_resnet50", 40_232_259),
        ("bgmv2_base_resnet101", 59_224_387),
        ("bgmv2_mobilenetv2", 5_006_839),
        ("bgmv2_resnet50", 40_247_703),
    ],
)
def test_trainable_parameters_are_the_published_count(name, count, cached_model):
    model = cached_model(name, (None, None, 3), True)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == count


def pair(batch, height, width):
    rng = np.random.default_rng(0)
    return {
        key: rng.random((batch, height, width, 3), np.float32) for key in ("image", "background")
    }


def test_the_base_network_takes_any_size(cached_model):
    model = cached_model("bgmv2_base_mobilenetv2", (None, None, 3), True)
    outputs = model(pair(2, 70, 91))
    assert {key: tuple(x.shape) for key, x in outputs.items()} == {
        "alpha": (2, 70, 91, 1),
        "foreground": (2, 70, 91, 3),
        "error": (2, 70, 91, 1),
        "hidden": (2, 70, 91, 32),
    }


def test_patches_equal_the_whole_map():
    tf.keras.utils.set_random_seed(0)
    full, patches = (
        create_model("bgmv2_mobilenetv2", (64, 96, 3), training_heads=True, **options)
        for options in (dict(refine_mode="full"), dict(refine_sample_pixels=100 * 16))
    )
    patches.set_weights(full.get_weights())
    x = pair(3, 64, 96)
    whole, some = full(x), patches(x)
    refined = np.repeat(np.repeat(some["refined"], 4, 1), 4, 2) == 1
    assert (refined.sum((1, 2, 3)) == 1600).all()
    np.testing.assert_allclose(some["alpha"][refined], whole["alpha"][refined], atol=1e-6)
    assert np.abs(some["alpha"] - whole["alpha"])[~refined].max() > 1e-3


def test_no_error_above_the_threshold_keeps_the_coarse_matte():
    tf.keras.utils.set_random_seed(0)
    model = create_model(
        "bgmv2_mobilenetv2",
        (None, None, 3),
        True,
        refine_mode="thresholding",
        refine_threshold=1.0,
    )
    outputs = model(pair(1, 64, 64))
    assert np.sum(outputs["refined"]) == 0
    coarse = tf.image.resize(outputs["alpha_coarse"], (64, 64))
    np.testing.assert_allclose(outputs["alpha"], coarse, atol=1e-6)


def refining(error, **options):
    """Build a refining network without dropout, with `error` added to its coarse errors."""
    tf.keras.utils.set_random_seed(0)
    model = create_model("bgmv2_mobilenetv2", (64, 96, 3), True, **options)
    model.get_layer("aspp_dropout").rate = 0.0
    last = model.get_layer("decoder3_conv")
    bias = last.bias.numpy()
    bias[4] += error
    last.bias.assign(bias)
    return model


def refiner_norms(model):
    return [w.numpy() for i in range(3) for w in model.get_layer(f"refine{i}_bn").weights]


def test_training_normalises_by_refined_cells_only():
    # sampling all cells keeps those with a positive error, like a threshold of 0
    sampling = refining(0.0, refine_sample_pixels=64 * 96)
    above_zero = refining(0.0, refine_mode="thresholding", refine_threshold=0.0)
    outputs, expected = (model(pair(2, 64, 96), training=True) for model in (sampling, above_zero))
    assert 0.05 < np.mean(outputs["refined"]) < 0.95
    np.testing.assert_array_equal(outputs["refined"], expected["refined"])
    np.testing.assert_allclose(outputs["alpha"], expected["alpha"], atol=1e-4)
    for ours, theirs in zip(refiner_norms(sampling), refiner_norms(above_zero), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_step_without_refined_cells_does_not_change_the_refiner():
    model = refining(-100.0)
    before = refiner_norms(model)
    step = tf.function(lambda x: model(x, training=True))
    assert np.sum(step(pair(2, 64, 96))["refined"]) == 0
    for ours, old in zip(refiner_norms(model), before, strict=True):
        np.testing.assert_array_equal(ours, old)


def test_mixed_precision_does_not_round_unrefined_pixels():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = refining(0.0, refine_sample_pixels=100 * 16)
        x = pair(1, 64, 96)
        outputs = model(x)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    coarse = tf.image.resize(outputs["alpha_coarse"], (64, 96)).numpy()
    elsewhere = np.repeat(np.repeat(outputs["refined"], 4, 1), 4, 2) == 0
    assert 0 < elsewhere.sum() < elsewhere.size and np.ptp(coarse[elsewhere]) > 0.1
    np.testing.assert_allclose(outputs["alpha"][elsewhere], coarse[elsewhere], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(refine_mode="best"), "unknown refine_mode 'best'; available: full, sampling"),
        (dict(backbone_scale=0.75), r"backbone_scale must be in \(0, 0.5\], got 0.75"),
        (dict(input_shape=(66, 64, 3)), "height and width have to be a multiple of 4"),
    ],
)
def test_invalid_options_are_reported(options, message):
    with pytest.raises(ValueError, match=message):
        create_model("bgmv2_mobilenetv2", **({"input_shape": (64, 64, 3)} | options))
