"""Heads and faces: skin, ears, eyes, brows, nose, mouth, beard, in the head's coordinates."""

import numpy as np

from keras_matting.data.synthetic.drawing import (
    Sheet,
    closed_curve,
    ellipse,
    grow,
    over,
    relief,
    shade,
    soft,
)
from keras_matting.data.synthetic.materials import strand_colors
from keras_matting.data.synthetic.pose import mottled, solid


def head(rng, pose, skin):
    """Draw a lit head without hair -> layer."""
    jaw, cheek = rng.uniform(0.85, 1.12), rng.uniform(0.95, 1.06)
    half = [(0.20, -0.46), (0.325, -0.32), (0.375 * cheek, -0.1), (0.37 * cheek, 0.06),
            (0.335 * jaw, 0.22), (0.25 * jaw, 0.37), (0.12 * jaw, 0.475)]
    right = np.array([(0, -0.5), *half])
    left = np.array([(0, 0.5), *[(-x, y) for x, y in half[::-1]]])
    shape = closed_curve(np.concatenate([right, left]))
    shape[:, 0] += 0.03 * pose.turn
    outlines = [shape]
    for side in (-1, 1):
        if side * pose.turn > -0.5:  # the far ear hides
            x = side * 0.395 + 0.03 * pose.turn - 0.05 * side * abs(pose.turn)
            outlines.append(ellipse(x, 0.05, 0.06, 0.115, side * 0.15))
    layer = solid(pose, outlines, skin, pose.head)
    layer = mottled(rng, layer)
    return shade(layer, relief(layer[..., 3], 0.16 * pose.unit, pose.light, 0.4),
                 relief(layer[..., 3], 0.05 * pose.unit, pose.light, 0.12))


def face(rng, pose, skin, hair):
    """Draw eyes, brows, nose, mouth, sometimes a beard -> layer, alpha below 1 where skin shows."""
    turn = pose.turn

    def at(points):
        points = np.asarray(points, np.float64)
        x = points[:, 0] * (1 - 0.12 * abs(turn)) + 0.13 * turn * (1 - (points[:, 0] * 2) ** 2)
        return pose.head(np.stack([x, points[:, 1]], 1))

    def soften(sheet, radius, strength):
        layer = sheet.layer()
        return soft(layer, max(radius * pose.unit, 0.3)) * np.float32(strength)

    dark = skin * np.array([0.5, 0.38, 0.36])
    size = (pose.height, pose.width)
    spacing, eye_y = rng.uniform(0.155, 0.18), rng.uniform(-0.01, 0.04)
    opening, smile = rng.uniform(0.012, 0.034), rng.uniform(-0.02, 0.05)
    mouth_y, nose_y = rng.uniform(0.29, 0.33), rng.uniform(0.16, 0.2)

    shadows = Sheet(*size)
    for side in (-1, 1):
        shadows.fill(at(ellipse(side * spacing, eye_y - 0.01, 0.085, 0.05)), dark)
        shadows.fill(at(ellipse(side * 0.045, nose_y + 0.035, 0.035, 0.02)), dark)
    nose_side = -np.sign(np.cos(pose.light)) or 1.0
    shadows.fill(at([(0.03 * nose_side, eye_y), (0.055 * nose_side, nose_y),
                     (0.015 * nose_side, nose_y)]), dark)
    shadows.fill(at(ellipse(0, mouth_y + 0.075, 0.075, 0.018)), dark)
    rosy = skin * np.array([0.97, 0.78, 0.75])
    for side in (-1, 1):
        shadows.fill(at(ellipse(side * 0.2, 0.17, 0.08, 0.055)), rosy)
    drawn = soften(shadows, 0.035, 0.55)
    shine = Sheet(*size)
    shine.fill(at(ellipse(0.01, nose_y - 0.02, 0.022, 0.03)), np.minimum(1, skin * 1.3 + 0.06))
    shine.fill(at(ellipse(-0.08 * nose_side, -0.2, 0.12, 0.06)), np.minimum(1, skin * 1.15))
    drawn = over(drawn, soften(shine, 0.03, 0.5))
    if rng.random() < 0.22:
        drawn = over(drawn, _beard(rng, pose, at, hair, mouth_y))

    features = Sheet(*size)
    iris = np.array([(0.2, 0.12, 0.07), (0.12, 0.08, 0.06), (0.3, 0.42, 0.5), (0.3, 0.36, 0.2)])
    iris = iris[rng.choice(4, p=[0.4, 0.3, 0.18, 0.12])]
    gaze = rng.uniform(-0.02, 0.02)
    for side in (-1, 1):
        x = side * spacing
        lid = closed_curve([(x - 0.068, eye_y + 0.004), (x - 0.02, eye_y - opening * 1.15),
                            (x + 0.03, eye_y - opening), (x + 0.068, eye_y),
                            (x, eye_y + opening * 0.8)])
        features.fill(at(lid), (0.86, 0.82, 0.79))
        ring = ellipse(x + gaze, eye_y - 0.002, 0.03, min(0.03, opening * 1.05))
        features.fill(at(ring), iris)
        features.fill(at(ellipse(x + gaze, eye_y - 0.002, 0.014, min(0.014, opening))), (0, 0, 0))
        features.fill(at(ellipse(x + gaze + 0.008, eye_y - 0.01, 0.005, 0.005)), (1, 1, 1))
        features.line(at(lid[:24]), dark * 0.35, 0.014 * pose.unit)
        features.fill(at(ellipse(side * 0.045, nose_y + 0.04, 0.016, 0.008)), dark * 0.5)
    lip = skin * np.array([0.86, 0.56, 0.55]) * rng.uniform(0.75, 1.05)
    if rng.random() < 0.2:
        lip = np.array([0.65, 0.1, 0.15])
    corner, thick = rng.uniform(0.1, 0.14), rng.uniform(0.015, 0.03)
    line_y = mouth_y - smile
    upper = [(-corner, line_y), (-0.03, mouth_y - thick), (0, mouth_y - thick * 0.7),
             (0.03, mouth_y - thick), (corner, line_y), (0, mouth_y + thick * 0.1)]
    lower = [(-corner, line_y), (0, mouth_y), (corner, line_y),
             (0.05, mouth_y + thick * 1.3), (-0.05, mouth_y + thick * 1.3)]
    features.fill(at(closed_curve(upper)), lip * 0.82)
    features.fill(at(closed_curve(lower)), lip)
    if smile > 0.025 and rng.random() < 0.6:
        teeth = [(-corner * 0.8, line_y + 0.006), (0, mouth_y - 0.004), (corner * 0.8,
                 line_y + 0.006), (0, mouth_y + thick * 0.75)]
        features.fill(at(closed_curve(teeth)), (0.9, 0.87, 0.82))
    else:
        parting = np.array([(-corner, line_y), (-0.04, mouth_y), (0.04, mouth_y),
                            (corner, line_y)])
        features.line(at(parting), lip * 0.4, 0.009 * pose.unit)

    lift, count = rng.uniform(0.065, 0.09), 26
    for side in (-1, 1):
        t = rng.random(count)
        roots = np.stack([side * (spacing - 0.075 + 0.15 * t),
                          eye_y - lift - 0.025 * np.sin(t * 2.4) + rng.normal(0, 0.006, count)], 1)
        angle = np.where(side > 0, -0.25, np.pi + 0.25) + rng.normal(0, 0.3, count)
        paths = grow(rng, at(roots), angle + pose.tilt, np.full(count, 0.05 * pose.unit), points=4)
        colors = strand_colors(rng, np.minimum(hair, 0.5) * 0.7, count, 1)
        features.strands(paths, colors, np.full(count, 0.013 * pose.unit))
    return over(drawn, soften(features, 0.006, 0.9))


