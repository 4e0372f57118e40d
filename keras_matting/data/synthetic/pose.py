"""A person's position, and layers drawn in the person's own coordinates."""

from typing import NamedTuple

import numpy as np

from keras_matting.data.synthetic.drawing import Sheet, noise, rotated, shade, soft


class Pose(NamedTuple):
    """Where a person stands and how they are turned; `unit` is the head's height in pixels."""

    height: int
    width: int
    unit: float
    center: np.ndarray
    tilt: float  # of the head, radians
    turn: float  # of the face, -1 to the left .. 1 to the right
    lean: float  # of the body, radians
    light: float  # angle the light comes from

    def head(self, points):
        """Convert local head coordinates to pixels."""
        return self.center + self.unit * rotated(points, self.tilt)

    def body(self, points):
        """Convert local body coordinates to pixels."""
        return self.center + self.unit * rotated(points, self.lean)


def solid(pose, outlines, color, transform):
    """Draw a layer of filled outlines."""
    sheet = Sheet(pose.height, pose.width)
    for points in outlines:
        sheet.fill(transform(points), color)
    return sheet.layer()


def mottled(rng, layer, amount=0.05):
    """Add uneven brightness and colour, as of skin."""
    h, w = layer.shape[:2]
    plane = amount * noise(rng, h, w, 6, 4)
    return shade(layer, (1 + 0.8 * plane, 1 + plane, 1 + 1.1 * plane))


def cast(below, above, pose):
    """Darken `below` in the shadow of `above`."""
    reach = 0.1 * pose.unit
    shadow = soft(np.ascontiguousarray(above[..., 3]), reach)
    shift = np.rint(reach * np.array([-np.cos(pose.light), 1.0])).astype(int)
    shift = np.clip(shift, -(min(shadow.shape) // 4), min(shadow.shape) // 4)
    moved = np.roll(shadow, (shift[1], shift[0]), (0, 1))
    return shade(below, 1 - 0.4 * moved)
