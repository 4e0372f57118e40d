"""Short videos with exact alpha: drawn figures that move over drawn backgrounds.

A figure sways, turns and drifts, and parts of it bend; the camera pans and zooms over the
background. Every frame has its own grain, which is what makes the mattes of an image network
flicker.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from keras_matting.data.synthetic.drawing import noise, spread

FRAMES_PER_SECOND = 30
_MARGIN = 1.35  # figure and background are drawn larger than the frame, so that they can move
_FINE = 2  # and twice as fine, so that moved edges stay exact


def moving_frames(
    figure: tuple,
    scene: np.ndarray,
    rng: np.random.Generator,
    count: int,
    height: int,
    width: int,
    speed: float = 1.0,
) -> Iterator[dict]:
    """Yield `count` frames: foreground, alpha and background, uint8 (height, width, 3 or 1).

    `figure` is foreground and alpha, `scene` a background, all drawn at `drawn_size`. `speed` is
    that of all movement. Foreground and background have the same grain, so that it is in
    their composite too.
    """
    layer = np.dstack(figure)
    bend = cv2.merge([noise(rng, *layer.shape[:2], 2, 2) for _ in range(2)])
    bend *= 0.02 * min(layer.shape[:2])
    ways, grain = rng.uniform(-1, 1, (2, 6)), rng.uniform(1, 6)
    for time in speed * np.arange(count) / FRAMES_PER_SECOND:
        bent = bend * np.float32(np.sin(1.7 * time))
        moved = _moved(layer, _motion(time, ways[0], 0.05), height, width, bent)
        behind = _moved(scene, _motion(time, ways[1], 0.03), height, width)
        speck = rng.normal(0, grain, (height, width, 3)).astype(np.float32)
        yield {
            "foreground": _bytes(moved[..., :3] + speck),
            "alpha": moved[..., 3:],
            "background": _bytes(behind + speck),
        }


def drawn_size(height, width):
    """Return the (height, width) at which `moving_frames` takes its figure and scene."""
    return round(_MARGIN * _FINE * height), round(_MARGIN * _FINE * width)


def composite(frame: dict) -> np.ndarray:
    """Return the image of a frame, uint8 (H, W, 3)."""
    opacity = spread(frame["alpha"][..., 0] / np.float32(255))
    return _bytes(opacity * frame["foreground"] + (1 - opacity) * frame["background"])


def _motion(time, way, reach):
    """Return a shift (across, down) in shares of the frame, a scale and an angle at `time`."""
    waves = np.sin(2 * np.pi * (0.3 + 0.45 * np.abs(way[:4])) * time + np.pi * way[:4])
    drift = np.clip(way[4:] * reach * time, -0.04, 0.04)
    return reach * waves[:2] + drift, 1 + reach * waves[2], reach * waves[3]


def _moved(picture, motion, height, width, bend=None):
    """Return the part of a large uint8 picture that the frame shows, (height, width, channels)."""
    shift, scale, angle = motion
    size = np.array([_FINE * width, _FINE * height])
    turn = cv2.getRotationMatrix2D((0, 0), np.degrees(angle), scale)[:, :2]
    corner = np.array(picture.shape[1::-1]) / 2 - turn @ (size / 2) + shift * size
    x, y = (np.arange(side, dtype=np.float32) for side in size)
    where = [
        np.float32(a) * x + np.float32(b) * y[:, None] + np.float32(c)
        for (a, b), c in zip(turn, corner, strict=True)
    ]
    if bend is not None:
        bent = cv2.remap(bend, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        where = [plane + bent[..., i] for i, plane in enumerate(where)]
    fine = cv2.remap(picture, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def _bytes(values):
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
