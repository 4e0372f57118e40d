"""dtSSD, the temporal coherence of a video's alpha mattes.

Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", BMVC 2015, with the mean over
pixels instead of their sum, as in the evaluation of Robust Video Matting, so that videos of
different sizes compare. Papers often print 100 * dtSSD.
"""

import math
from collections.abc import Iterable

import numpy as np

from keras_matting.metrics.matting import checked


def dtssd(predictions: Iterable, alphas: Iterable) -> float:
    """Return the error of the change from frame to frame, averaged over all frames but the first.

    For each pair of successive frames, it is the root mean square over pixels of
    (prediction[t] - prediction[t-1]) - (alpha[t] - alpha[t-1]). A constant error scores 0.

    Args:
        predictions, alphas: equally many mattes, as for `mad`; arrays (T, H, W) or iterables of
            (H, W), of which two frames at a time are held.

    Raises:
        ValueError: fewer than two frames, different numbers of frames, or mattes that `mad`
            refuses.
    """
    previous, errors = None, []
    for prediction, alpha in zip(predictions, alphas, strict=True):
        p, a, _ = checked(prediction, alpha)
        error = (p - a) / 255.0
        if previous is not None:
            if error.shape != previous.shape:
                raise ValueError("frames of a video must have the same size")
            errors.append(math.sqrt(np.square(error - previous).mean()))
        previous = error
    if not errors:
        raise ValueError("dtSSD compares successive frames; pass two or more")
    return float(np.mean(errors))