def _beard(rng, pose, at, hair, mouth_y):
    count = 200
    length = rng.choice([0.02, 0.05, 0.16])
    growth = Sheet(pose.height, pose.width)
    outer = [(-0.34, 0.08), (-0.3, 0.26), (-0.2, 0.42), (0, 0.5), (0.2, 0.42), (0.3, 0.26),
             (0.34, 0.08)]
    cheek = [(0.27, 0.2), (0.18, mouth_y + 0.02), (0.14, mouth_y - 0.05), (0, mouth_y - 0.07),
             (-0.14, mouth_y - 0.05), (-0.18, mouth_y + 0.02), (-0.27, 0.2)]
    growth.fill(at(closed_curve(outer + cheek)), hair * 0.7)
    below = soft(growth.layer(), max(0.3, 0.02 * pose.unit)) * np.float32(0.35 + 2 * length)
    sheet = Sheet(pose.height, pose.width)
    side = rng.uniform(-1, 1, count)
    rim = np.interp(np.abs(side), [0, 0.6, 0.9, 1], [0.5, 0.41, 0.25, 0.1])
    up = rng.random(count) * np.where(np.abs(side) < 0.6, 0.1, 0.05)
    roots = np.stack([side * 0.335, rim - up], 1)
    angle = np.pi / 2 - side * 0.5 + rng.normal(0, 0.25, count)
    paths = grow(rng, at(roots), angle, length * rng.uniform(0.6, 1.2, count) * pose.unit,
                 curl=0.4, frizz=0.2, points=6)
    sheet.strands(paths, strand_colors(rng, hair * 0.85, count, 2),
                  np.full(count, 0.009 * pose.unit))
    return over(below, sheet.layer() * np.float32(rng.uniform(0.6, 0.9)))
