"""Both versions of DIM equal the published implementations for the same weights."""

import numpy as np
import pytest
from recordings import FOLDER, published_state, recording, unnormalised
from tensorflow import keras

from keras_matting.backbones import vgg
from keras_matting.models import create_model, dim
from keras_matting.weights import load_published

TOLERANCE = 2e-5  # of alphas; the references differ by 2e-6 between float32 and float64


@pytest.fixture
def published(cached_model):
    """Return a network with its heads and a recording's weights."""

    def load(name, layout, **options):
        model = cached_model(name, (None, None, 3), True, **options)
        return load_published(model, published_state(layout))

    return load


@pytest.mark.parametrize("size", ["64x64", "96x64"])
def test_unpooling_equals_the_published_network(size, published):
    golden = recording(f"dim/dim_unpool_vgg16_{size}.npz")
    config = dim.VARIANTS["dim_vgg16"]
    pixels, trimap = golden["input"][..., :3], golden["input"][..., 3:]
    image = unnormalised(pixels, config["mean"], config["std"])
    model = published("dim_vgg16", "dim/dim_unpool_vgg16.layout.json")
    outputs = model({"image": image, "trimap": np.rint(trimap * 2) / 2})
    for theirs, ours in (("alpha_raw", "alpha_raw"), ("alpha_refined", "alpha")):
        np.testing.assert_allclose(outputs[ours], golden[theirs], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("size", ["64x64", "64x96"])
def test_bilinear_equals_the_published_network(size, published):
    golden = recording(f"dim/dim_vgg16_{size}.npz")
    model = published("dim_vgg16_bilinear", "dim/dim_vgg16.layout.json")
    trimap = np.rint(golden["trimap"] / 127.5) / 2
    outputs = model({"image": unnormalised(golden["img"]), "trimap": trimap})
    for theirs, ours in (("alpha_raw", "alpha_raw"), ("alpha_pred", "alpha")):
        np.testing.assert_allclose(outputs[ours], golden[theirs], rtol=0, atol=TOLERANCE)


def test_bilinear_in_training_mode_equals_the_published_network(published):
    with np.load(FOLDER / "dim/dim_vgg16_train_b2_64x96.npz") as arrays:
        golden = dict(arrays)
    model = published("dim_vgg16_bilinear", "dim/dim_vgg16.layout.json")
    trimap = np.float32(np.rint(golden["trimap_u8"] / 127.5) / 2)[..., None]
    image = np.float32(golden["img_u8"]) / np.float32(255)
    outputs = model({"image": image, "trimap": trimap}, training=True)
    for theirs, ours in (("alpha_raw", "alpha_raw"), ("alpha_pred", "alpha")):
        expected = golden[theirs].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(outputs[ours], expected, rtol=0, atol=1e-4)
    assert np.max(outputs["alpha"]) > 1  # not clipped
    norms = {"decoder.deconv5.conv": "decoder5_bn", "refine.alpha_pred": "refine_logit_bn"}
    for module, ours in norms.items():
        layer, published_norm = model.get_layer(ours), f"after.{module}._batch_norm"
        mean, variance = golden[f"{published_norm}._mean"], golden[f"{published_norm}._variance"]
        np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name, layout, refinement, count",
    [
        ("dim_vgg16", "dim/dim_unpool_vgg16.layout.json", True, 28_373_954),
        ("dim_vgg16_bilinear", "dim/dim_vgg16.layout.json", True, 28_369_922),
        ("dim_vgg16_bilinear", "dim/dim_vgg16.layout.json", False, 28_292_928),
    ],
)
def test_trainable_parameters_are_the_published_count(
    name, layout, refinement, count, published
):
    options = {} if refinement else {"refinement": False}
    model = published(name, layout, **options)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == count


def test_unknown_may_be_0_5_or_128_of_255(published):
    model = published("dim_vgg16", "dim/dim_unpool_vgg16.layout.json")
    image = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    trimap = np.random.default_rng(1).integers(0, 3, (1, 32, 32, 1)) / np.float32(2)
    half = model({"image": image, "trimap": trimap})["alpha"]
    byte = model({"image": image, "trimap": np.where(trimap == 0.5, 128 / 255, trimap)})["alpha"]
    np.testing.assert_array_equal(half, byte)


def test_bilinear_takes_any_size(cached_model):
    model = cached_model("dim_vgg16_bilinear", (None, None, 3), True)
    image, trimap = np.zeros((2, 75, 93, 3), np.float32), np.zeros((2, 75, 93, 1), np.float32)
    assert model({"image": image, "trimap": trimap})["alpha"].shape == (2, 75, 93, 1)


def test_imagenet_weights_are_the_same_function():
    keras.utils.set_random_seed(0)
    source = keras.applications.VGG16(include_top=False, weights=None)
    model = create_model("dim_vgg16", (64, 96, 3))
    for layer in model.layers:  # nonzero biases, as in the ImageNet weights
        if layer.name.startswith("backbone"):
            layer.set_weights([w + 0.01 for w in layer.get_weights()])
    config = dim.VARIANTS["dim_vgg16"]
    vgg.load_imagenet(model, config["mean"], config["std"], source)
    image = np.random.default_rng(0).random((1, 64, 96, 3), np.float32)
    taps = keras.Model(source.input, source.get_layer("block1_conv1").output)
    expected = taps(keras.applications.vgg16.preprocess_input(255.0 * image))
    ours = keras.Model(model.input, model.get_layer("backbone_stage1_1_relu").output)
    trimap = np.random.default_rng(1).integers(0, 3, (1, 64, 96, 1)) / np.float32(2)
    found = ours({"image": image, "trimap": trimap})
    # not at the border: one pads with zeros before normalisation, the other after it
    np.testing.assert_allclose(
        found[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-5 * np.max(expected)
    )
