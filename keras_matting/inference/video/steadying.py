"""Filters over time that take the flicker out of the mattes of an image network.

`steadied` applies both: the one-frame delay replaces a pixel that differs from both neighbours in
time; smoothing damps what remains where neither the matte nor the picture changes much.
"""

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

SIMILAR = 0.1  # the paper's xi
STILL, MOTION = 0.3, 0.35  # as in android_demo's Smoothing.kt
MOVED = 12  # difference of colours, of 255, from which a pixel has moved; above the grain
_SIDE = 216  # pixels; pictures are compared at this size
_WINDOW = 7


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


def smoothed(before, now, moved=0, *, still=STILL, motion=MOTION):
    """Return alpha `now` averaged with the smoothed alpha `before`.

    before + share * (now - before), where share rises from `still` for no change to 1 for a change
    of `motion` or more, as in the Android app. It is at least `moved`, float32 (H, W) in [0, 1].
    """
    change = now - before
    share = np.minimum(1, np.float32(still) + np.float32((1 - still) / motion) * np.abs(change))
    return before + np.maximum(share, np.float32(moved)) * change


def movement(before, now):
    """Return how much has moved between two pictures, uint8 (H, W, 3) -> float32 in [0, 1].

    A difference of `MOVED` in any colour is 1, also for pixels near it: the edge of a matte lies
    beside the edge of the picture. Smaller windows would see grain as movement.
    """
    changed = cv2.absdiff(*(cv2.blur(x, (_WINDOW, _WINDOW)) for x in (before, now))).max(2)
    changed = cv2.dilate(changed, np.ones((_WINDOW, _WINDOW), np.uint8))
    return np.minimum(changed * np.float32(1 / MOVED), 1)


def steadied(frames: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield alphas (H, W) after both filters, one frame late.

    `frames` are images, uint8 (H, W, 3), with their alphas, float32 (H, W). Where a picture moves,
    its matte is not smoothed, so that it does not lag behind.
    """
    pictures = deque()

    def alphas():
        for image, alpha in frames:
            pictures.append(_small(image))
            yield alpha

    before = smooth = None
    for alpha in delayed_frames(alphas()):
        picture = pictures.popleft()
        if smooth is None:
            smooth = alpha
        else:
            moved = cv2.resize(movement(before, picture), alpha.shape[::-1])
            smooth = smoothed(smooth, alpha, moved)
        before = picture
        yield smooth


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
    """Yield alphas smoothed as in the Android app, which does not compare pictures."""
    smooth = None
    for alpha in alphas:
        smooth = alpha if smooth is None else smoothed(smooth, alpha)
        yield smooth


def _small(image):
    scale = _SIDE / min(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
