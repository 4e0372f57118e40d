"""Backgrounds: scenes with structure at all scales, sharp or blurred, with things in them.

`distractors` draws the things that stand around in a scene.
"""

import cv2
import numpy as np

from keras_matting.data.synthetic.distractors import distractor
from keras_matting.data.synthetic.drawing import (
    Sheet,
    ellipse,
    grow,
    mix,
    noise,
    rotated,
    soft,
    spread,
)
from keras_matting.data.synthetic.materials import any_color, cloth, grain, strand_colors


def background(rng, height, width):
    """Draw a background -> float32 (h, w, 3), about [0, 1]."""
    scenes = (_clouds, _landscape, _room, _tiles, _foliage, _city, _shelf, _curtain)
    scene = scenes[rng.choice(len(scenes), p=[0.16, 0.16, 0.16, 0.12, 0.14, 0.1, 0.08, 0.08])]
    picture = scene(rng, height, width)
    unit = min(height, width)
    focus = rng.random()
    blur = rng.uniform(0.008, 0.045) * unit if rng.random() < 0.5 else 0.0
    for _ in range(int(rng.choice(4, p=[0.25, 0.3, 0.25, 0.2]))):
        things = distractor(rng, height, width)
        picture = things[..., :3] + picture * spread(1 - things[..., 3])
    if rng.random() < 0.15:
        picture = _bokeh(rng, picture)
    if blur:
        picture = soft(picture, blur)
    elif focus < 0.6:
        picture = soft(picture, 0.003 * unit * focus / 0.6 + 0.2)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height)
    light = rng.uniform(0, 2 * np.pi)
    slope = np.cos(light) * x[None] + np.sin(light) * y[:, None].astype(np.float32)
    gain = rng.uniform(0.6, 1.3) * (1 + rng.uniform(0, 0.35) * slope)
    warm = rng.uniform(-0.08, 0.08)
    picture = picture * cv2.merge([gain * np.float32(1 + warm), gain, gain * np.float32(1 - warm)])
    return grain(rng, np.clip(picture, 0, 1), 0.003 + 0.015 * rng.random())


def _clouds(rng, height, width):
    """Draw a blurred scene: 1/f noise between three colours."""
    a, b, c = any_color(rng), any_color(rng), any_color(rng)
    octaves = int(rng.integers(3, 8))
    steep = rng.uniform(0.8, 3)
    first = np.clip(0.5 + steep * 0.5 * noise(rng, height, width, 2, octaves, 0.65), 0, 1)
    second = np.clip(0.5 + steep * noise(rng, height, width, 3, min(octaves, 5), 0.55), 0, 1)
    return _between(mix(a, b, first), c, second)


def _between(picture, color, amount):
    """Blend picture, where amount (h, w) is 0, with a color (3,) or picture, where it is 1."""
    return picture + (np.asarray(color, np.float32) - picture) * spread(amount)


def _gradient(height, width, top, bottom):
    amount = np.repeat(np.linspace(0, 1, height, dtype=np.float32)[:, None], width, 1)
    return mix(top, bottom, amount)


def _landscape(rng, height, width):
    """Draw sky, staggered ridges and ground that gets coarser towards the viewer."""
    sky = np.array([(0.45, 0.62, 0.85), (0.8, 0.83, 0.87), (0.9, 0.65, 0.45), (0.3, 0.35, 0.5)])
    pick = rng.permutation(4)
    picture = _gradient(height, width, sky[pick[0]], sky[pick[1]] * rng.uniform(0.8, 1.1))
    picture = _between(picture, (0.95, 0.95, 0.96),
                       np.clip(noise(rng, height, width, 2, 6) * 0.8, 0, 0.8))
    horizon = rng.uniform(0.25, 0.7)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    for i in range(int(rng.integers(1, 4))):
        ridge = noise(rng, 2, width, int(rng.integers(2, 6)), 6)[0] * rng.uniform(0.05, 0.2)
        edge = horizon + 0.08 * i + ridge[None]
        color = np.array([0.25, 0.33, 0.22]) * rng.uniform(0.4, 1.6, 3)
        texture = 1 + 0.4 * noise(rng, height, width, 12, 4, 0.8)
        inside = np.clip((y - edge) * height / 2, 0, 1)
        picture = _between(picture, spread(texture) * color.astype(np.float32), inside)
    ground = _plane(rng, height, width)
    return _between(picture, ground, np.clip((y - horizon - 0.15) * height / 3, 0, 1)
                    * np.ones((1, width), np.float32))


