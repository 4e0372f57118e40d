"""Every mobile variant becomes files that keep their promises and compute what Keras computes."""

import numpy as np
import pytest

from export import metadata
from export.convert import convert, representative_inputs
from export.interpreters import RUNTIMES, Exported, structure
from export.promises import is_discontinuous, may_be_float, promises_broken
from export.stand_in_weights import fill
from keras_matting.models import MODELS, create_model, list_models

SIZE = (32, 64)
VARIANTS = [name for name in list_models() if name.endswith("_mobile")]
TRIMAP, PAIR = ["image", "trimap"], ["image", "background"]
INPUTS = dict.fromkeys(("dim_vgg16_mobile", "dim_mobilenetv2_mobile", "gca_mobile"), TRIMAP)
INPUTS |= {"bgmv2_base_mobilenetv2_mobile": PAIR}
OUTPUTS = {
    "bgmv2_base_mobilenetv2_mobile": ["alpha", "foreground"],
    "bisenetv2_mobile": ["alpha", "semantic"],
}
# what integers need; further ones of a network beside it
OPERATORS = {"ADD", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "LOGISTIC", "MEAN", "MUL"}
OPERATORS |= {
    "STRIDED_SLICE",
    "RESIZE_NEAREST_NEIGHBOR",
    "QUANTIZE",
    "SPLIT",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
}
CHOOSING = {"GREATER", "MAXIMUM", "MINIMUM", "RELU", "SELECT", "SELECT_V2", "SUB", "LESS"}
ATTENTION = {"BATCH_MATMUL", "SOFTMAX", "RESHAPE", "PAD", "MIRROR_PAD", "REDUCE_MAX", "DIV", "SUM"}
ATTENTION |= {"SQUARE", "SQRT", "DEQUANTIZE", "DEPTH_TO_SPACE"}
FURTHER = {"gca_mobile": ATTENTION, "ppmatting_mobilenetv2_mobile": {"DEPTH_TO_SPACE"}}


@pytest.fixture(scope="module", params=VARIANTS)
def converted(request):
    """(model, {"float32": bytes, "int8": bytes}, inputs) of one variant with stand-in weights."""
    name = request.param
    options = {"width": 0.35} if name.startswith("modnet") else {}
    model = create_model(name, (*SIZE, 3), **options)
    inputs = representative_inputs(model.input, *SIZE, count=3)
    fill(model, inputs)
    return model, {f: convert(model, f, inputs) for f in ("float32", "int8")}, inputs


def test_there_is_one_of_every_method():
    assert {MODELS[name] for name in VARIANTS} == set(MODELS.values())


@pytest.mark.parametrize("format", ["float32", "int8"])
def test_signature_and_metadata(converted, format):
    model, files, _ = converted
    found = structure(files[format])
    inputs = INPUTS.get(model.name, ["image"])
    outputs = OUTPUTS.get(model.name, ["alpha"])
    assert sorted(found["dtypes"]) == sorted([*inputs, *outputs])
    assert Exported(files[format]).size == SIZE
    said = metadata.read(files[format])
    assert said["name"] == model.name and "at 32x64" in said["description"]
    assert (sorted(said["inputs"]), sorted(said["outputs"])) == (sorted(inputs), outputs)
    assert said["labels"] == (["background", "foreground"] if "semantic" in outputs else [])


def test_float32_is_what_keras_computes_in_every_runtime(converted):
    model, files, inputs = converted
    expected = model(inputs, training=False)
    assert np.ptp(expected["alpha"]) > 0.02
    for runtime in RUNTIMES:
        found = Exported(files["float32"], runtime)(inputs)
        for name, values in found.items():
            difference = np.abs(values - expected[name].numpy())
            # where two classes are equal except for rounding, a pixel may be either
            assert np.percentile(difference, 99) < 1e-4, (runtime, name)


def test_int8_has_no_float_tensor(converted):
    model, files, _ = converted
    assert promises_broken(files["int8"], "int8") == []
    found = structure(files["int8"])
    if model.name == "gca_mobile":
        assert all(may_be_float(name) for name in found["float_results"])
        assert not any("_conv/" in name for name in found["float_results"])
    else:
        assert found["float_tensors"] == []
    assert set(found["dtypes"].values()) == {"int8"}


@pytest.mark.parametrize("format", ["float32", "int8"])
def test_operators_are_those_that_phones_have(converted, format):
    model, files, _ = converted
    known = OPERATORS | CHOOSING
    known |= FURTHER.get(model.name, set())
    assert set(structure(files[format])["operators"]) - known == set()


def test_int8_runs_alike_everywhere_and_like_keras(converted):
    model, files, inputs = converted
    expected = model(inputs, training=False)["alpha"].numpy()
    # of fused classes, one pixel in ten may be the other; drawn weights leave many undecided
    limit = 0.1 if is_discontinuous(model) else 0.05
    for runtime in RUNTIMES:
        found = Exported(files["int8"], runtime)(inputs)["alpha"]
        assert np.abs(found - expected).mean() < limit, runtime
