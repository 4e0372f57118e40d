"""BiSeNetV2 equals the released implementation for the same weights."""

import numpy as np
import pytest
from recordings import published_state, recording, unnormalised

from keras_matting.models import create_model
from keras_matting.models.bisenetv2 import MEAN, STD
from keras_matting.weights import load_published

TOLERANCE = 1e-4  # of logits; the reference differs by 2e-5 between float32 and float64
RECORDINGS = ("c19_train_64x96", "c19_eval_64x96", "c2_train_64x96")


@pytest.fixture
def run(cached_model):
    """Return (recording, outputs of the network with its weights)."""

    def run(config, training_heads):
        classes, mode, _ = config.split("_")
        layout = f"bisenetv2/bisenetv2_{classes}_{mode}.layout.json"
        state = published_state(layout, f"bisenetv2/bisenetv2_{config}.meta.json")
        num_classes = int(classes.removeprefix("c"))
        model = cached_model(
            "bisenetv2", (None, None, 3), training_heads, num_classes=num_classes
        )
        golden = recording(f"bisenetv2/bisenetv2_{config}.npz")
        load_published(model, state)
        return golden, model({"image": unnormalised(golden["input"], MEAN, STD)}, training=False)

    return run


@pytest.mark.parametrize("config", RECORDINGS)
def test_logits_equal_the_published_network(config, run):
    golden, outputs = run(config, training_heads="train" in config)
    compared = 0
    for name, expected in golden.items():
        if not name.startswith("logits"):
            continue
        *_, step = name.rsplit("_s", 1) if "_s" in name else (1,)
        level = next((i for i in "2345" if f"aux{i}" in name), None)
        found = outputs[f"auxiliary{level}" if level else "semantic"]
        found = found[:, :: int(step), :: int(step)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE, err_msg=name)
        compared += 1
    assert compared == (5 if "train" in config else 1)
    if "argmax" in golden:
        np.testing.assert_array_equal(np.argmax(outputs["semantic"], -1), golden["argmax"])


def test_alpha_is_the_probability_of_the_second_class(run):
    _, outputs = run("c2_train_64x96", training_heads=False)
    logits = np.float64(outputs["semantic"])
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    expected = exponentials[..., 1:] / exponentials.sum(-1, keepdims=True)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(outputs["alpha"], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "num_classes, training_heads, count",
    [(19, True, 5_231_487), (19, False, 3_358_627), (2, True, 5_190_874), (2, False, 3_341_202)],
)
def test_trainable_parameters_are_the_published_count(
    num_classes, training_heads, count, cached_model
):
    model = cached_model("bisenetv2", (None, None, 3), training_heads, num_classes=num_classes)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == count


def test_the_paper_expands_in_the_first_convolution():
    model = create_model("bisenetv2_paper", (64, 64, 3))
    assert model.get_layer("semantic4_0_gather_conv").kernel.shape == (3, 3, 32, 192)
    assert model.get_layer("semantic4_0_depthwise0_conv").depthwise_kernel.shape == (3, 3, 192, 1)
