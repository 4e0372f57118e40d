"""GFM equals the released networks for the same weights."""

import numpy as np
import pytest
import tensorflow as tf
from recordings import published_state, recording

from keras_matting.layers.class_selection import FuseByClass
from keras_matting.models import create_model
from keras_matting.models.gfm import FUSIONS
from keras_matting.weights import load_published

TOLERANCE = 5e-5  # the reference differs by 6e-6 between float32 and float64
SHORT = {"resnet34": "r34", "resnet34_2b": "r34_2b", "densenet121": "d121", "resnet101": "r101"}
RECORDINGS = {  # variant: size of the recording, number of parameters used in its forward pass
    "resnet34_tt": ("96x96", 54_773_316),
    "resnet34_ft": ("96x96", 54_772_739),
    "resnet34_bt": ("96x96", 54_772_739),
    "resnet34_rim": ("64x96", 55_220_891),
    "resnet34_2b_tt": ("96x96", 125_061_316),
    "densenet121_tt": ("96x96", 45_934_724),
    "resnet101_tt": ("96x96", 495_207_556),
}


@pytest.mark.parametrize("variant", RECORDINGS)
def test_outputs_equal_the_published_network(variant):
    size, parameters = RECORDINGS[variant]
    backbone, representation = variant.rsplit("_", 1)
    config = f"gfm/gfm_{SHORT[backbone]}_{representation}"
    golden = recording(f"{config}_{size}.npz")
    model = create_model(f"gfm_{variant}", (None, None, 3), training_heads=True)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == parameters
    load_published(model, published_state(f"{config}.layout.json", f"{config}_{size}.meta.json"))
    outputs = model({"image": golden["input"] / np.float32(255)}, training=False)
    kinds = ("_tt", "_ft", "_bt") if representation == "rim" else ("",)
    certain = np.ones(golden["fusion"].shape, bool)
    for kind in kinds:
        glance = golden[f"glance{kind}"]
        for name in (f"glance{kind}", f"focus{kind}"):
            np.testing.assert_allclose(outputs[name], golden[name], rtol=0, atol=TOLERANCE)
        top = np.sort(glance, -1)
        sure = top[..., -1:] - top[..., -2:-1] > 1e-3
        fused = np.where(sure, outputs[f"alpha{kind}"], golden[f"fusion{kind}"])
        np.testing.assert_allclose(fused, golden[f"fusion{kind}"], rtol=0, atol=TOLERANCE)
        assert sure.mean() > 0.9
        certain &= sure
    if representation == "rim":  # its squeeze-and-excitation depends on the whole map
        np.testing.assert_allclose(
            np.where(certain, outputs["alpha"], golden["fusion"]),
            golden["fusion"],
            rtol=0,
            atol=TOLERANCE,
        )


def test_rim_updates_the_statistics_of_its_last_context_once_per_head():
    model = create_model("gfm_resnet34_rim", (64, 96, 3))
    taps = {level: model.get_layer(f"context{level}_conv").output for level in (1, 2)}
    image = np.random.default_rng(0).random((2, 64, 96, 3), np.float32)
    batch = tf.keras.Model(model.input, taps)({"image": image}, training=True)
    for layer in model.layers:
        if layer.name.endswith("_bn"):
            layer.moving_mean.assign(tf.zeros_like(layer.moving_mean))
    model({"image": image}, training=True)
    for level, share in ((1, 1 - 0.9**3), (2, 0.1)):
        mean = np.mean(batch[level], (0, 1, 2))
        found = model.get_layer(f"context{level}_bn").moving_mean
        np.testing.assert_allclose(found, share * mean, rtol=0, atol=1e-4 * np.abs(mean).max())


def fused(kind, glance, focus):
    """Return the alpha of one pixel."""
    focus = 1.0 - focus if kind == "bt" else focus
    pixel = [tf.constant(x, tf.float32)[None, None, None] for x in (glance, [focus])]
    return float(FuseByClass(FUSIONS[kind])(pixel))


def test_the_first_of_equal_classes_wins():
    assert fused("tt", [0.5, 0.5, 0.1], 0.3) == 0.0
    assert fused("tt", [0.1, 0.5, 0.5], 0.25) == 0.25
    assert fused("tt", [0.5, 0.1, 0.5], 0.3) == 0.0
    assert fused("tt", [0.1, 0.2, 0.5], 0.3) == 1.0
    assert fused("ft", [0.5, 0.5], 0.25) == 0.25
    assert fused("ft", [0.4, 0.5], 0.25) == 1.0
    assert fused("bt", [0.4, 0.5], 0.25) == 0.75
    assert fused("bt", [0.5, 0.5], 0.25) == 0.0


def test_only_focus_receives_a_gradient_from_the_fusion():
    glance, focus = tf.constant([[[[0.1, 0.6, 0.2]]]]), tf.constant([[[[0.3]]]])
    with tf.GradientTape() as tape:
        tape.watch([glance, focus])
        alpha = FuseByClass(FUSIONS["tt"])([glance, focus])
    by_glance, by_focus = tape.gradient(alpha, [glance, focus])
    assert by_glance is None and float(by_focus) == 1.0
