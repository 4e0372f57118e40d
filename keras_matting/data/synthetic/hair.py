"""Human hair: a mass of broad locks, hundreds of fine strands over it, and some flyaways.

Hair is drawn in two layers, behind the body and in front of the face, in the head's local
coordinates (`pose.Pose`).
"""

from typing import NamedTuple

import numpy as np

from keras_matting.data.synthetic.drawing import (
    Sheet,
    bezier,
    closed_curve,
    ellipse,
    grow,
    noise,
    over,
    relief,
    shade,
)
from keras_matting.data.synthetic.materials import strand_colors


class Style(NamedTuple):
    """How hair is worn; lengths in heights of the head."""

    kind: str  # bald, short, curly, long, bun
    length: float
    volume: float
    wave: float
    part: float  # x of the parting
    fringe: bool
    loose: int  # strands that fly away
    coverage: float  # opacity of the mass: 1 is closed


def hair_style(rng):
    """Draw a random Style."""
    kind = str(rng.choice(["bald", "short", "curly", "long", "bun"], p=[0.06, 0.26, 0.2, 0.36,
                                                                     0.12]))
    length = {"bald": 0.04, "short": rng.uniform(0.1, 0.26), "curly": rng.uniform(0.3, 0.62),
              "long": rng.uniform(0.75, 2.2), "bun": 0.3}[kind]
    wave = rng.choice([0.0, 0.02, 0.06], p=[0.35, 0.35, 0.3]) * rng.uniform(0.6, 1.4)
    return Style(kind, length, rng.uniform(0, 0.2), wave, rng.uniform(-0.2, 0.2),
                 rng.random() < 0.3, int(rng.integers(25, 160)), rng.uniform(0.5, 1))


def back_hair(rng, pose, color, style):
    """Draw hair behind neck and shoulders -> layer."""
    sheet = Sheet(pose.height, pose.width)
    if style.kind == "long":
        for count, width, spread, outreach in ((26, 0.12, 0.1, 0.7), (200, 0.008, 0.28, 1.5)):
            paths = _falling(rng, pose, style, count, True, outreach)
            sheet.strands(paths, strand_colors(rng, color * 0.62, count, 2, spread),
                          _widths(rng, pose, width, count))
    elif style.kind == "curly":
        _curls(rng, pose, color * 0.7, style, sheet, 240, behind=True)
    elif style.kind == "bun":
        _bun(rng, pose, color, sheet)
    return _lit(rng, pose, sheet.layer())


def front_hair(rng, pose, color, style, behind):
    """Draw hair over the head and around the face (all over if seen from behind) -> layer."""
    sheet = Sheet(pose.height, pose.width)
    line = 0.42 if behind else rng.uniform(-0.33, -0.22)  # y the hair begins at, mid forehead
    if style.kind == "bald":
        if rng.random() < 0.6 or behind:
            _cap(pose, color, line, sheet, 0.94)
        layer = sheet.layer()
        return layer * np.float32(rng.uniform(0.15, 0.7))
    _cap(pose, color * 0.75, line - 0.07, sheet)
    if style.kind == "long":
        for count, width, spread, outreach in (
            (30, 0.09, 0.1, 0.8), (90, 0.03, 0.2, 1.05), (300, 0.007, 0.32, 1.35)
        ):
            paths = _falling(rng, pose, style, count, behind, outreach)
            sheet.strands(paths, strand_colors(rng, color * 0.9, count, 2, spread),
                          _widths(rng, pose, width, count))
    elif style.kind == "curly":
        _curls(rng, pose, color, style, sheet, 330, behind=behind)
    elif style.kind == "bun":
        _combed(rng, pose, color, sheet, line)
    else:
        _short(rng, pose, color, style, sheet, line)
    if style.fringe and not behind and style.kind in ("long", "bun"):
        _fringe(rng, pose, color, sheet, style)
    fine = Sheet(pose.height, pose.width)
    _loose(rng, pose, color, style, fine)
    # The thinnest line a sheet has is still wider than a hair: the rest is opacity.
    hairs = fine.layer() * np.float32(rng.uniform(0.35, 1.0))
    return over(hairs, _lit(rng, pose, sheet.layer()))


