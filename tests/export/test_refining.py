"""Background Matting with its refinement becomes files, which choose cells and patch them."""

import functools

import numpy as np
import pytest
import shallow

from export.convert import check, convert, representative_inputs
from export.interpreters import RUNTIMES, Exported, structure
from export.promises import may_be_float, promises_broken
from export.stand_in_weights import fill
from keras_matting.models import create_model, without_heads

SIZE = (64, 96)
# a third of the cells; those with an error above a value that some have; all
MODES = {
    "sampling": dict(refine_sample_pixels=64 * 96 // 3),
    "thresholding": dict(refine_threshold=0.2),
    "full": {},
}


@functools.cache
def network(mode):
    """(model, inputs, share of cells that it refines), with a shallow backbone and stand-ins."""
    with pytest.MonkeyPatch.context() as patch:
        shallow.apply(patch.setattr)
        heads = create_model("bgmv2_mobilenetv2", (*SIZE, 3), True, refine_mode=mode, **MODES[mode])
    inputs = representative_inputs(heads.input, *SIZE, count=2)
    if mode == "sampling":
        fill(heads, inputs)
    else:
        heads.set_weights(network("sampling")[0].get_weights())
    refined = float(np.mean(heads(inputs, training=False)["refined"]))
    return without_heads(heads), inputs, refined


@pytest.mark.parametrize("mode", MODES)
def test_a_float_file_equals_keras_in_every_runtime(mode):
    model, inputs, refined = network(mode)
    assert refined == 1.0 if mode == "full" else 0.1 < refined < 0.9
    data = convert(model, "float32")
    operators = set(structure(data)["operators"])
    assert not [name for name in operators if name.startswith(("Flex", "CUSTOM"))]
    expected = model(inputs, training=False)
    for runtime in RUNTIMES:
        for name, values in Exported(data, runtime)(inputs).items():
            np.testing.assert_allclose(values, expected[name], atol=1e-4, err_msg=runtime)


def test_an_int8_file_refines_in_float():
    model, inputs, _ = network("sampling")
    data = convert(model, "int8", inputs)
    assert promises_broken(data, "int8") == []
    found = structure(data)
    assert all(map(may_be_float, found["float_results"]))
    assert not [name for name in found["float_results"] if "backbone" in name or "decoder" in name]
    assert {"TOPK_V2", "GATHER", "SCATTER_ND"} <= set(found["operators"])
    check(data, model, "int8", inputs)
