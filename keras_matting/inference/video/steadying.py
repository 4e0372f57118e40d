"""Filters over time that take the flicker out of the mattes of an image network.

`steadied` applies both: the one-frame delay replaces a pixel that differs from both neighbours in
time, smoothing damps what remains where little moves.
"""

from collections.abc import Iterable, Iterator

import numpy as np

SIMILAR = 0.1  # the paper's xi
STILL, MOTION = 0.3, 0.35  # as in android_demo's Smoothing.kt


def one_frame_delay(before, now, after):
    """Return alpha `now` with its flickering pixels replaced by the mean of both neighbours.

    A pixel flickers if its neighbours in time differ by at most 0.1 and it differs from both by
    more: Ke et al., "Is a Green Screen Really Necessary for Real-Time Portrait Matting?", section
    4.4. All are float32 (H, W) in [0, 1].
    """
    flickers = np.abs(before - after) <= SIMILAR
    flickers &= np.abs(now - before) > SIMILAR
    flickers &= np.abs(now - after) > SIMILAR
    return np.where(flickers, (before + after) / 2, now)


def smoothed(before, now, still=STILL, motion=MOTION):
    """Return alpha `now` averaged with the smoothed alpha `before`, as the Android app does.

    before + share * (now - before), where share rises from `still` for no change to 1 for a change
    of `motion` or more. Both are float32 (H, W) in [0, 1].
    """
    change = now - before
    share = np.minimum(1, np.float32(still) + np.float32((1 - still) / motion) * np.abs(change))
    return before + share * change


def steadied(alphas: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the alphas (H, W) of a video with both filters applied; reads one frame ahead."""
    return smoothed_frames(delayed_frames(alphas))


def delayed_frames(alphas: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield alphas after `one_frame_delay`; the first and the last pass unchanged."""
    before = now = None
    for after in alphas:
        if before is not None:
            yield one_frame_delay(before, now, after)
        elif now is not None:
            yield now
        before, now = now, after
    if now is not None:
        yield now


def smoothed_frames(alphas: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield alphas after `smoothed`; the first passes unchanged."""
    smooth = None
    for alpha in alphas:
        smooth = alpha if smooth is None else smoothed(smooth, alpha)
        yield smooth