def _widths(rng, pose, width, count):
    return np.exp(rng.normal(0, 0.3, count)) * width * pose.unit


def _lit(rng, pose, layer):
    """Light the mass: sheen in bands across the strands, and roundness."""
    h, w = layer.shape[:2]
    bands = noise(rng, h, w, 4, 3, stretch=0.5)
    return shade(layer, 1 + 0.35 * np.clip(bands, -0.6, 1.2),
                 relief(layer[..., 3], 0.14 * pose.unit, pose.light, 0.4))


def _scalp(rng, count, low=-2.0, high=2.0):
    """Return angles from vertical (count,) and points (count, 2) on the head's upper outline."""
    angle = rng.uniform(low, high, count)
    return angle, np.stack([0.385 * np.sin(angle), -0.12 - 0.4 * np.cos(angle)], 1)


def _cap(pose, color, line, sheet, scale=1.0):
    """Draw the scalp under the strands, from the hairline up."""
    if line > 0:  # seen from behind
        sheet.fill(pose.head(ellipse(0, -0.09, 0.395, 0.45) * scale), color)
        return
    temple = max(line + 0.24, 0.0)
    points = [(-0.39, temple), (-0.41, -0.15), (-0.34, -0.38), (-0.18, -0.51), (0, -0.54),
              (0.18, -0.51), (0.34, -0.38), (0.41, -0.15), (0.39, temple)]
    face = [(0.35, temple - 0.05), (0.29, (line + temple) / 2 - 0.05), (0.14, line),
            (-0.14, line), (-0.29, (line + temple) / 2 - 0.05), (-0.35, temple - 0.05)]
    sheet.fill(pose.head(closed_curve(points + face) * scale), color)


def _falling(rng, pose, style, count, behind, outreach=1.0):
    """Return paths from the parting over the side of the head and down; 'behind' also straight."""
    side = rng.choice([-1.0, 1.0], count)
    depth = rng.random(count) * outreach
    crown = -0.5 - (0.06 + 0.4 * style.volume) * depth
    x = np.where(behind, rng.uniform(-0.3, 0.3, count), style.part)
    y = crown + 0.02 + 0.2 * np.clip(1 - depth, 0, 1) * (not behind)
    root = np.stack([x, y], 1) + rng.normal(0, 0.012, (count, 2))
    outer = 0.36 + (0.1 + style.volume) * depth
    reach = outer * (rng.random(count) ** 0.5 if behind else 1.0)
    # Broad locks (outreach < 1) end early: only strands reach the tips.
    end_y = 0.1 + style.length * rng.uniform(0.7, 0.75 + 0.25 * outreach, count)
    flare = 0.5 * style.volume + np.clip((end_y - 0.6) * 0.2, 0, 0.15)
    end_x = reach * rng.uniform(0.85, 1.1, count) + flare * rng.uniform(0.3, 1, count)
    ear = np.stack([side * reach, np.full(count, -0.12)], 1)
    over_head = bezier(root, np.stack([0.5 * (root[:, 0] + side * reach), crown], 1),
                       np.stack([side * reach, 0.5 * crown - 0.06], 1), ear, 8)
    down = bezier(ear, ear + [0.0, 0.25], np.stack([side * end_x, 0.5 * end_y], 1),
                  np.stack([side * end_x * rng.uniform(0.85, 1.1, count), end_y], 1), 10)
    path = np.concatenate([over_head[:, :-1], down], axis=1)
    t = np.linspace(0, 1, path.shape[1])
    lock = np.round(depth * 9) + 10 * (side > 0)  # strands of one lock wave together
    phase = lock * 2.4 + rng.normal(0, 0.35, count)
    turns = 1.5 + 1.3 * style.length
    sway = style.wave * np.sin(2 * np.pi * turns * t + phase[:, None]) * np.minimum(1, 2 * t)
    astray = rng.standard_normal((count, 1)) * 0.08 * outreach**2 * t**3
    path[..., 0] += sway + astray
    return pose.head(path)


