"""Quantization-aware training of a recipe: from float weights, and on from its own."""

import numpy as np
from noise import SIDE, noise
from running import MOBILE, arrays, run

from keras_matting import weights_files
from keras_matting.models import create_model
from keras_matting.training import sources

SHORT = [*MOBILE, "--epochs=1", "--steps_per_epoch=2", f"--size={SIDE}"]


def kernels(path):
    """Sums of the convolutions' kernels in a weights file."""
    return sorted(float(x.astype(np.float64).sum()) for x in arrays(path).values() if x.ndim == 4)


def test_it_goes_on_from_its_own_weights(shallow, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "composites", noise)
    network = create_model("modnet_mobilenetv2_mobile", (SIDE, SIDE, 3), True, width=0.35)
    start = tmp_path / "float.weights.h5"
    weights_files.save(network, start)
    first = run("modnet", tmp_path / "1", *SHORT, f"--quantize={start}")
    assert f"Quantizing the float weights {start}." in first
    trained, later = (tmp_path / name / "last.weights.h5" for name in "12")
    given = [f"--quantize={trained}", "--learning_rate=1e-20"]  # so that kernels stay
    second = run("modnet", tmp_path / "2", *SHORT, *given)
    assert f"Going on with the quantization-aware weights {trained}." in second
    assert weights_files.is_quantized(later)
    assert kernels(later) == kernels(trained) != kernels(start)
    before, after = arrays(trained), arrays(later)
    assert before.keys() == after.keys()
    # ranges go on being observed
    assert any(not np.array_equal(before[name], after[name]) for name in before)
