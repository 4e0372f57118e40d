"""MODNet equals the released implementation for the same weights."""

import numpy as np
import pytest
from recordings import published_state, recording, unnormalised

from keras_matting.weights import load_published

TOLERANCE = 3e-4  # the reference differs by 6e-5 between float32 and float64
OUTPUTS = {"semantic": "semantic", "detail": "detail", "matte": "alpha"}


@pytest.fixture(scope="module")
def state():
    return published_state("modnet/modnet.layout.json")


@pytest.fixture
def published(state, cached_model):
    """Return the network, with or without training heads, with the weights of a recording."""

    def load(training_heads=True):
        model = cached_model("modnet_mobilenetv2", (None, None, 3), training_heads)
        return load_published(model, state)

    return load


def test_inference_equals_the_published_network(published):
    golden = recording("modnet/modnet_128x128.npz")
    model = published()
    outputs = model({"image": unnormalised(golden["input"])}, training=False)
    for theirs, ours in OUTPUTS.items():
        np.testing.assert_allclose(outputs[ours], golden[theirs], rtol=0, atol=TOLERANCE)


def test_training_mode_equals_the_published_network(published):
    golden = recording("modnet/modnet_train_b2_64x96.npz")
    model = published()
    outputs = model({"image": unnormalised(golden["input"])}, training=True)
    for theirs, ours in OUTPUTS.items():
        np.testing.assert_allclose(outputs[ours], golden[theirs], rtol=0, atol=TOLERANCE)
    # batch norms inside and outside IBNorm, after one update
    layers = {
        "lr_branch.backbone.model.features.0.1": model.get_layer("backbone_stem_bn"),
        "lr_branch.backbone.model.features.18.1": model.get_layer("backbone_last_bn"),
        "lr_branch.conv_lr8x.layers.1.bnorm": model.get_layer("semantic8_norm").batch_norm,
        "f_branch.conv_f.0.layers.1.bnorm": model.get_layer("fusion1_norm").batch_norm,
    }
    for name, layer in layers.items():
        mean, variance = golden[f"after.{name}.running_mean"], golden[f"after.{name}.running_var"]
        np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4, atol=1e-5)


def test_without_training_heads_the_matte_is_the_same(published):
    image = {"image": unnormalised(recording("modnet/modnet_128x128.npz")["input"])}
    plain = published(training_heads=False)
    assert list(plain.output) == ["alpha"]
    np.testing.assert_array_equal(plain(image)["alpha"], published()(image)["alpha"])


def test_trainable_parameters_are_the_published_count(cached_model):
    model = cached_model("modnet_mobilenetv2", (None, None, 3), True)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 6_487_075


@pytest.mark.parametrize(
    "name",
    ["modnet_mobilenetv2_easpp", "modnet_mobilenetv2_mobile", "modnet_mobilenetv2_easpp_mobile"],
)
def test_width_scales_every_channel(name, cached_model):
    def channels(**options):
        model = cached_model(name, (64, 64, 3), True, **options)
        convolutions = [layer for layer in model.layers if layer.name.endswith("_conv")]
        return sum(layer.output_shape[-1] for layer in convolutions)

    assert 0.4 < channels(width=0.5) / channels() < 0.65


def test_the_mobile_variant_has_only_layers_with_integer_kernels(cached_model):
    model = cached_model("modnet_mobilenetv2_mobile", (64, 64, 3), True)
    assert not [layer for layer in model.layers if type(layer).__name__ in ("IBNorm", "Lambda")]