def _curls(rng, pose, color, style, sheet, count, behind):
    """Draw curls that stand off the scalp, around a mass with a ragged outline."""
    thick = 0.42 * style.length
    around = np.linspace(-2.3, 2.3, 16) if behind else np.linspace(-1.75, 1.75, 13)
    ragged = 1 + rng.normal(0, 0.07, len(around))
    radius = (0.42 + thick * style.coverage) * ragged
    upper = np.stack([radius * np.sin(around), -0.1 - radius * np.cos(around)], 1)
    lower = [(0.2, 0.3), (-0.2, 0.3)] if behind else [(0.33, -0.1), (0.2, -0.3), (0, -0.33),
                                                      (-0.2, -0.3), (-0.33, -0.1)]
    sheet.fill(pose.head(closed_curve(np.concatenate([upper, lower]), 5)), color * 0.55)
    angle, roots = _scalp(rng, count, around[0], around[-1])
    roots *= 1 + thick * 1.1 * rng.random((count, 1))
    if not behind:  # some take root on the brow, where the scalp would show its edge
        near = np.arange(count) % 3 == 0
        x = rng.uniform(-0.3, 0.3, count)
        brow = np.stack([x, -0.4 + 2.2 * x**2 + rng.uniform(-0.06, 0.1, count)], 1)
        roots[near] = brow[near]
    heading = angle - np.pi / 2 + rng.normal(0, 0.7, count) + pose.tilt
    tight = rng.uniform(1.2, 2.4)
    paths = grow(rng, pose.head(roots), heading, style.length * rng.uniform(0.5, 1.1, count) *
                 pose.unit, curl=tight, turns=rng.uniform(1.5, 3), frizz=0.5, gravity=0.3,
                 points=18)
    width = np.where(rng.random(count) < 0.3, 0.03, 0.012) * pose.unit
    sheet.strands(paths, strand_colors(rng, color, count, 2, 0.3), width)


def _short(rng, pose, color, style, sheet, line):
    """Draw short hair, combed to one side or standing up."""
    comb, upright = rng.uniform(-0.9, 0.9), rng.uniform(0.2, 1.0)
    curl = rng.choice([0.2, 1.0])
    for count, width, spread in ((120, 0.05, 0.15), (420, 0.013, 0.3)):
        angle, roots = _scalp(rng, count, -1.75, 1.75)
        inner = rng.random((count, 1)) ** 0.7
        center = np.array([0.0, -0.12])
        roots = center + (roots - center) * (0.62 + 0.4 * inner)
        # Roots below the hairline would grow on the face.
        low = (np.abs(roots[:, 0]) < 0.3) & (roots[:, 1] > line + 0.02)
        roots[low, 1] = line - 0.12 * rng.random(low.sum())
        heading = angle * (0.5 + 0.5 * upright) + comb * (1.2 - upright * 0.6) - np.pi / 2
        heading = heading + rng.normal(0, 0.3, count) + pose.tilt
        length = style.length * rng.uniform(0.5, 1.1, count) * (0.35 + 0.65 * np.cos(angle / 2.2))
        bend = 0.8 * np.sign(angle + comb) * rng.random(count)
        paths = grow(rng, pose.head(roots), heading, length * pose.unit, bend=bend, curl=curl,
                     turns=1.0, frizz=0.25, gravity=0.3, points=8)
        sheet.strands(paths, strand_colors(rng, color, count, 2, spread),
                      _widths(rng, pose, width, count))


