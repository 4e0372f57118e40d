"""Colours and surfaces, shared by figures and backgrounds so that no colour gives either away."""

import colorsys

import cv2
import numpy as np

from keras_matting.data.synthetic.drawing import mix, noise, spread

SKIN = np.array([(0.96, 0.82, 0.73), (0.92, 0.74, 0.62), (0.85, 0.65, 0.52), (0.76, 0.55, 0.41),
                 (0.62, 0.42, 0.30), (0.46, 0.30, 0.21), (0.31, 0.20, 0.15)])
HAIR = np.array([(0.07, 0.06, 0.06), (0.13, 0.09, 0.07), (0.22, 0.14, 0.09), (0.36, 0.23, 0.14),
                 (0.52, 0.30, 0.16), (0.70, 0.53, 0.33), (0.85, 0.72, 0.50), (0.58, 0.57, 0.56),
                 (0.85, 0.84, 0.82)])
_HAIR_SHARE = np.array([0.18, 0.18, 0.16, 0.13, 0.07, 0.1, 0.08, 0.05, 0.05])
COAT = np.array([(0.09, 0.08, 0.08), (0.24, 0.17, 0.13), (0.45, 0.31, 0.19), (0.66, 0.46, 0.27),
                 (0.82, 0.66, 0.45), (0.92, 0.88, 0.82), (0.55, 0.53, 0.51), (0.72, 0.36, 0.15)])
_CLOTH = np.array([(0.93, 0.93, 0.92), (0.08, 0.08, 0.09), (0.25, 0.26, 0.28), (0.55, 0.55, 0.56),
                   (0.12, 0.16, 0.28), (0.30, 0.40, 0.55), (0.78, 0.71, 0.60), (0.45, 0.33, 0.24)])


def skin_color(rng):
    """Pick a skin tone (3,), between two neighbours on a scale from light to dark."""
    place = rng.random() ** 1.3 * (len(SKIN) - 1)
    low = min(int(place), len(SKIN) - 2)
    tone = SKIN[low] + (SKIN[low + 1] - SKIN[low]) * (place - low)
    return np.clip(tone * rng.normal(1, 0.03, 3), 0.05, 1)


def hair_color(rng):
    """Pick a natural hair colour (3,), one in twenty-five dyed."""
    if rng.random() < 0.04:
        return np.array(colorsys.hsv_to_rgb(rng.random(), 0.6, rng.uniform(0.3, 0.8)))
    color = HAIR[rng.choice(len(HAIR), p=_HAIR_SHARE)]
    return np.clip(color * rng.normal(1, 0.03, 3) * rng.uniform(0.8, 1.15), 0.03, 1)


def coat_color(rng):
    """Pick an animal's colour (3,)."""
    return np.clip(COAT[rng.integers(len(COAT))] * rng.normal(1, 0.06, 3), 0.04, 1)


def cloth_color(rng):
    """Pick a colour (3,) for clothes, neutral three times in five."""
    if rng.random() < 0.6:
        return np.clip(_CLOTH[rng.integers(len(_CLOTH))] * rng.normal(1, 0.08, 3), 0.03, 1)
    hue, saturation, value = rng.random(), 0.2 + 0.65 * rng.random() ** 1.5, rng.uniform(0.15, 0.85)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def any_color(rng):
    """Pick any colour (3,)."""
    pick = rng.random()
    if pick < 0.15:
        return skin_color(rng)
    if pick < 0.3:
        return hair_color(rng)
    if pick < 0.4:
        return coat_color(rng)
    return cloth_color(rng)


