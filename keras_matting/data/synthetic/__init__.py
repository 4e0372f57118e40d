"""Synthetic figures with exact soft alphas, and backgrounds, drawn from a seed without downloads.

Colour and alpha come from one supersampled drawing, so mattes are exact down to single strands. As
in photographs, figures are slightly out of focus, together with their alphas, and colours have
lighting and grain. `python -m keras_matting.data.synthetic sheet.png` draws a contact sheet.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from keras_matting.atomic import replacing
from keras_matting.data.source import Source
from keras_matting.data.synthetic.animals import animal
from keras_matting.data.synthetic.backgrounds import background
from keras_matting.data.synthetic.drawing import noise, shade, soft, spread
from keras_matting.data.synthetic.materials import grain
from keras_matting.data.synthetic.motion import composite, drawn_size, moving_frames
from keras_matting.data.synthetic.objects import thing
from keras_matting.data.synthetic.portraits import portrait
from keras_matting.progress import track

# kind of figure: the function that draws it, and its share where all kinds are drawn
FIGURES = {"portrait": (portrait, 0.64), "animal": (animal, 0.26), "object": (thing, 0.10)}
_FOREGROUND, _BACKGROUND, _MOTION = 0, 1, 2  # separate random streams for one seed


def draw_foreground(seed, height, width, kind=None):
    """Draw one figure -> foreground uint8 (h, w, 3) RGB, alpha uint8 (h, w, 1).

    `seed` is a non-negative int or a sequence of them; `kind` is a key of `FIGURES`, or None for a
    random one. The colour is not premultiplied and extends beyond the figure's edge. The same seed
    gives the same figure at any size. Raises ValueError for an unknown kind.
    """
    rng = _generator(_FOREGROUND, seed)
    drawn = str(rng.choice(list(FIGURES), p=[share for _, share in FIGURES.values()]))
    if kind is not None and kind not in FIGURES:
        raise ValueError(f"unknown kind of figure {kind!r}; use one of {', '.join(FIGURES)}.")
    light = rng.uniform(-2.8, -0.3)
    look = rng.random(8)
    draw, _ = FIGURES[kind or drawn]
    layer = draw(rng, height, width, light)
    if look[0] < 0.7:  # the lens blurs alpha and colour alike
        layer = soft(layer, (0.25 + 0.75 * look[1] ** 2) * min(height, width) / 256)
    if look[2] < 0.5:
        layer = layer[:, ::-1]
    layer = np.ascontiguousarray(layer)
    if look[6] < 0.25:  # light from behind shines through thin parts
        thin = 1 - soft(layer[..., 3].copy(), 0.02 * min(height, width))
        layer = shade(layer, 1 + 1.2 * thin)
    color = _lit(rng, _extended(layer), light, look)
    alpha = np.rint(np.clip(layer[..., 3:], 0, 1) * 255).astype(np.uint8)
    return np.rint(np.clip(color, 0, 1) * 255).astype(np.uint8), alpha


def draw_background(seed, height, width):
    """Draw one background -> uint8 (h, w, 3) RGB; `seed` as in `draw_foreground`."""
    rng = _generator(_BACKGROUND, seed)
    return np.rint(np.clip(background(rng, height, width), 0, 1) * 255).astype(np.uint8)


def foregrounds(count, size, seed=0, kind=None):
    """Return a Source of `count` figures of size (h, w), drawn once and kept in memory.

    `kind` as in `draw_foreground`. Figure i depends only on (seed, i, kind): a larger pool starts
    with the smaller one, and pools of different seeds share nothing.
    """
    drawn = _pool(lambda i: draw_foreground((seed, i), *size, kind), count, "foregrounds")
    colors, alphas = (np.stack(planes) for planes in zip(*drawn, strict=True))
    return _source({"foreground": colors, "alpha": alphas})


def backgrounds(count, size, seed=0):
    """Return a Source of `count` backgrounds of size (h, w); see `foregrounds`."""
    drawn = _pool(lambda i: draw_background((seed, i), *size), count, "backgrounds")
    return _source({"background": np.stack(drawn)})


def draw_clip(seed, count, height, width, kind=None, speed=1.0):
    """Yield the `count` frames of a video of one moving figure, at 30 frames per second.

    Each frame is a dict of uint8 (h, w, c): foreground, alpha and background as in
    `draw_foreground` and `draw_background`, and image, their composite. `seed` and `kind` as there;
    `speed` is that of all movement.
    """
    size = drawn_size(height, width)
    figure, scene = draw_foreground(seed, *size, kind), draw_background(seed, *size)
    rng = _generator(_MOTION, seed)
    for frame in moving_frames(figure, scene, rng, count, height, width, speed):
        yield frame | {"image": composite(frame)}


def clips(count, frames, size, seed=0, kind=None):
    """Return a Source of `count` videos of `frames` frames of size (h, w); see `foregrounds`.

    A sample is that of `draw_clip`, with frames as the first axis: "image" (frames, h, w, 3) etc.
    """
    def draw(i):
        drawn = list(draw_clip((seed, i), frames, *size, kind))
        return {name: np.stack([frame[name] for frame in drawn]) for name in drawn[0]}

    if frames < 1:
        raise ValueError("a synthetic clip of 0 frames is empty: use 1 or more.")
    drawn = _pool(draw, count, "clips")
    return _source({name: np.stack([clip[name] for clip in drawn]) for name in drawn[0]})


def contact_sheet(path, seed=0, count=12, size=(256, 256), kind=None):
    """Write a picture of `count` figures: over a checkerboard, their alpha, over a background.

    Raises ValueError if `path` cannot be written.
    """
    height, width = size
    rows, columns = np.indices(size) // max(1, height // 16)
    checker = spread(0.55 + 0.2 * ((rows + columns) % 2))
    tiles = []
    for i in range(count):
        foreground, alpha = draw_foreground((seed, i), height, width, kind)
        color, opacity = foreground / 255, alpha / 255
        behind = draw_background((seed, i), height, width) / 255
        tiles.append(np.hstack([opacity * color + (1 - opacity) * checker,
                                np.repeat(opacity, 3, axis=2),
                                opacity * color + (1 - opacity) * behind]))
    tiles += [np.zeros_like(tiles[0])] * (-count % 2)
    sheet = np.vstack([np.hstack(tiles[i : i + 2]) for i in range(0, len(tiles), 2)])
    bgr = np.rint(np.clip(sheet, 0, 1) * 255).astype(np.uint8)[..., ::-1]
    _write_picture(path, bgr)


def _generator(stream, seed):
    seeds = [seed] if np.isscalar(seed) else list(seed)
    return np.random.Generator(np.random.PCG64([stream, *seeds]))


def _extended(layer):
    """Return straight colour (h, w, 3), extended from the figure to where alpha is 0."""
    h, w = layer.shape[:2]
    levels = [layer]
    while min(levels[-1].shape[:2]) > 2:
        size = tuple(-(-n // 2) for n in levels[-1].shape[1::-1])
        levels.append(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA))
    total = levels[-1].reshape(-1, 4).sum(0)
    color = np.broadcast_to(total[:3] / max(total[3], 1e-6), (*levels[-1].shape[:2], 3))
    for level in levels[::-1]:
        size = level.shape[1::-1]
        color = cv2.resize(np.ascontiguousarray(color), size, interpolation=cv2.INTER_LINEAR)
        alpha = level[..., 3]
        # Below 1/64 the quotient of two rounded numbers is unreliable: use the coarser level.
        trust = np.clip(alpha * 64, 0, 1) / np.maximum(alpha, 1e-6)
        color = color * spread(1 - np.clip(alpha * 64, 0, 1)) + level[..., :3] * spread(trust)
    return color


def _lit(rng, color, light, look):
    """Apply directional light, its colour, exposure and grain."""
    h, w = color.shape[:2]
    x, y = np.linspace(-1, 1, w, dtype=np.float32), np.linspace(-1, 1, h, dtype=np.float32)
    slope = np.cos(light) * x[None] + np.sin(light) * y[:, None]
    gain = (1 + 0.35 * look[3] * slope) * (0.7 + 0.55 * look[4])
    gain = gain * (1 + 0.06 * noise(rng, h, w, 3, 3))
    warm = 0.12 * (look[5] - 0.5)
    color = color * cv2.merge([gain * (1 + warm), gain, gain * (1 - warm)])
    return grain(rng, np.clip(color, 0, 1) ** np.float32(0.85 + 0.4 * look[7]),
                 0.004 + 0.014 * rng.random())


def _pool(draw, count, name):
    """Return draw(i) for all i < count, drawn on all cores."""
    if count < 1:
        raise ValueError(f"a pool of {count} synthetic {name} is empty: use 1 or more.")
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(track(threads.map(draw, range(count)), count, f"drawing {name}"))


def _source(arrays):
    import tensorflow as tf  # which drawing does not need

    tensors = {name: tf.constant(array) for name, array in arrays.items()}

    def load(index):
        return {name: tf.gather(tensor, index) for name, tensor in tensors.items()}

    return Source(len(next(iter(arrays.values()))), load)


def _write_picture(path, bgr):
    try:
        with replacing(path) as temporary:
            written = cv2.imwrite(str(temporary), bgr)
    except (cv2.error, OSError):
        written = False
    if not written:
        raise ValueError(f"cannot write {path}: specify a .png or .jpg file in an existing folder.")