def _combed(rng, pose, color, sheet, line):
    """Draw hair pulled back tightly from the forehead to the crown."""
    for count, width, spread in ((40, 0.05, 0.12), (200, 0.011, 0.3)):
        x = rng.uniform(-0.36, 0.36, count)
        start = np.stack([x, line + 0.25 * np.abs(x / 0.36) ** 2.5 + 0.01], 1)
        end = np.stack([x * 0.3, np.full(count, -0.53)], 1)
        middle = (start + end) / 2 + np.stack([x * 0.35, np.full(count, -0.07)], 1)
        paths = bezier(start, (start + middle) / 2, middle, end, 8)
        sheet.strands(pose.head(paths), strand_colors(rng, color, count, 2, spread),
                      _widths(rng, pose, width, count))


def _bun(rng, pose, color, sheet):
    """Draw a knot on the crown, or a tail that hangs to one side."""
    center = np.array([rng.uniform(-0.12, 0.12), rng.uniform(-0.68, -0.56)])
    if rng.random() < 0.5:
        size = rng.uniform(0.14, 0.22)
        count = 130
        turn = rng.uniform(0, 2 * np.pi, count)
        ring = size * rng.uniform(0.2, 1, count)
        roots = center + ring[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
        paths = grow(rng, pose.head(roots), turn + 1.7 + pose.tilt, 1.6 * ring * pose.unit,
                     bend=1.5, frizz=0.1, points=8)
        sheet.fill(pose.head(closed_curve(center + size * np.stack(
            [np.cos(np.arange(8) * 0.785), np.sin(np.arange(8) * 0.785)], 1))), color * 0.6)
        sheet.strands(paths, strand_colors(rng, color, count, 2, 0.25),
                      _widths(rng, pose, 0.025, count))
        return
    side = rng.choice([-1.0, 1.0])
    for count, width in ((20, 0.09), (150, 0.012)):
        spread = rng.uniform(0, 0.3, count)
        start = np.stack([np.full(count, 0.1 * side), np.full(count, -0.5)], 1)
        start += rng.normal(0, 0.03, (count, 2))
        end = np.stack([side * (0.55 + spread), rng.uniform(0.6, 1.3, count)], 1)
        paths = bezier(start, start + [0.45 * side, -0.25], end * [1.0, 0.2], end)
        sheet.strands(pose.head(paths), strand_colors(rng, color * 0.85, count, 2, 0.25),
                      _widths(rng, pose, width, count))


def _fringe(rng, pose, color, sheet, style):
    count = 110
    x = rng.uniform(-0.3, 0.3, count)
    start = np.stack([style.part + 0.4 * (x - style.part), np.full(count, -0.5)], 1)
    end = np.stack([x * 1.05, rng.uniform(-0.2, -0.08, count)], 1)
    over_brow = (start + end) / 2 + np.stack([0.2 * x, np.full(count, -0.04)], 1)
    paths = bezier(start, over_brow, over_brow, end, 8)
    width = np.where(rng.random(count) < 0.4, 0.04, 0.012) * pose.unit
    sheet.strands(pose.head(paths), strand_colors(rng, color, count, 2, 0.2), width)


def _loose(rng, pose, color, style, sheet):
    """Draw single strands that leave the mass, finer than a pixel in most pictures."""
    count = style.loose
    angle, roots = _scalp(rng, count, -1.8, 1.8)
    out = 1 + 0.3 * style.length * rng.random((count, 1)) * (style.kind == "curly")
    heading = angle * 1.15 - np.pi / 2 + rng.normal(0, 0.6, count) + pose.tilt
    length = 0.08 + (0.2 + 0.35 * min(style.length, 1.2)) * rng.random(count) ** 1.7
    paths = grow(rng, pose.head(roots * out), heading, length * pose.unit,
                 bend=rng.normal(0, 1.0, count), curl=0.2 + 5 * style.wave, turns=1.2, frizz=0.15,
                 gravity=0.9, points=12)
    sheet.strands(paths, strand_colors(rng, color * 1.1, count, 2, 0.3),
                  _widths(rng, pose, 0.0035, count))