def cloth(rng, height, width, unit):
    """Draw a cloth's picture (h, w, 3): plain, knitted or patterned, with folds.

    unit: a length in pixels; the pattern's period is a tenth to a third of it.
    """
    color, other = cloth_color(rng), cloth_color(rng)
    folds = noise(rng, height, width, 6, 2, stretch=0.45)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bent = noise(rng, height, width, 3, 3) * 0.12 * unit
    x, y = x + bent, y + np.roll(bent, height // 3, 0)
    period = unit * rng.uniform(0.06, 0.3)
    kind = rng.choice(["plain", "stripes", "plaid", "knit", "flowers", "fade"],
                      p=[0.4, 0.14, 0.12, 0.14, 0.12, 0.08])
    if kind == "stripes":
        angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
        across = np.cos(angle) * x + np.sin(angle) * y
        amount = np.clip(0.5 + 3 * np.sin(across * 2 * np.pi / period), 0, 1)
    elif kind == "plaid":
        amount = (np.clip(0.5 + 2 * np.sin(x * 2 * np.pi / period), 0, 1)
                  + np.clip(0.5 + 2 * np.sin(y * 2 * np.pi / period), 0, 1)) / 2
    elif kind == "knit":
        amount = (0.3 + 0.3 * np.sin(x * 4 * np.pi / period)
                  * np.sin(y * 4 * np.pi / period + np.sin(x * 4 * np.pi / period)))
        other = color * 0.5
    elif kind == "flowers":
        amount = np.clip(4 * noise(rng, height, width, 14, 3), 0, 1)
    elif kind == "fade":
        amount = np.clip(0.5 + noise(rng, height, width, 2, 3), 0, 1)
    else:
        amount = np.zeros((height, width), np.float32)
    fine = noise(rng, height, width, 60, 2, persistence=0.9)
    ridges = np.abs(noise(rng, height, width, 4, 2, stretch=0.7))  # cloth pulled into creases
    light = 0.95 + 0.14 * np.tanh(2 * folds) + 0.2 * np.minimum(ridges, 0.4)
    light = light + rng.uniform(0.005, 0.05) * fine
    return np.clip(mix(color, other, amount) * spread(light), 0, 1)


def coat(rng, height, width):
    """Draw an animal coat's picture (h, w, 3): plain, patches, spots or stripes."""
    color, other = coat_color(rng), coat_color(rng)
    kind = rng.choice(["plain", "patches", "spots", "stripes"], p=[0.45, 0.25, 0.15, 0.15])
    if kind == "patches":
        amount = np.clip(6 * noise(rng, height, width, 2, 4) - 0.5, 0, 1)
    elif kind == "spots":
        amount = np.clip(6 * (noise(rng, height, width, 12, 2) - 0.25), 0, 1)
    elif kind == "stripes":
        bent = noise(rng, height, width, 3, 3)
        x = np.linspace(0, 1, width, dtype=np.float32)[None]
        amount = np.clip(4 * np.sin(2 * np.pi * (x * rng.uniform(7, 14) + bent)) - 1, 0, 1)
    else:
        amount = np.clip(0.3 + 0.5 * noise(rng, height, width, 3, 3), 0, 1)
        other = color * rng.uniform(0.6, 1.3)
    belly = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * rng.uniform(0, 0.25)
    rough = 1 + 0.15 * noise(rng, height, width, 20, 3, persistence=0.8) + belly
    return np.clip(mix(color, other, amount) * spread(rough), 0.02, 1)


def strand_colors(rng, color, count, pieces=3, spread=0.28, tips=0.15):
    """Pick colours (count, pieces, 3) of strands about `color` (3,) or (count, 3), root to tip."""
    color = np.broadcast_to(np.asarray(color), (count, 3))[:, None]
    glow = np.exp(spread * rng.standard_normal((count, 1, 1)))
    along = np.linspace(-1, 1, pieces)[None, :, None] * tips * rng.uniform(0.2, 1.6, (count, 1, 1))
    shine = 0.05 * rng.random((count, pieces, 1)) ** 2
    return np.clip(color * glow * (1 + along) + shine, 0.01, 1)


def grain(rng, picture, amount):
    """Add sensor noise of deviation `amount`, coarser than one pixel, to picture (h, w, 3)."""
    h, w = picture.shape[:2]
    plane = rng.random((h, w, 3), np.float32) - np.float32(0.5)
    return picture + np.float32(amount * 4.8) * cv2.GaussianBlur(plane, (3, 3), 0.6)
