"""People: head and shoulders to full length, drawn in units of the head's height.

Local coordinates put the head's centre at (0, 0), x to the right, y down, chin at y = 0.5. A
person is a stack of layers, back to front: hair behind, body, head with face, hair in front
(`hair`), and sometimes glasses, a hat, a scarf or a veil.
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
    shade,
    soft,
    spread,
)
from keras_matting.data.synthetic.faces import face, head
from keras_matting.data.synthetic.hair import back_hair, front_hair, hair_style
from keras_matting.data.synthetic.materials import (
    cloth,
    cloth_color,
    hair_color,
    skin_color,
    strand_colors,
)
from keras_matting.data.synthetic.pose import Pose, cast, mottled, solid


def portrait(rng, height, width, light):
    """Draw a person -> layer (h, w, 4)."""
    pose = _pose(rng, height, width, light)
    skin, hair = skin_color(rng), hair_color(rng)
    style = hair_style(rng)
    behind = rng.random() < 0.08  # seen from the back

    skull = head(rng, pose, skin)
    person = back_hair(rng, pose, hair, style)
    person = over(person, cast(_body(rng, pose, skin), skull, pose))
    if not behind:
        skull = over(skull, face(rng, pose, skin, hair))
    person = over(person, skull)
    front = front_hair(rng, pose, hair, style, behind)
    person = over(cast(person, front, pose), front)
    if rng.random() < 0.18 and not behind:
        person = _glasses(rng, pose, person)
    extra = rng.random()
    if extra < 0.12:
        person = over(person, _hat(rng, pose))
    elif extra < 0.24:
        person = over(person, _veil(rng, pose))
    elif extra < 0.34:
        person = over(person, _scarf(rng, pose))
    return person


def _pose(rng, height, width, light):
    framing = rng.choice(4, p=[0.3, 0.42, 0.19, 0.09])  # close, bust, half length, full length
    low, high = ((0.42, 0.62), (0.27, 0.42), (0.17, 0.27), (0.115, 0.14))[framing]
    unit = rng.uniform(low, high) * min(height, 1.3 * width)
    top = rng.uniform(0.02, 0.22 if framing < 3 else 0.06) * height
    x = width * (0.5 + np.clip(rng.normal(0, 0.1), -0.3, 0.3))
    center = np.array([x, top + 0.62 * unit])
    return Pose(height, width, unit, center, rng.normal(0, 0.13), rng.uniform(-1, 1) * 0.8,
                rng.normal(0, 0.05), light)


def _body(rng, pose, skin):
    """Draw neck, arms, torso, perhaps legs, dressed -> layer."""
    shoulder = rng.uniform(0.92, 1.2)
    near, far = rng.permutation([1.0, 1 - 0.25 * abs(pose.turn)])
    drop = rng.uniform(0, 0.08)
    neck = rng.uniform(0.19, 0.25)
    waist = rng.uniform(0.6, 0.85)
    dip = rng.choice([0.12, 0.2, 0.5], p=[0.55, 0.25, 0.2])
    straps = rng.random() < 0.12

    def sides(points):
        right = [(x * near, y) for x, y in points]
        left = [(-x * far, y) for x, y in points[::-1]]
        return right, left

    flank = [(shoulder * 0.55, 0.79 + drop), (shoulder * 0.86, 0.87 + drop),
             (shoulder, 1.03 + drop), (shoulder * 0.97, 1.4), (waist, 2.1),
             (waist * 1.1, 2.75), (waist * 1.12, 3.3)]
    right, left = sides(flank)
    trunk = closed_curve([(neck * 1.15, 0.66), *right, *left, (-neck * 1.15, 0.66)])
    bare = [limb([(0, 0.2), (0.0, 0.55), (0, 0.95)], [neck, neck * 0.96, neck * 1.25]),
            [trunk * [0.94, 1.0] + [0, 0.03]]]
    arms, hands = _arms(rng, shoulder, near, far, drop)
    person = solid(pose, sum(bare, []) + (arms if straps else []) + hands, skin, pose.body)
    person = mottled(rng, person)
    person = shade(person, relief(person[..., 3], 0.15 * pose.unit, pose.light, 0.35))

    size = (pose.height, pose.width)
    if straps:
        right, left = sides([(shoulder * 0.5, 0.8 + drop), (shoulder * 0.68, 1.25),
                             (shoulder * 0.9, 1.5), *flank[4:]])
        neckline = [(-0.3, 0.82), (-0.25, 1.15), (0, 1.22), (0.25, 1.15), (0.3, 0.82)]
    else:
        right, left = sides(flank)
        neckline = [(-neck * 1.2, 0.68), (-neck * 0.9, 0.7 + dip * 0.6), (0, 0.72 + dip),
                    (neck * 0.9, 0.7 + dip * 0.6), (neck * 1.2, 0.68)]
    dress = closed_curve([*neckline, *right, *left])
    clothes = [dress] if straps else [dress, *arms]
    if pose.unit * 3.2 < pose.height:
        lower = [*limb([(0.3, 2.9), (0.36, 4.6), (0.38, 6.2)], [0.42, 0.27, 0.17]),
                 *limb([(-0.3, 2.9), (-0.34, 4.6), (-0.4, 6.2)], [0.42, 0.27, 0.17])]
        if rng.random() < 0.3:
            lower = [closed_curve([(0.6, 2.7), (0.95, 5), (0.7, 5.3), (-0.7, 5.3), (-0.95, 5),
                                   (-0.6, 2.7)])]
        shoes = [ellipse(0.45, 6.35, 0.26, 0.12), ellipse(-0.47, 6.35, 0.26, 0.12)]
        shoes += limb([(0.4, 4.8), (0.4, 6.2)], [0.17, 0.11])
        shoes += limb([(-0.4, 4.8), (-0.42, 6.2)], [0.17, 0.11])
        person = over(person, solid(pose, shoes, cloth_color(rng) * 0.6, pose.body))
        person = over(person, _dressed(rng, pose, lower))
    person = over(person, _dressed(rng, pose, clothes))
    if not straps and rng.random() < 0.3:
        if rng.random() < 0.4:
            tie = Sheet(*size)
            tie.fill(pose.body([(-0.06, 0.8), (0.06, 0.8), (0.1, 1.9), (-0.1, 1.9)]),
                     cloth_color(rng))
            person = over(person, tie.layer())
        depth = rng.uniform(1.3, 2.2)
        panels = [closed_curve([(neck, 0.64), (0.33, 1.0), (0.05, depth), (0.06, 3.4),
                                *right[::-1][:-1]]),
                  closed_curve([(-neck, 0.64), (-0.33, 1.0), (-0.05, depth), (-0.06, 3.4),
                                *left[:-1]])]
        jacket = _dressed(rng, pose, panels + arms)
        person = over(cast(person, jacket, pose), jacket)
    return over(person, solid(pose, hands, skin, pose.body)) if not straps else person


def _arms(rng, shoulder, near, far, drop):
    """Return outlines of two arms and two hands, hanging, akimbo or bent."""
    arms, hands = [], []
    for side, reach in ((1, near), (-1, far)):
        kind = rng.choice(["hang", "akimbo", "bent", "raised"], p=[0.6, 0.14, 0.2, 0.06])
        start = np.array([shoulder * 0.86 * reach, 1.06 + drop])
        elbow, wrist = {
            "hang": ((1.08, 2.1), (1.12, 3.0)),
            "akimbo": ((1.6, 2.0), (0.85, 2.55)),
            "bent": ((1.1, 2.05), (0.25, 1.9)),
            "raised": ((1.65, 1.25), (1.5, 0.3)),
        }[kind]
        scale = shoulder * reach
        wander = rng.normal(0, 0.06, (2, 2))
        joints = np.array([start, (elbow[0] * scale, elbow[1]), (wrist[0] * scale, wrist[1])])
        joints[1:] += wander
        joints[:, 0] *= side
        arms += limb(joints, [0.19, 0.155, 0.115])
        palm = joints[2] + (joints[2] - joints[1]) / 1.05 * 0.16
        hands += limb([joints[2], palm], [0.095, 0.11])
        spread = rng.normal(0, 0.12, 4)
        axis = np.arctan2(*(joints[2] - joints[1])[::-1])
        for i in range(4):
            direction = axis + (i - 1.5) * 0.22 + spread[i] * 0.4
            tip = palm + 0.24 * np.array([np.cos(direction), np.sin(direction)])
            hands += limb([palm, tip], [0.04, 0.025])
    return arms, hands


def _dressed(rng, pose, outlines):
    """Draw outlines filled with cloth, shaded as a relief."""
    layer = solid(pose, outlines, (1, 1, 1), pose.body)
    layer = paint(layer, cloth(rng, pose.height, pose.width, pose.unit))
    return shade(layer, relief(layer[..., 3], 0.22 * pose.unit, pose.light, 0.45))


def _glasses(rng, pose, person):
    x = 0.13 * pose.turn
    rx, ry = rng.uniform(0.11, 0.135), rng.uniform(0.075, 0.11)
    frame, lens = Sheet(pose.height, pose.width), Sheet(pose.height, pose.width)
    color = cloth_color(rng) * 0.6
    width = rng.uniform(0.012, 0.035) * pose.unit
    tint = rng.choice([0.12, 0.85], p=[0.7, 0.3])
    for side in (-1, 1):
        rim = pose.head(ellipse(x + side * 0.165, 0.03, rx, ry))
        lens.fill(rim, (0.09, 0.08, 0.08) if tint > 0.5 else (0.75, 0.8, 0.85))
        frame.line(rim, color, width, closed=True)
        frame.line(pose.head([(x + side * (0.165 + rx), 0.0), (side * 0.4, -0.02)]), color, width)
    frame.line(pose.head([(x - 0.165 + rx, 0.01), (x, -0.005), (x + 0.165 - rx, 0.01)]), color,
               width)
    h, w = person.shape[:2]
    sheen = np.clip(1 + 0.8 * noise(rng, h, w, 4, 2), 0.4, 2)
    person = over(person, shade(lens.layer() * np.float32(tint), sheen))
    return over(person, frame.layer())


def _hat(rng, pose):
    """Draw a beanie, a cap or a hat with a brim."""
    kind = rng.choice(["beanie", "cap", "brim"])
    top = rng.uniform(-0.72, -0.6)
    crown = closed_curve([(-0.43, -0.2), (-0.4, -0.48), (-0.2, top), (0.2, top), (0.4, -0.48),
                          (0.43, -0.2), (0, -0.16)])
    parts = [crown]
    if kind == "cap":
        side = np.sign(pose.turn) or 1.0
        parts.append(closed_curve([(-0.38, -0.2), (0.0 + 0.2 * side, -0.02), (0.38, -0.2),
                                   (0.2 + 0.25 * side, -0.3), (-0.2, -0.3)]))
    if kind == "brim":
        parts.append(ellipse(0, -0.24, rng.uniform(0.6, 0.85), rng.uniform(0.1, 0.17)))
    layer = solid(pose, parts, (1, 1, 1), pose.head)
    layer = paint(layer, cloth(rng, pose.height, pose.width, 0.6 * pose.unit))
    layer = shade(layer, relief(layer[..., 3], 0.12 * pose.unit, pose.light, 0.45))
    band = solid(pose, [crown + np.array([0, 0.35])], (1, 1, 1), pose.head)[..., 3]
    return shade(layer, 1 - 0.3 * soft(np.ascontiguousarray(band), 0.02 * pose.unit))


def _veil(rng, pose):
    """Draw thin cloth over the head and down past the shoulders: alpha strictly between 0 and 1."""
    flare, end = rng.uniform(0.6, 1.1), rng.uniform(1.2, 2.6)
    wave = rng.normal(0, 0.06, 8)
    shape = closed_curve([(-0.3, -0.55), (0, -0.64), (0.3, -0.55), (0.52 + wave[0], -0.1),
                          (flare * 0.8 + wave[1], 0.6), (flare + wave[2], end),
                          (flare * 0.45, end + 0.15 + wave[3]), (0.36 + wave[4], 0.5),
                          (0.34, -0.1), (0, -0.36 + wave[6]), (-0.34, -0.1),
                          (-0.36 + wave[5], 0.5), (-flare * 0.45, end + 0.1 + wave[3]),
                          (-flare - wave[2], end), (-flare * 0.8 + wave[1], 0.6),
                          (-0.52 - wave[0], -0.1)])
    layer = solid(pose, [shape], (1, 1, 1), pose.head)
    h, w = layer.shape[:2]
    color = np.clip(cloth_color(rng) * 0.5 + 0.45, 0, 1)
    folds = noise(rng, h, w, 10, 3, stretch=3.0)
    thin = np.clip(rng.uniform(0.25, 0.6) + 0.25 * folds, 0.1, 0.9)
    light = np.clip(1 + 0.25 * folds, 0.5, 1.3)
    return shade(layer, tuple(color.tolist()), light) * spread(thin, 4)


def _scarf(rng, pose):
    """Draw a scarf around the neck with a fringe of threads at its hanging end."""
    side = rng.choice([-1, 1])
    wrap = [closed_curve([(-0.38, 0.55), (0, 0.62), (0.38, 0.55), (0.44, 0.75), (0.2, 0.92),
                          (-0.2, 0.92), (-0.44, 0.75)])]
    end = rng.uniform(1.3, 2.0)
    wrap += limb([(0.15 * side, 0.8), (0.22 * side, 1.2), (0.2 * side, end)], [0.13, 0.17, 0.16])
    layer = _dressed(rng, pose, wrap)
    sheet, count = Sheet(pose.height, pose.width), 50
    roots = np.stack([0.2 * side + rng.uniform(-0.17, 0.17, count), np.full(count, end + 0.1)], 1)
    paths = grow(rng, pose.body(roots), rng.normal(np.pi / 2, 0.25, count),
                 rng.uniform(0.15, 0.3, count) * pose.unit, frizz=0.4, gravity=0.4, points=6)
    near = pose.body([(0.2 * side, end - 0.1)]).astype(int)[0]
    h, w = layer.shape[:2]
    pixel = layer[near[1].clip(0, h - 1), near[0].clip(0, w - 1)]
    sheet.strands(paths, strand_colors(rng, pixel[:3] + 0.02, count, 2),
                  np.full(count, 0.02 * pose.unit))
    return over(sheet.layer(), layer)
