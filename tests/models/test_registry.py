"""Properties of every model.

Networks have fewer blocks per stage than published; tests of the methods build them in full.
"""

import numpy as np
import pytest
import shallow
import tensorflow as tf
from tensorflow import keras

from keras_matting.models import create_model, list_models, load_weights

SMALL = dict(width=0.35)  # for methods that take it
# slow to build and run, share their code with others here, and have tests of their methods
LEFT_OUT = ("gfm_resnet101", "gfm_resnet34_2b", "ppmatting_hrnet_w48")
LEFT_OUT += ("gfm_densenet121_ft", "gfm_densenet121_bt")


def small(name):
    return SMALL if name.startswith("modnet_mobilenetv2") else {}


def inputs(model, batch, height, width):
    """Return random images, and a trimap with all three values if the model takes one."""
    rng = np.random.default_rng(0)
    values = {key: rng.random((batch, height, width, 3), np.float32) for key in model.input}
    if "trimap" in values:
        values["trimap"] = np.float32(rng.integers(0, 3, (batch, height, width, 1)) / 2)
    return values


@pytest.fixture(scope="module", params=[n for n in list_models() if not n.startswith(LEFT_OUT)])
def model(request):
    keras.utils.set_random_seed(1)
    name = request.param
    with pytest.MonkeyPatch.context() as patch:
        shallow.apply(patch.setattr)
        return create_model(name, (None, None, 3), training_heads=True, **small(name))


def test_sizes_and_ranges(model):
    for size in ((2, 64, 96), (1, 96, 64)):
        outputs = model(inputs(model, *size))
        main = outputs["alpha" if "alpha" in outputs else "semantic"]
        assert main.shape[:3] == size
        for name, output in outputs.items():
            assert output.dtype == tf.float32
            assert np.isfinite(output).all(), name
            if name.startswith(("alpha", "foreground")) and not model.name.endswith("_rim"):
                assert 0.0 <= np.min(output) and np.max(output) <= 1.0, name


def test_every_variable_receives_a_gradient(model):
    with tf.GradientTape() as tape:
        outputs = model(inputs(model, 2, 64, 96), training=True)
        loss = tf.add_n([tf.reduce_mean(tf.square(output - 0.3)) for output in outputs.values()])
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name


def test_unknown_names_and_wrong_weights_are_reported(tmp_path):
    with pytest.raises(ValueError, match="unknown model 'modnet'; available: .*modnet_mobilenetv2"):
        create_model("modnet")
    with pytest.raises(ValueError, match="bisenetv2 does not take width; its options: num_classes"):
        create_model("bisenetv2", width=0.5)
    with pytest.raises(ValueError, match="no ImageNet weights for bisenetv2"):
        create_model("bisenetv2", weights="imagenet")
    with pytest.raises(FileNotFoundError, match="missing.weights.h5"):
        create_model("modnet_mobilenetv2", weights="missing.weights.h5")
    other = tmp_path / "other.weights.h5"
    create_model("modnet_mobilenetv2_mobile", (64, 64, 3), width=0.5).save_weights(other)
    with pytest.raises(ValueError, match="other.weights.h5 does not match modnet_m"):
        create_model("modnet_mobilenetv2_mobile", (64, 64, 3), weights=str(other), **SMALL)


@pytest.mark.parametrize("name", ["modnet_mobilenetv2_mobile", "dim_vgg16_mobile", "gca_mobile"])
def test_a_side_that_the_strides_do_not_divide(name):
    with pytest.raises(ValueError, match=f"{name} cannot be .* 96x100: .* a multiple of 32$"):
        create_model(name, (96, 100, 3))


def test_a_file_without_heads_cannot_be_trained_further(tmp_path):
    path = tmp_path / "plain.weights.h5"
    create_model("modnet_mobilenetv2_mobile", (64, 64, 3), **SMALL).save_weights(path)
    full = create_model("modnet_mobilenetv2_mobile", (64, 64, 3), training_heads=True, **SMALL)
    with pytest.raises(ValueError, match="no weights for the training heads"):
        load_weights(full, path, training_heads=True)