def _plane(rng, height, width):
    """Draw a horizontal surface in perspective: noise, planks or paving."""
    a, b = any_color(rng), any_color(rng)
    side = 256
    amount = np.clip(0.5 + noise(rng, side, side, 10, 5, 0.8), 0, 1)
    if rng.random() < 0.4:
        lines = np.abs(np.sin(np.arange(side) * np.pi * int(rng.integers(4, 14)) / side))
        amount = amount * np.clip(lines * 6, 0.2, 1).astype(np.float32)[None]
    texture = mix(a, b, amount)
    skew, top = rng.uniform(-0.6, 0.6) * width, rng.uniform(0.2, 0.6) * height
    source = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32)
    target = np.array([(0.2 * width + skew, top), (0.8 * width + skew, top),
                       (2.2 * width, 1.3 * height), (-1.2 * width, 1.3 * height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    return cv2.warpPerspective(texture, matrix, (width, height), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REFLECT)


def _sheet_over(picture, sheet):
    layer = sheet.layer()
    return layer[..., :3] + picture * spread(1 - layer[..., 3])


def _box(x, y, w, h):
    return np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])


def _room(rng, height, width):
    """Draw a wall, a floor, and rectangles on them: windows, doors, pictures, furniture."""
    wall, size = any_color(rng) * 0.5 + 0.4 * rng.random(), np.array([width, height])
    picture = mix(wall, wall * rng.uniform(0.5, 1.1),
                  np.clip(0.5 + 0.5 * noise(rng, height, width, 2, 6, 0.5), 0, 1))
    floor = rng.uniform(0.6, 1.1) * height
    rows = np.clip(np.arange(height, dtype=np.float32)[:, None] - floor, 0, 1)
    picture = _between(picture, _plane(rng, height, width), rows * np.ones((1, width), np.float32))
    sheet = Sheet(height, width)
    for _ in range(int(rng.integers(1, 7))):
        w, h = rng.uniform(0.08, 0.45, 2) * size
        x, y = rng.uniform(-0.1, 0.9, 2) * size
        frame, pane = any_color(rng), any_color(rng) * rng.uniform(0.7, 1.6)
        sheet.fill(_box(x, y, w, h), frame)
        edge = rng.uniform(0.01, 0.03) * width
        nx, ny = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        for i in range(nx):
            for j in range(ny):
                shift = rng.uniform(0.85, 1.15)
                sheet.fill(_box(x + edge + i * w / nx, y + edge + j * h / ny, w / nx - 2 * edge,
                                h / ny - 2 * edge), pane * shift)
    return _sheet_over(picture, sheet)


def _tiles(rng, height, width):
    """Draw bricks, tiles or paving, seen at an angle."""
    side, rows = 288, int(rng.integers(5, 16))
    columns = max(2, int(rows * rng.uniform(0.35, 1.1)))
    offset = rng.choice([0.0, 0.5])
    shades = rng.normal(1, rng.uniform(0.03, 0.2), (rows, columns + 1))
    y, x = np.indices((side, side), np.float32) / side
    row = np.minimum((y * rows).astype(int), rows - 1)
    u = x * columns + offset * (row % 2)
    column = u.astype(int)
    joint = rng.uniform(0.03, 0.1)
    gap = np.minimum(np.abs(u - np.round(u)) * rows / columns, np.abs(y * rows -
                                                                       np.round(y * rows)))
    solid = np.clip((gap - joint) * 14, 0, 1)
    brick, mortar = any_color(rng), any_color(rng) * 0.5 + 0.3
    light = shades[row, np.minimum(column, columns)].astype(np.float32)
    light = light * (1 + 0.22 * noise(rng, side, side, 12, 4, 0.8))
    texture = mix(mortar, brick, solid) * spread(light)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    wide = rotated(corners - 0.5, rng.normal(0, 0.2)) * rng.uniform(1.3, 2.2)
    target = (wide + rng.normal(0, 0.18, (4, 2)) + 0.5) * [width, height]
    matrix = cv2.getPerspectiveTransform(corners * side, target.astype(np.float32))
    return cv2.warpPerspective(texture, matrix, (width, height), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REFLECT)


def _foliage(rng, height, width):
    """Draw leaves or blades over leaves: dark below, light on top."""
    tone = np.array([0.22, 0.36, 0.12]) * rng.uniform(0.5, 1.5, 3)
    if rng.random() < 0.3:
        tone = any_color(rng)
    unit = min(height, width)
    amount = np.clip(0.5 + noise(rng, height, width, 4, 5, 0.8), 0, 1)
    picture = mix(tone * 0.2, tone * 0.9, amount)
    sheet, count = Sheet(height, width), int(rng.integers(150, 480))
    at = rng.random((count, 2)) * [width, height]
    depth = np.linspace(0.35, 1.3, count)
    inks = np.clip(tone * (depth * rng.uniform(0.7, 1.3, count))[:, None], 0, 1)
    if rng.random() < 0.5:
        length = rng.uniform(0.02, 0.08) * unit * rng.uniform(0.6, 1.4, count)
        turn = rng.normal(rng.uniform(0, 6), 0.9, count)
        slim = rng.uniform(0.25, 0.6)
        for i in range(count):
            sheet.fill(ellipse(*at[i], length[i], slim * length[i], turn[i], 12), inks[i])
    else:
        at[:, 1] = height * (0.25 + 0.85 * np.sort(at[:, 1]) / height)
        paths = grow(rng, at, rng.normal(-np.pi / 2, 0.3, count),
                     rng.uniform(0.1, 0.35, count) * unit, bend=rng.normal(0, 0.9, count), points=7)
        sheet.strands(paths, strand_colors(rng, inks, count, 1, 0.15),
                      rng.uniform(0.005, 0.025) * unit * np.ones(count))
    return _sheet_over(picture, sheet)


def _city(rng, height, width):
    """Draw blocks of windows against a sky."""
    picture = _gradient(height, width, any_color(rng) * 0.5 + 0.4, any_color(rng) * 0.5 + 0.4)
    sheet = Sheet(height, width)
    for depth in np.linspace(0, 1, int(rng.integers(3, 7))):
        w = rng.uniform(0.15, 0.4) * width
        x, y = rng.uniform(-0.2, 1) * width, (rng.uniform(0.05, 0.5) + 0.2 * depth) * height
        face = any_color(rng) * (0.4 + 0.5 * rng.random())
        lit = np.clip(face * rng.uniform(0.3, 2.2), 0, 1)
        sheet.fill(_box(x, y, w, 2 * height), face)
        columns, pitch = int(rng.integers(2, 7)), rng.uniform(0.03, 0.08) * height
        wide = rng.uniform(0.4, 0.9) * w / columns
        for i in range(columns):
            for j in range(int(min(24, (height - y) / pitch))):
                sheet.fill(_box(x + (i + 0.2) * w / columns, y + (j + 0.3) * pitch, wide,
                                0.6 * pitch), lit * (0.75 + 0.5 * ((i * 7 + j * 5) % 11) / 11))
    return _sheet_over(picture, sheet) * spread(1 + 0.12 * noise(rng, height, width, 10, 4, 0.8))


def _shelf(rng, height, width):
    """Draw books, boxes and lettering in rows."""
    picture = mix(any_color(rng), any_color(rng) * 0.4,
                  np.clip(0.5 + noise(rng, height, width, 3, 5), 0, 1))
    sheet, rows = Sheet(height, width), int(rng.integers(2, 5))
    for row in range(rows):
        base, x = (row + 1) * height / rows, -0.02 * width
        while x < width:
            w = rng.uniform(0.02, 0.09) * width
            h = rng.uniform(0.55, 0.92) * height / rows
            color, ink = any_color(rng), any_color(rng)
            sheet.fill(_box(x, base - h, w, h), color)
            for k in range(int(rng.integers(0, 6))):  # strokes like those of letters
                top = base - h * (0.85 - 0.12 * k)
                sheet.line([(x + 0.25 * w, top), (x + rng.uniform(0.4, 0.75) * w, top +
                                                  rng.normal(0, 0.02) * h)], ink, 0.05 * w)
            x += w * rng.uniform(1.0, 1.25)
    return _sheet_over(picture, sheet)


def _curtain(rng, height, width):
    """Draw cloth from edge to edge: a curtain, a backdrop, a sofa."""
    picture = cloth(rng, height, width, min(height, width) * rng.uniform(0.4, 1.2))
    return picture * spread(1 + 0.3 * noise(rng, height, width, int(rng.integers(3, 9)), 3,
                                            stretch=3.0))


def _bokeh(rng, picture):
    """Draw lights out of focus."""
    height, width = picture.shape[:2]
    radius = rng.uniform(0.02, 0.07) * min(height, width)
    warm, count = rng.uniform(0.5, 1.0, 3), int(rng.integers(8, 40))
    discs = np.zeros((height, width), np.float32)
    for x, y, size, power in rng.random((count, 4)):
        disc = np.zeros_like(discs)
        center, wide = (int(x * width), int(y * height)), radius * (0.6 + 0.5 * size)
        cv2.circle(disc, center, max(1, int(wide)), 0.15 + 0.6 * power, -1, cv2.LINE_AA)
        discs = np.maximum(discs, disc)
    return picture * 0.7 + mix(warm * 0, warm, discs)
