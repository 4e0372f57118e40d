"""NumPy metrics against Deep Image Matting's MATLAB code and hand-computed values."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from keras_matting.metrics import connectivity_error, gradient_error, mad, mse, sad

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics"
RECORDED = json.loads((GOLDEN / "metrics.json").read_text())["pairs"]
METRICS = {"sad": sad, "mse": mse, "grad": gradient_error, "conn": connectivity_error}
TYPES = {
    "uint8": lambda a: a,
    "float32": lambda a: a.astype(np.float32) / np.float32(255),
    "float32_times": lambda a: a.astype(np.float32) * np.float32(1 / 255),
    "float64": lambda a: a / 255.0,
}


@pytest.fixture(scope="module")
def pairs():
    with np.load(GOLDEN / "pairs.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", RECORDED)
def test_equals_the_matlab_evaluation(pairs, name, kind):
    prediction, alpha = TYPES[kind](pairs[f"{name}.pred"]), TYPES[kind](pairs[f"{name}.gt"])
    for region, trimap in (("", pairs[f"{name}.trimap"]), ("_whole", None)):
        recorded = RECORDED[name][f"dim_matlab{region}_double_accumulation"]
        for key, metric in METRICS.items():
            expected = float(recorded[key])
            value = metric(prediction[..., None], alpha, trimap)
            assert value == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True), (region, key)


@pytest.mark.parametrize("name", RECORDED)
def test_mad_without_trimap_equals_gfm(pairs, name):
    expected = RECORDED[name]["gfm"]["mad_whole"]
    assert mad(pairs[f"{name}.pred"], pairs[f"{name}.gt"]) == pytest.approx(expected, rel=1e-7)


def test_values_computed_by_hand():
    prediction = np.array([[0, 51], [102, 255]], np.uint8)
    alpha = np.array([[0, 0], [255, 255]], np.uint8)
    trimap = np.array([[0, 128], [128, 255]], np.uint8)  # counted errors: 0.2 and 0.6
    assert sad(prediction, alpha, trimap) == pytest.approx(0.8 / 1000)
    assert mad(prediction, alpha, trimap) == pytest.approx(0.4)
    assert mse(prediction, alpha, trimap) == pytest.approx((0.04 + 0.36) / 2)
    assert mad(prediction, alpha) == pytest.approx(0.2)


def test_no_unknown_pixels():
    alpha = np.tile(np.arange(64, dtype=np.uint8), (40, 1))
    prediction, trimap = alpha[:, ::-1], np.full_like(alpha, 255)
    assert sad(prediction, alpha, trimap) == 0.0
    assert gradient_error(prediction, alpha, trimap) == 0.0
    assert connectivity_error(prediction, alpha, trimap) == 0.0
    assert math.isnan(mse(prediction, alpha, trimap))
    assert math.isnan(mad(prediction, alpha, trimap))


def test_floats_between_8_bit_levels_keep_their_precision():
    alpha = np.full((4, 5), 0.5, np.float32)
    assert mad(alpha + np.float32(1e-4), alpha) == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_connectivity_follows_its_definition_where_components_tie(seed):
    random = np.random.default_rng(seed)
    height, width = 120 + 61 * seed, 200 - 30 * seed
    alpha = random.choice([0, 30, 60, 130, 255], (height, width)).astype(np.uint8)
    prediction = random.choice([0, 26, 77, 153, 255], (height, width)).astype(np.uint8)
    expected = _connectivity_by_definition(prediction, alpha)
    assert connectivity_error(prediction, alpha) == pytest.approx(expected, rel=1e-12)


def _connectivity_by_definition(prediction, alpha):
    threshold = [26, 51, 77, 102, 128, 153, 179, 204, 230, 255]
    held = np.full(alpha.shape, np.nan)
    for i, least in enumerate(threshold):
        labels, found = ndimage.label(((prediction >= least) & (alpha >= least)).T)
        areas = np.bincount(labels.ravel(), minlength=found + 1)
        areas[0] = 0
        column_by_column = labels[(areas[labels] == areas.max()) & (labels > 0)]
        largest = column_by_column[0] if found else -1
        labels = labels.T
        held[np.isnan(held) & (labels != largest)] = i / 10
    held[np.isnan(held)] = 1.0
    phi = []
    for matte in (prediction / 255, alpha / 255):
        distance = matte - held
        phi.append(np.where(distance >= 0.15, 1 - distance, 1.0))
    return np.abs(phi[0] - phi[1]).sum() / 1000


@pytest.mark.parametrize("metric", [*METRICS.values(), mad])
@pytest.mark.parametrize(
    ("prediction", "trimap", "message"),
    [
        (np.zeros((4, 6), np.uint8), None, "prediction is 4x6 pixels and alpha 4x5"),
        (np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint8), "and trimap 5x4"),
        (np.zeros((4, 5, 3), np.uint8), None, r"prediction has shape \(4, 5, 3\)"),
        (np.zeros((4, 5), np.int64), None, "prediction is int64"),
        (np.zeros((4, 5), bool), None, "prediction is bool"),
        (np.full((4, 5), 255.0), None, r"from 255.0 to 255.0; scale or clip it to \[0, 1\]"),
        (np.full((4, 5), -0.01), None, "from -0.01"),
        (np.full((4, 5), np.nan), None, "from nan"),
        (np.zeros((4, 5), np.uint8), np.full((4, 5), 127, np.uint8), "trimap must be uint8"),
        (np.zeros((4, 5), np.uint8), np.full((4, 5), 128.0), "trimap must be uint8"),
    ],
)
def test_invalid_input_is_refused(metric, prediction, trimap, message):
    with pytest.raises(ValueError, match=message):
        metric(prediction, np.zeros((4, 5), np.uint8), trimap)


def test_tensorflow_is_not_imported():
    code = "import sys, keras_matting.metrics; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
