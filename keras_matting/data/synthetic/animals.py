"""Animals with fur: from the side with legs and tail, from the front, or curled up.

Every part is a silhouette that strands of fur grow from, all along its outline and over its
inside, coloured by the coat where they take root.
"""

import numpy as np

from keras_matting.data.synthetic.drawing import (
    Sheet,
    closed_curve,
    ellipse,
    grow,
    limb,
    noise,
    over,
    paint,
    relief,
    rotated,
    sample,
    shade,
    soft,
    trace,
)
from keras_matting.data.synthetic.materials import coat, coat_color, strand_colors


def animal(rng, height, width, light):
    """Draw an animal -> layer (h, w, 4)."""
    kind = rng.choice(["side", "front", "curled"], p=[0.4, 0.45, 0.15])
    return {"side": _from_side, "front": _from_front, "curled": _curled}[kind](
        rng, height, width, light
    )


def _furry(rng, outlines, fur, length, unit, light, flow, size, count=420, facing=0.5):
    """Draw outlines filled with the coat `fur` (h, w, 3) and overgrown with strands -> layer.

    flow: angle the fur lies in; facing: how far strands at the outline turn outward instead.
    """
    base = Sheet(*size)
    for points in outlines:
        base.fill(points, (1, 1, 1))
    layer = base.layer()
    mask = np.ascontiguousarray(layer[..., 3])
    layer = shade(paint(layer, fur * np.float32(0.85)), relief(mask, 0.12 * unit, light, 0.45))
    # On the outline strands start a little inside, so that no gap opens before the fur.
    roots, outward, within = trace(rng, outlines, size, count, int(count * 0.75))
    inward = 0.25 * length * rng.random((len(roots), 1))
    roots = roots - inward * np.stack([np.cos(outward), np.sin(outward)], 1)
    across = np.sin(outward - flow)
    heading = flow + np.arctan2(across * facing * 2, np.cos(outward - flow) * facing + 0.6)
    top = Sheet(*size)
    swell = relief(mask, 0.12 * unit, light, 0.45)[..., None]
    for start, angle, pieces in ((within, np.full(len(within), flow), 1), (roots, heading, 2)):
        n = len(start)
        paths = grow(rng, start, angle + rng.normal(0, 0.35, n), length * rng.uniform(0.4, 1.25, n),
                     bend=rng.normal(0, 0.5, n), curl=0.25, turns=1.0, frizz=0.2, gravity=0.4,
                     points=7)
        colors = sample(fur, start) * sample(swell, start)
        width = np.clip(0.1 * length, 0.004 * unit, 0.011 * unit) * np.exp(rng.normal(0, 0.3, n))
        top.strands(paths, strand_colors(rng, colors, n, pieces, 0.22, 0.25), width)
    return over(layer, top.layer())


def _fur_length(rng, unit):
    return unit * rng.choice([0.025, 0.05, 0.09, 0.14], p=[0.2, 0.35, 0.3, 0.15])


