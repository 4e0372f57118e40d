"""Background objects that look like parts of a figure.

They have the figures' colours and strands (skin, hair, cloth; wires, twigs, tufts), so that neither
colour nor thinness tells a figure from its background.
"""

import numpy as np

from keras_matting.data.synthetic.drawing import (
    Sheet,
    closed_curve,
    grow,
    limb,
    noise,
    paint,
    relief,
    rotated,
    shade,
)
from keras_matting.data.synthetic.materials import (
    any_color,
    cloth,
    hair_color,
    skin_color,
    strand_colors,
)


def distractor(rng, height, width):
    """Draw an object that does not belong to the figure -> layer."""
    draw = (_blob, _blob, _tuft, _wires, _twigs, _dummy)[rng.integers(6)]
    return draw(rng, height, width, rng.uniform(0.15, 0.6) * min(height, width),
                rng.random(2) * [width, height])


def _blob(rng, height, width, unit, center):
    """Draw a rounded shape in a figure's colours."""
    around = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    radius = unit * rng.uniform(0.25, 0.6, 9)
    sheet = Sheet(height, width)
    points = center + np.stack([radius * np.cos(around), radius * np.sin(around)], 1)
    sheet.fill(closed_curve(points), (skin_color, hair_color, any_color)[rng.integers(3)](rng))
    layer = sheet.layer()
    return shade(layer, relief(layer[..., 3], 0.15 * unit, rng.uniform(0, 6), 0.5),
                 1 + 0.2 * noise(rng, height, width, 6, 4))


def _tuft(rng, height, width, unit, center):
    """Draw a bush, a mop, a cushion of fur: hair-like strands that belong to nobody."""
    count, sheet = 260, Sheet(height, width)
    angle = rng.uniform(0, 2 * np.pi, count)
    roots = center + 0.3 * unit * (rng.random((count, 1)) ** 0.5) * np.stack(
        [np.cos(angle), np.sin(angle)], 1)
    flow = rng.uniform(0, 2 * np.pi)
    heading = angle if rng.random() < 0.5 else flow + rng.normal(0, 0.5, count)
    paths = grow(rng, roots, heading + rng.normal(0, 0.3, count),
                 unit * rng.uniform(0.2, 0.6, count), bend=rng.normal(0, 0.5, count),
                 curl=rng.choice([0.2, 1.2]), frizz=0.2, gravity=rng.uniform(0, 1), points=9)
    width_px = rng.uniform(0.006, 0.02) * unit * np.exp(rng.normal(0, 0.4, count))
    sheet.strands(paths, strand_colors(rng, hair_color(rng), count, 2), width_px)
    return sheet.layer()


def _wires(rng, height, width, unit, center):
    """Draw cables, fences, nets from edge to edge."""
    sheet, count = Sheet(height, width), int(rng.integers(2, 14))
    color, angle = any_color(rng) * 0.6, rng.uniform(0, np.pi)
    pitch, size = rng.uniform(0.03, 0.2) * unit, height + width
    for turn in (angle, angle + np.pi / 2)[: int(rng.integers(1, 3))]:
        along, across = rotated([(1, 0), (0, 1)], turn)
        t = np.linspace(-1, 1, 12)[:, None]
        sag = rng.uniform(-0.1, 0.1) * size
        for i in range(count):
            path = center + across * (i * pitch) + along * t * size + across * sag * t**2
            sheet.line(path, color, rng.uniform(0.003, 0.012) * unit)
    return sheet.layer()


def _twigs(rng, height, width, unit, center):
    """Draw a branch that forks twice."""
    sheet = Sheet(height, width)
    color = any_color(rng) * 0.6
    roots, heading = center[None], rng.uniform(0, 2 * np.pi, 1)
    length, thick = 1.6 * unit, 0.035 * unit
    for fork in (6, 4, 1):
        n = len(roots)
        paths = grow(rng, roots, heading, length * rng.uniform(0.6, 1.1, n), frizz=0.5, points=8)
        sheet.strands(paths, strand_colors(rng, color, n, 1, 0.15), np.full(n, thick))
        place = rng.integers(2, 8, n * fork)
        parent = np.repeat(np.arange(n), fork)
        roots = paths[parent, place]
        heading = heading[parent] + rng.choice([-0.7, 0.7], n * fork)
        length, thick = length * 0.5, thick * 0.55
    return sheet.layer()


def _dummy(rng, height, width, unit, center):
    """Draw a dressed shape without a head: a coat on a chair, a cushion, a bag on a strap."""
    sheet = Sheet(height, width)
    wide = rng.uniform(0.25, 0.5)
    sheet.fill(center + unit * rotated(closed_curve(
        [(-0.15, -0.5), (0.15, -0.5), (wide, -0.3), (wide * 1.1, 0.5), (-wide * 1.1, 0.5),
         (-wide, -0.3)]), rng.normal(0, 0.4)), (1, 1, 1))
    for part in limb([(-0.2, -0.45), (rng.normal(0, 0.2), -0.8), (0.2, -0.45)], [0.04] * 3):
        sheet.fill(center + unit * part, (1, 1, 1))
    layer = sheet.layer()
    layer = paint(layer, cloth(rng, height, width, unit))
    return shade(layer, relief(layer[..., 3], 0.15 * unit, rng.uniform(0, 6), 0.5))
