"""Three steps of every stage of the methods with several, in both precisions.

A file of its own, so that two test processes share the work. As in `test_methods`, DIM is the
published network in float32 and the mobile one in bfloat16.
"""

import numpy as np
import pytest
from running import HALF, arrays, train

pytestmark = pytest.mark.usefixtures("shallow")


@pytest.mark.parametrize("flags", [[], ["--model=dim_vgg16_mobile", HALF]], ids=["float", "half"])
def test_dim_stage_by_stage(flags, tmp_path):
    first = train("dim", tmp_path / "1", *flags)
    second = train("dim", tmp_path / "2", *flags, "--stage=refinement", f"--weights={first}")
    third = train("dim", tmp_path / "3", *flags, "--stage=everything", f"--weights={second}")
    known = list(arrays(first).values())

    def changed(path):
        """How many of the encoder-decoder's arrays are not in a later file any more."""
        later = list(arrays(path).values())
        return sum(not any(np.array_equal(x, y) for y in later) for x in known)

    assert changed(second) == 0 and changed(third) > 20


@pytest.mark.parametrize("flags", [[], [HALF]], ids=["float", "half"])
def test_bgmv2_base_then_refinement(flags, tmp_path):
    base = train("bgmv2", tmp_path / "1", *flags)
    train("bgmv2", tmp_path / "2", *flags, "--stage=refine", f"--base={base}")