def _from_side(rng, height, width, light):
    unit = rng.uniform(0.36, 0.62) * min(width, 1.4 * height)  # length of the body
    flip, lean = rng.choice([-1.0, 1.0]), rng.normal(0, 0.08)
    leg = rng.uniform(0.28, 0.75)
    thick = rng.uniform(0.17, 0.27)
    ground = rng.uniform(0.72, 1.0) * height
    if rng.random() < 0.15:
        ground = rng.uniform(1.0, 1.2) * height
    center = np.array([width * rng.uniform(0.4, 0.6), ground - unit * (leg + 0.5 * thick)])
    size = (height, width)

    def at(points):
        return center + unit * rotated(np.asarray(points, np.float64), lean) * [flip, 1.0]

    def parts(outlines):
        return [at(points) for points in outlines]

    def legs(shift):
        found = []
        for x in (-0.36, 0.34):
            knee, foot = x + rng.normal(0.02, 0.05) + shift, x + rng.normal(0, 0.09) + shift
            joints = [(x, 0.02), (knee, 0.15 + leg * 0.45), (foot, thick * 0.3 + leg)]
            found += limb(joints, [0.13, 0.065, 0.045])
            found.append(ellipse(foot + 0.025, thick * 0.3 + leg + 0.03, 0.065, 0.035))
        return found

    fur = coat(rng, height, width)
    length = _fur_length(rng, unit)
    flow = np.pi / 2 + flip * rng.uniform(0.4, 0.9)  # back and down
    rest = (unit, light, flow, size)
    figure = shade(_furry(rng, parts(legs(-0.06)), fur, 0.3 * length, *rest, count=140), 0.6)
    tail_end = np.array([-0.75, rng.uniform(-0.5, 0.45)])
    tail = limb([(-0.45, -0.1), (-0.62, 0.5 * tail_end[1] - 0.1), tail_end],
                [0.06, 0.045, rng.uniform(0.01, 0.06)])
    figure = over(figure, _furry(rng, parts(tail), fur, 1.5 * length, unit, light, flow, size,
                                 count=130, facing=0.9))
    trunk = closed_curve([(-0.52, -0.05), (-0.4, -thick), (-0.05, -thick * 0.88),
                          (0.3, -thick * 1.05), (0.5, -0.1), (0.45, thick * 0.9),
                          (0.1, thick), (-0.25, thick * 0.75), (-0.48, thick * 0.6)])
    figure = over(figure, _furry(rng, parts([trunk, *legs(0.0)]), fur, length, *rest))
    lift = rng.uniform(-0.55, 0.1)
    head = np.array([0.66, lift])
    neck = limb([(0.36, -0.05), head - [0.08, -0.02]], [thick * 0.85, 0.1])
    figure = over(figure, _furry(rng, parts(neck), fur, length * 1.1, *rest, count=260))
    snout, ear = rng.uniform(0.12, 0.26), rng.uniform(0.08, 0.18)
    skull = [*limb([head, head + [snout, 0.06]], [0.12, 0.065])]
    pointed = rng.random() < 0.5
    for x in (-0.06, 0.02):
        tip = (x - 0.03, -0.1 - ear) if pointed else (x - 0.1, 0.1)
        skull.append(head + closed_curve([(x - 0.05, -0.07), tip, (x + 0.05, -0.09)]))
    figure = over(figure, _furry(rng, parts(skull), fur, length * 0.45, *rest, count=200))
    marks = Sheet(*size)
    eye = head + np.array([0.05, -0.03])
    marks.fill(at(ellipse(*eye, 0.02, 0.018)), (0.05, 0.04, 0.03))
    marks.fill(at(ellipse(eye[0] + 0.006, eye[1] - 0.006, 0.005, 0.005)), (0.9, 0.9, 0.9))
    nose = head + np.array([snout + 0.045, 0.04])
    marks.fill(at(ellipse(*nose, 0.025, 0.02)), (0.08, 0.06, 0.06))
    return over(figure, soft(marks.layer(), 0.4))


def _from_front(rng, height, width, light):
    unit = rng.uniform(0.3, 0.58) * min(height, width)  # height of the head
    center = np.array([width * rng.uniform(0.36, 0.64),
                       rng.uniform(0.1, 0.3) * height + 0.55 * unit])
    tilt = rng.normal(0, 0.15)
    size = (height, width)

    def at(points):
        return center + unit * rotated(points, tilt)

    fur, face_fur = coat(rng, height, width), coat(rng, height, width)
    if rng.random() < 0.7:
        face_fur = fur
    length = _fur_length(rng, unit * 1.4)
    rest = (unit, light, np.pi / 2, size)
    broad = rng.uniform(0.5, 0.8)
    chest = closed_curve([(-0.34, 0.2), (0.34, 0.2), (broad, 0.9), (broad * 1.25, 1.8),
                          (broad * 1.3, 3.5), (-broad * 1.3, 3.5), (-broad * 1.25, 1.8),
                          (-broad, 0.9)])
    figure = _furry(rng, [center + unit * chest], fur, 1.2 * length, *rest, count=480, facing=0.7)

    ear = rng.choice(["pointed", "floppy", "round"])
    ears = []
    for side in (-1, 1):
        if ear == "pointed":
            high = rng.uniform(0.35, 0.55)
            shape = [(0.12, -0.36), (0.32, -0.36 - high), (0.44, -0.1)]
        elif ear == "floppy":
            low = rng.uniform(0.2, 0.55)
            shape = [(0.25, -0.4), (0.5, -0.3), (0.6, low * 0.5), (0.48, low), (0.36, 0.0)]
        else:
            shape = [(0.2, -0.42), (0.3, -0.58), (0.48, -0.54), (0.5, -0.32), (0.38, -0.2)]
        ears.append(at(closed_curve(np.array(shape) * [side, 1])))
    ear_fur = face_fur * np.float32(rng.uniform(0.6, 1.0))
    ears = _furry(rng, ears, ear_fur, 0.8 * length, *rest, count=240)
    skull = [at(closed_curve([(0, -0.5), (0.3, -0.42), (0.45, -0.05), (0.33, 0.32), (0, 0.48),
                              (-0.33, 0.32), (-0.45, -0.05), (-0.3, -0.42)]))]
    head = _furry(rng, skull, face_fur, 0.7 * length, *rest, count=420, facing=0.8)
    shadow = soft(np.ascontiguousarray(head[..., 3]), 0.12 * unit)
    figure = shade(figure, 1 - 0.45 * np.roll(shadow, int(0.1 * unit), 0))
    figure = over(over(figure, ears), head) if ear != "floppy" else over(over(figure, head), ears)

    muzzle, y = rng.uniform(0.16, 0.24), rng.uniform(0.14, 0.24)
    mouth = _furry(rng, [at(ellipse(0, y, muzzle, muzzle * 0.85))],
                   np.clip(face_fur * np.float32(rng.uniform(0.8, 1.4)), 0, 1), 0.2 * length,
                   *rest, count=120)
    figure = over(figure, mouth)
    marks = Sheet(*size)
    spacing, eye_size = rng.uniform(0.16, 0.22), rng.uniform(0.045, 0.07)
    iris = np.array([(0.12, 0.07, 0.04), (0.45, 0.3, 0.1), (0.4, 0.5, 0.25)])[rng.integers(3)]
    for side in (-1, 1):
        x = side * spacing
        marks.fill(at(ellipse(x, -0.08, eye_size * 1.2, eye_size)), (0.04, 0.03, 0.03))
        marks.fill(at(ellipse(x, -0.08, eye_size * 0.9, eye_size * 0.85)), iris)
        marks.fill(at(ellipse(x, -0.08, eye_size * 0.45, eye_size * 0.6)), (0.02, 0.02, 0.02))
        marks.fill(at(ellipse(x + 0.02, -0.1, 0.014, 0.014)), (0.95, 0.95, 0.95))
    marks.fill(at(closed_curve([(-0.09, y - 0.1), (0.09, y - 0.1), (0, y)])), (0.1, 0.07, 0.07))
    marks.line(at([(0, y - 0.02), (0, y + 0.08)]), (0.08, 0.05, 0.05), 0.02 * unit)
    marks.line(at([(-0.12, y + 0.1), (-0.04, y + 0.11), (0, y + 0.08), (0.04, y + 0.11),
                   (0.12, y + 0.1)]), (0.08, 0.05, 0.05), 0.02 * unit)
    figure = over(figure, soft(marks.layer(), max(0.3, 0.01 * unit)))
    return over(figure, _whiskers(rng, at, y, unit, size, tilt))


