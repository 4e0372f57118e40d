"""Objects whose mattes are hard: glass, lace, wheels and nets with holes, plants."""

import numpy as np

from keras_matting.data.synthetic.drawing import (
    Sheet,
    bezier,
    closed_curve,
    ellipse,
    limb,
    mix,
    noise,
    over,
    paint,
    relief,
    rotated,
    shade,
    soft,
    spread,
)
from keras_matting.data.synthetic.materials import any_color, cloth, cloth_color, strand_colors


def thing(rng, height, width, light):
    """Draw an object -> layer (h, w, 4)."""
    draw = (_glass, _lace, _wheel, _plant)[rng.choice(4, p=[0.32, 0.2, 0.2, 0.28])]
    unit = rng.uniform(0.55, 0.9) * min(height, width)
    center = np.array([width * rng.uniform(0.38, 0.62), height * rng.uniform(0.42, 0.6)])
    return draw(rng, height, width, unit, center, light)


def _glass(rng, height, width, unit, center, light):
    """Draw a vessel: clear in the middle, denser where the wall is seen edge-on, sharp glints."""
    profile = [(0.04, 0.1, 0.16, 0.17, 0.17), (0.2, 0.22, 0.16, 0.03, 0.16),
               (0.22, 0.26, 0.28, 0.24, 0.12), (0.08, 0.08, 0.2, 0.27, 0.2)][rng.integers(4)]
    half = np.array(profile) * rng.uniform(0.8, 1.2)
    y = np.array([-0.46, -0.26, 0.0, 0.25, 0.46])
    right = np.stack([half, y], 1)
    left = right[::-1] * [-1, 1]
    tilt = rng.normal(0, 0.1)
    shape = center + unit * rotated(closed_curve(np.concatenate([right, left])), tilt)
    body = Sheet(height, width)
    body.fill(shape, (1, 1, 1))
    mask = body.layer()
    wall = 1 - soft(np.ascontiguousarray(mask[..., 3]), 0.05 * unit)
    clear = rng.uniform(0.12, 0.35)
    dense = np.clip(clear + 0.9 * wall + 0.12 * noise(rng, height, width, 4, 3), 0.06, 0.92)
    color = np.clip(0.55 + 0.45 * cloth_color(rng), 0, 1)
    picture = mix(color, color * 0.35, np.clip(1.6 * wall, 0, 1))
    figure = paint(mask, picture) * spread(dense, 4)
    if rng.random() < 0.5:  # something to drink
        level = rng.uniform(-0.1, 0.3)
        drink = Sheet(height, width)
        inner = closed_curve([*(right * [0.9, 0.96])[right[:, 1] > level],
                              *(left * [0.9, 0.96])[left[:, 1] > level]])
        drink.fill(center + unit * rotated(inner, tilt), any_color(rng))
        figure = over(figure, drink.layer() * mask[..., 3:] * np.float32(rng.uniform(0.4, 0.95)))
    glints = Sheet(height, width)
    for _ in range(int(rng.integers(2, 6))):
        x, top = rng.uniform(-0.9, 0.9), rng.uniform(-0.4, 0.2)
        rows = np.linspace(top, top + rng.uniform(0.08, 0.3), 6)
        track = np.stack([x * np.interp(rows, y, half), rows], 1)
        glints.line(center + unit * rotated(track, tilt), (1, 1, 1),
                    rng.uniform(0.006, 0.02) * unit)
    shine = soft(glints.layer() * mask[..., 3:], max(0.3, 0.005 * unit)) * np.float32(0.85)
    return over(figure, shine)


