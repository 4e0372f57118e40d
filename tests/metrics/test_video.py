"""dtSSD against values computed by hand."""

import numpy as np
import pytest

from keras_matting.metrics import dtssd


def test_three_frames_of_two_pixels():
    alphas = [[[0.0, 1.0]], [[0.0, 0.6]], [[0.2, 0.6]]]
    predictions = [[[0.0, 1.0]], [[0.3, 1.0]], [[0.5, 1.0]]]
    # differences of the changes: (0.3, 0.4), then (0.2 - 0.2, 0 - 0)
    expected = (np.sqrt((0.3**2 + 0.4**2) / 2) + 0.0) / 2
    assert dtssd(np.array(predictions), np.array(alphas)) == pytest.approx(expected, rel=1e-12)


def test_a_constant_error_is_coherent_and_8_bit_counts_like_float():
    alphas = np.random.default_rng(0).integers(0, 200, (4, 3, 5), np.uint8)
    assert dtssd(alphas + np.uint8(50), alphas) == 0.0
    flicker = alphas + np.uint8([0, 51, 0, 51])[:, None, None]
    assert dtssd(iter(flicker), iter(alphas)) == pytest.approx(0.2, rel=1e-12)
    assert dtssd(flicker / 255, alphas) == pytest.approx(0.2, rel=1e-12)


def test_invalid_videos_are_refused():
    frame = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="two or more"):
        dtssd([frame], [frame])
    with pytest.raises(ValueError, match="longer"):
        dtssd([frame], [frame, frame])
    with pytest.raises(ValueError, match="prediction is 2x2 pixels and alpha 2x3"):
        dtssd([frame], [np.zeros((2, 3), np.uint8)])
    other = np.zeros((2, 3), np.uint8)
    with pytest.raises(ValueError, match="same size"):
        dtssd([frame, other], [frame, other])
