"""Three steps of every stage of the methods that have several, in both precisions.

Apart from `test_methods`, so that two processes share the work.
"""

import numpy as np
import pytest
from running import PRECISIONS, arrays, train


@pytest.mark.parametrize("precision", PRECISIONS)
def test_dim_stage_by_stage(precision, tmp_path):
    first = train("dim", tmp_path / "1", precision)
    second = train("dim", tmp_path / "2", precision, "--stage=refinement", f"--weights={first}")
    third = train("dim", tmp_path / "3", precision, "--stage=everything", f"--weights={second}")
    known = list(arrays(first).values())

    def changed(path):
        """How many of the encoder-decoder's arrays are not in a later file any more."""
        later = list(arrays(path).values())
        return sum(not any(np.array_equal(x, y) for y in later) for x in known)

    assert changed(second) == 0 and changed(third) > 20


@pytest.mark.parametrize("precision", PRECISIONS)
def test_bgmv2_base_then_refinement(precision, tmp_path):
    base = train("bgmv2", tmp_path / "1", precision)
    train("bgmv2", tmp_path / "2", precision, "--stage=refine", f"--base={base}")