def _lace(rng, height, width, unit, center, light):
    """Draw a hanging cloth of threads with a pattern of holes and a scalloped hem."""
    n = int(rng.integers(9, 16))
    cell = unit / n
    color, thread = cloth_color(rng) * 0.5 + 0.45, rng.uniform(0.1, 0.22) * cell
    tilt, bent = rng.normal(0, 0.25), rng.normal(0, 0.1, 3)
    sheet = Sheet(height, width)

    def at(points):
        points = np.asarray(points, np.float64) / n - 0.5
        bulge = bent[0] * np.sin(3 * points[:, 1] + bent[1] * 9) + bent[2] * points[:, 1] ** 2
        return center + unit * rotated(points + np.stack([bulge, 0.2 * bulge], 1), tilt)

    kind = rng.choice(["rings", "flowers", "net"])
    grid = np.linspace(0, n, 4 * n + 1)
    for i in range(n + 1):
        sheet.line(at(np.stack([grid, np.full_like(grid, i)], 1)), color, thread)
        sheet.line(at(np.stack([np.full_like(grid, i), grid], 1)), color, thread)
    solid = rng.random((n, n)) < rng.uniform(0.05, 0.4)
    for i in range(n):
        for j in range(n):
            x, y = i + 0.5, j + 0.5
            if solid[i, j]:
                sheet.fill(at([(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]), color)
            elif kind == "rings":
                sheet.line(at(ellipse(x, y, 0.36, 0.36, samples=14)), color, thread, True)
            elif kind == "flowers":
                sheet.fill(at(ellipse(x, y, 0.36, 0.14, 0.8, 12)), color)
                sheet.fill(at(ellipse(x, y, 0.14, 0.36, 0.8, 12)), color)
    for i in range(n):
        for y in (0, n):
            sheet.line(at(ellipse(i + 0.5, y, 0.5, 0.45, samples=16)), color, 1.3 * thread, True)
    folds = 1 + 0.25 * noise(rng, height, width, 6, 3, stretch=2.5)
    return shade(sheet.layer(), folds)


def _wheel(rng, height, width, unit, center, light):
    """Draw a bicycle's wheel, with part of its frame: thin spokes, large holes."""
    sheet = Sheet(height, width)
    rx, ry = 0.42 * unit, 0.42 * unit * rng.uniform(0.6, 1.0)
    color, metal = any_color(rng) * 0.6, np.full(3, rng.uniform(0.3, 0.85))
    turn, count = rng.uniform(0, np.pi), int(rng.integers(14, 34))
    spokes = turn + np.arange(count) * 2 * np.pi / count
    for i, angle in enumerate(spokes):
        hub = angle + (0.5 if i % 2 else -0.5)
        sheet.line(center + np.array([(0.05 * rx * np.cos(hub), 0.05 * ry * np.sin(hub)),
                                      (rx * np.cos(angle), ry * np.sin(angle))]),
                   metal * rng.uniform(0.6, 1.2), 0.004 * unit)
    sheet.line(center + ellipse(0, 0, rx, ry, samples=90), metal, 0.02 * unit, True)
    sheet.line(center + ellipse(0, 0, 1.06 * rx, 1.06 * ry, samples=90), color * 0.4,
               rng.uniform(0.02, 0.05) * unit, True)
    for part in limb([(0, 0), (rng.uniform(-0.5, 0.5) * unit, -0.6 * unit)],
                     [0.02 * unit, 0.025 * unit]):
        sheet.fill(center + part, color)
    sheet.fill(center + ellipse(0, 0, 0.07 * rx, 0.07 * ry), metal * 0.5)
    layer = sheet.layer()
    return shade(layer, relief(layer[..., 3], 0.02 * unit, light, 0.4))


def _plant(rng, height, width, unit, center, light):
    """Draw leaves on thin stems out of a pot, a vase, or nothing."""
    count = int(rng.integers(30, 110))
    foot = center + np.array([0.0, 0.25 * unit])
    angle = -np.pi / 2 + rng.normal(0, 0.6, count)
    reach = unit * rng.uniform(0.25, 0.72, count)
    direction = np.stack([np.cos(angle), np.sin(angle)], 1)
    root = foot + np.stack([rng.uniform(-0.08, 0.08, count) * unit, np.zeros(count)], 1)
    end = root + direction * reach[:, None] + [0, 0.1 * unit]
    paths = bezier(root, root + [0, -0.2 * unit], root + direction * 0.8 * reach[:, None], end, 10)
    green = np.array([0.25, 0.42, 0.16]) * rng.uniform(0.5, 1.5, 3)
    sheet = Sheet(height, width)
    sheet.strands(paths, strand_colors(rng, green * 0.8, count, 2, 0.2),
                  np.full(count, rng.uniform(0.006, 0.02) * unit))
    long, slim = rng.uniform(0.05, 0.13) * unit, rng.uniform(0.25, 0.5)
    inks = strand_colors(rng, green, count, 1, 0.3)[:, 0]
    if rng.random() < 0.3:  # in flower
        inks[::3] = np.clip(cloth_color(rng) * rng.uniform(0.8, 1.3, (len(inks[::3]), 1)), 0, 1)
    for i in range(count):
        for at in (9, 6):
            grown = angle[i] + rng.normal(0, 0.6)
            middle = paths[i, at] + 0.8 * long * np.array([np.cos(grown), np.sin(grown)])
            sheet.fill(ellipse(*middle, long, long * slim, grown, 14), inks[i] * (0.7 + at / 30))
    figure = sheet.layer()
    if rng.random() < 0.7:
        pot = Sheet(height, width)
        pot.fill(foot + unit * np.array([(-0.15, -0.06), (0.15, -0.06), (0.11, 0.26),
                                         (-0.11, 0.26)]), (1, 1, 1))
        pot = pot.layer()
        pot = paint(pot, cloth(rng, height, width, unit))
        figure = over(figure, shade(pot, relief(pot[..., 3], 0.1 * unit, light, 0.6)))
    return shade(figure, 1 + 0.2 * noise(rng, height, width, 5, 3))
