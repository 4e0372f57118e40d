"""--precision mixed_float16: the loss scale comes down, and then the weights change.

Training steps only, on a batch of noise: SOC, which has two passes, DIM and Background Matting.
"""

import importlib

import numpy as np
import pytest
import running
from noise import SIDE, noise

from keras_matting.training import run, sources

pytestmark = pytest.mark.usefixtures("shallow")

SMALLEST = {
    "modnet_soc": [*running.MOBILE, "--learning_rate=1e-3"],
    "dim": ["--model=dim_mobilenetv2_mobile"],
    "bgmv2": ["--model=bgmv2_base_mobilenetv2_mobile"],
}
FIRST_SCALE = 2.0**15
STEPS = 2  # between two looks at the loss scale


@pytest.mark.parametrize("name", SMALLEST)
def test_weights_change_and_stay_finite(name, tmp_path, monkeypatch):
    ran = []

    def fit(model, options, data, monitor, strategy, network=None, callbacks=()):
        run.make_variables(model)
        weights = (network or model).trainable_variables
        before = [weight.numpy() for weight in weights]
        assert float(model.optimizer.loss_scale) == FIRST_SCALE
        for _ in range(16):
            model.fit(data.stream(0), steps_per_epoch=STEPS, verbose=0, callbacks=list(callbacks))
            # a step that overflowed halves the scale and changes nothing
            skipped = np.log2(FIRST_SCALE / float(model.optimizer.loss_scale))
            if taken := int(model.optimizer.iterations) - int(skipped):
                break
        after = [weight.numpy() for weight in weights]
        moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        ran.append((taken, np.mean(moved)))
        for weight in (network or model).weights:
            assert np.isfinite(weight.numpy()).all(), weight.name

    monkeypatch.setattr(run, "fit", fit)
    monkeypatch.setattr(sources, "composites", noise)
    if name == "modnet_soc":
        monkeypatch.setattr(importlib.import_module(f"recipes.{name}"), "photographs", noise)
    flags = ["--precision=mixed_float16", f"--size={SIDE}"]
    running.run(name, tmp_path, *flags, *SMALLEST[name])
    ((taken, share),) = ran
    assert taken > 0 and share > 0.9