def _whiskers(rng, at, y, unit, size, tilt):
    """Draw long single hairs beside the muzzle, often the only thin thing beyond the fur."""
    sheet, count = Sheet(*size), 2 * int(rng.integers(0, 9))
    if not count:
        return sheet.layer()
    side = np.where(np.arange(count) % 2, 1.0, -1.0)
    roots = np.stack([side * 0.12, y + rng.uniform(-0.05, 0.06, count)], 1)
    angle = np.where(side > 0, 0.0, np.pi) + rng.normal(0, 0.25, count) + tilt
    paths = grow(rng, at(roots), angle, rng.uniform(0.4, 0.8, count) * unit,
                 bend=side * rng.uniform(0, 0.5, count), points=10)
    pale = np.full(3, rng.uniform(0.5, 0.9))
    sheet.strands(paths, strand_colors(rng, pale, count, 2), np.full(count, 0.006 * unit))
    return sheet.layer()


def _curled(rng, height, width, light):
    """Draw a ball of long fur with ears somewhere, lying or in the air."""
    unit = rng.uniform(0.35, 0.6) * min(height, width)
    center = np.array([width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.68)])
    around = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    radius = unit * rng.uniform(0.55, 0.75) * (1 + rng.normal(0, 0.1, 11))
    body = closed_curve(center + np.stack([radius * np.cos(around) * 1.2,
                                           radius * np.sin(around) * 0.8], 1))
    fur = coat(rng, height, width)
    size = (height, width)
    flow = rng.uniform(0, np.pi)
    length = unit * rng.uniform(0.08, 0.26)
    figure = _furry(rng, [body], fur, length, unit, light, flow, size, count=700, facing=1.0)
    head = center + unit * np.array([rng.choice([-0.45, 0.45]), rng.uniform(-0.35, 0.1)])
    parts = [head + unit * ellipse(0, 0, 0.26, 0.22)]
    for side in (-1, 1):
        parts.append(head + unit * closed_curve([(side * 0.05, -0.18), (side * 0.2, -0.38),
                                                 (side * 0.24, -0.08)]))
    figure = over(figure, _furry(rng, parts, fur, 0.35 * length, unit, light, flow, size, 220))
    marks = Sheet(*size)
    for side in (-1, 1):
        marks.fill(head + unit * ellipse(side * 0.1, -0.02, 0.035, 0.03), (0.05, 0.04, 0.04))
    marks.fill(head + unit * ellipse(0, 0.09, 0.04, 0.025), coat_color(rng) * 0.3)
    bands = 1 + 0.2 * noise(rng, height, width, 4, 3)
    return shade(over(figure, soft(marks.layer(), 0.4)), bands)
