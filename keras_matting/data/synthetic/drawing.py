"""Drawing primitives of all synthetic pictures: a supersampled sheet, strands, noise, relief.

Points are (x, y) in pixels of the finished picture, whatever the supersampling; colours are RGB
in [0, 1]. A *layer* is float32 (h, w, 4), premultiplied by its alpha, and layers go over another.
The random numbers drawn do not depend on the picture's size: a seed gives the same picture at any
size.
"""

import cv2
import numpy as np

_SHEET_SIZE = 768  # small pictures are drawn at least this large
_SHIFT = 4  # fractional bits of OpenCV coordinates
_SPILL = 1.46  # measured: sheet pixels that OpenCV's antialiased outlines add to a width
_TRACE_SIZE = 384  # silhouettes are traced at this size, whatever the picture's


class Sheet:
    """A premultiplied RGBA drawing, 3 or more times as large as the picture it becomes.

    OpenCV's antialiasing mixes the old value and the new one by coverage; on a premultiplied
    sheet that is exactly the *over* operator, for colour and alpha at once.
    """

    def __init__(self, height, width):
        self.scale = max(3, -(-_SHEET_SIZE // max(height, width)))
        self.size = (width, height)
        self.pixels = np.zeros((height * self.scale, width * self.scale, 4), np.uint8)
        self.drawn = (1 << 20, 1 << 20, -(1 << 20), -(1 << 20))  # left, top, right, bottom

    def fill(self, points, color):
        """Fill the polygon `points` (n, 2), opaque."""
        cv2.fillPoly(
            self.pixels, [self._fixed(points)], _opaque(color), lineType=cv2.LINE_AA, shift=_SHIFT
        )

    def line(self, points, color, width, closed=False):
        """Draw a line of constant `width`, in pixels of the picture."""
        points = np.asarray(points, np.float64)
        if closed:
            points = np.concatenate([points, points[:1]])
        side = self._sides(points, np.full(len(points), width))
        if width * self.scale > _SPILL:
            self.fill(np.concatenate([points + side, (points - side)[::-1]]), color)
        else:
            cv2.polylines(self.pixels, [self._fixed(points)], False, _opaque(color), 1,
                          cv2.LINE_AA, _SHIFT)

    def strands(self, paths, colors, widths):
        """Draw tapered strands over one another.

        paths (n, p, 2); colors (n, k, 3), from root to tip; widths (n,) at the root, going to 0.
        """
        n, p, _ = paths.shape
        k = colors.shape[1]
        taper = (1 - np.linspace(0, 1, p)) ** 0.6
        side = self._sides(paths, widths[:, None] * taper)
        left, right, middle = map(self._fixed, (paths - side, paths + side, paths))
        cuts = np.linspace(0, p - 1, k + 1).astype(int)
        runs = [(a, b + 1) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        polygons = [
            np.concatenate([left[:, a:b], right[:, a:b][:, ::-1]], axis=1) for a, b in runs
        ]
        broad = [widths * taper[a] * self.scale > _SPILL for a, _ in runs]
        inks = np.clip(np.rint(colors * 255), 0, 255)
        inks = np.concatenate([inks, np.full((n, k, 1), 255.0)], axis=2)
        for i in range(n):
            for j, (a, b) in enumerate(runs):
                if broad[j][i]:
                    cv2.fillPoly(
                        self.pixels, [polygons[j][i]], inks[i, j], cv2.LINE_AA, _SHIFT
                    )
                else:
                    cv2.polylines(
                        self.pixels, [middle[i, a:b]], False, inks[i, j], 1, cv2.LINE_AA, _SHIFT
                    )

    def layer(self):
        """Return the layer (h, w, 4): every pixel is the mean of its part of the sheet."""
        width, height = self.size
        layer = np.zeros((height, width, 4), np.float32)
        pixel = self.scale << _SHIFT
        left, top = (max(0, edge // pixel - 1) for edge in self.drawn[:2])
        right, bottom = (
            min(n, edge // pixel + 2) for n, edge in zip(self.size, self.drawn[2:], strict=True)
        )
        if left < right and top < bottom:  # most parts of a face cover little of the sheet
            k = self.scale
            part = self.pixels[top * k : bottom * k, left * k : right * k]
            small = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
            layer[top:bottom, left:right] = small * np.float32(1 / 255)
        return layer

    def _sides(self, paths, widths):
        """Return offsets from paths (..., p, 2) to the left edge of a line of `widths` (..., p)."""
        tangent = np.gradient(paths, axis=-2)
        normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
        half = np.maximum(0, widths - _SPILL / self.scale) / 2
        return normal * half[..., None]

    def _fixed(self, points):
        scaled = (np.asarray(points, np.float64) * self.scale - 0.5) * (1 << _SHIFT)
        fixed = np.rint(np.clip(scaled, -(1 << 20), 1 << 20)).astype(np.int32)
        if fixed.size:
            x, y, w, h = cv2.boundingRect(fixed.reshape(-1, 2))
            left, top, right, bottom = self.drawn
            self.drawn = (min(left, x), min(top, y), max(right, x + w), max(bottom, y + h))
        return fixed


def _opaque(color):
    return [*(min(max(float(c), 0.0), 1.0) * 255 for c in color), 255]


def spread(plane, channels=3):
    """Repeat (h, w) to float32 (h, w, channels), much faster than broadcasting."""
    return cv2.merge([np.asarray(plane, np.float32)] * channels)


def over(below, above):
    """Lay the layer `above` over the layer `below`."""
    return above + below * spread(1 - above[..., 3], 4)


def paint(layer, picture):
    """Give the layer the colours of picture (h, w, 3)."""
    alpha = layer[..., 3]
    return cv2.merge([*(picture[..., c] * alpha for c in range(3)), alpha])


def shade(layer, *factors):
    """Multiply colour, not alpha, by each factor: (h, w), or three for red, green and blue.

    Colour may end above alpha (brighter than white) and is clipped when the picture is finished.
    """
    gain = [np.ones(layer.shape[:2], np.float32)] * 3
    for factor in factors:
        triple = factor if isinstance(factor, tuple) else (factor,) * 3
        gain = [g * np.asarray(f, np.float32) for g, f in zip(gain, triple, strict=True)]
    return layer * cv2.merge([*gain, np.ones(layer.shape[:2], np.float32)])


def mix(color, other, amount):
    """Blend `color` (3,) and `other` (3,) by amount (h, w) into float32 (h, w, 3)."""
    return cv2.merge([np.asarray(c + (o - c) * amount, np.float32)
                      for c, o in zip(color.tolist(), other.tolist(), strict=True)])


def soft(plane, radius):
    """Blur (h, w) or (h, w, c) by a Gaussian; wide ones are computed at a smaller size."""
    small, reduction = _blurred(plane, radius)
    if reduction == 1:
        return small
    return cv2.resize(small, plane.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _blurred(plane, radius):
    h, w = plane.shape[:2]
    reduction = int(max(1, min(radius / 2, min(h, w) / 8)))
    if reduction > 1:
        size = (-(-w // reduction), -(-h // reduction))
        plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    sigma = max(radius / reduction, 0.1)
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), reduction


def relief(alpha, radius, light, strength):
    """Return brightness (h, w) about 1 of a shape inflated from its outline, lit from `light`."""
    bulge, reduction = _blurred(np.ascontiguousarray(alpha), radius)
    # Slopes are taken before enlarging: those of a linearly enlarged bulge would have steps.
    dx = cv2.Sobel(bulge, cv2.CV_32F, 1, 0, ksize=3, scale=np.cos(light) / 8)
    dy = cv2.Sobel(bulge, cv2.CV_32F, 0, 1, ksize=3, scale=np.sin(light) / 8)
    slope = np.clip((dx + dy) * np.float32(radius / reduction * 2), -1, 1)
    gain = 1 - np.float32(strength) * slope
    return cv2.resize(gain, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)


def noise(rng, height, width, cells=3, octaves=5, persistence=0.55, stretch=1.0):
    """Draw 1/f noise (h, w) of mean 0 and deviation 0.5, about; `stretch` > 1 makes it vertical."""
    weights = persistence ** np.arange(octaves)
    weights *= 0.7 / np.sqrt((weights**2).sum())
    total = np.zeros((2, 2), np.float32)
    for i, weight in enumerate(weights):
        across = int(cells * 2**i)
        size = (across, max(2, int(across / stretch)))
        total = cv2.resize(total, size, interpolation=cv2.INTER_CUBIC)
        total += np.float32(weight) * rng.standard_normal(size[::-1], np.float32)
    return cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC)


def closed_curve(points, samples=8):
    """Return a smooth closed curve (n * samples, 2) through points (n, 2) (Catmull-Rom)."""
    p1 = np.asarray(points, np.float64)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0, 1, samples, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[:, None] for p in (p0, p1, p2, p3))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                   + (3 * (p1 - p2) + p3 - p0) * t**3)
    return curve.reshape(-1, 2)


def ellipse(x, y, rx, ry, angle=0.0, samples=40):
    """Return the outline (samples, 2) of an ellipse rotated by `angle` radians."""
    t = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.array([x, y]) + rotated(np.stack([rx * np.cos(t), ry * np.sin(t)], 1), angle)


def rotated(points, angle):
    """Rotate points (..., 2) about the origin by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points, np.float64) @ np.array([[c, s], [-s, c]])


def limb(joints, radii):
    """Return the outlines, a list of polygons, of a rounded tube along joints (n, 2) with radii."""
    joints = np.asarray(joints, np.float64)
    outlines = [ellipse(*p, r, r, samples=24) for p, r in zip(joints, radii, strict=True)]
    for i in range(len(joints) - 1):
        axis = joints[i + 1] - joints[i]
        across = np.array([-axis[1], axis[0]]) / (np.linalg.norm(axis) + 1e-9)
        a, b = across * radii[i], across * radii[i + 1]
        outlines.append(np.array([joints[i] + a, joints[i + 1] + b, joints[i + 1] - b,
                                  joints[i] - a]))
    return outlines


def bezier(p0, p1, p2, p3, points=14):
    """Return cubic curves (n, points, 2) from four control points (n, 2) each."""
    t = np.linspace(0, 1, points)[None, :, None]
    p0, p1, p2, p3 = (np.asarray(p, np.float64)[:, None] for p in (p0, p1, p2, p3))
    return (1 - t) ** 3 * p0 + 3 * t * (1 - t) ** 2 * p1 + 3 * t**2 * (1 - t) * p2 + t**3 * p3


def grow(rng, roots, angle, length, *, bend=0.0, curl=0.0, turns=2.0, frizz=0.0, gravity=0.0,
         points=10):
    """Return strands (n, points, 2) that start from roots (n, 2) at angle (n,), with length (n,).

    bend: radians turned root to tip; curl: amplitude in radians of `turns` waves; frizz: random
    wandering in radians; gravity: pull downward (+y) towards the tip.
    """
    n = len(roots)
    t = np.linspace(0, 1, points)
    phase = rng.random((n, 1))
    wander = np.cumsum(rng.standard_normal((n, points)), axis=1) * frizz / np.sqrt(points)
    column = np.asarray(bend, np.float64).reshape(-1, 1)
    theta = angle[:, None] + column * t + wander
    theta = theta + curl * np.sin(2 * np.pi * (turns * t + phase)) * np.minimum(1, 3 * t)
    x, y = np.cos(theta), np.sin(theta) + gravity * t
    step = np.asarray(length)[:, None] / (points - 1) / np.maximum(np.hypot(x, y), 0.3)
    path = np.stack([np.cumsum(x * step, 1), np.cumsum(y * step, 1)], 2)
    return roots[:, None] + path - path[:, :1]


def trace(rng, outlines, size, edge, within):
    """Return random points on and in the union of `outlines`, in a picture of size (h, w).

    -> points (edge, 2) along its outline, their outward angles (edge,), points (within, 2) evenly
    spread over its inside.
    """
    zoom = _TRACE_SIZE / max(size)
    mask = np.zeros([max(2, round(n * zoom)) + 2 for n in size], np.uint8)
    for points in outlines:  # one pixel of border closes contours cut off by the picture's edge
        fixed = np.rint((np.asarray(points) * zoom + 0.5) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 1, shift=_SHIFT)
    mask[[0, -1]] = mask[:, [0, -1]] = 0
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rows, columns = np.nonzero(mask)
    where, pick, jitter = rng.random(edge), rng.random(within), rng.random((within, 2))
    if not contours:  # all of it lies beyond the picture
        return np.zeros((0, 2)), np.zeros(0), np.zeros((0, 2))
    line = np.concatenate([c[:, 0] for c in contours])
    line = line[(where * len(line)).astype(int)]
    bulge, reduction = _blurred(mask.astype(np.float32), 5.0)
    dy, dx = np.gradient(bulge)
    x, y = (line // reduction).T
    pick = (pick * len(rows)).astype(int)
    inner = np.stack([columns[pick], rows[pick]], 1) - 0.5 + jitter
    return (line - 0.5) / zoom, np.arctan2(-dy[y, x], -dx[y, x]), (inner - 0.5) / zoom


def sample(picture, points):
    """Return values (n, c) of picture (h, w, c) at points (n, 2), clamped to the picture."""
    h, w = picture.shape[:2]
    x, y = points[:, 0].astype(int).clip(0, w - 1), points[:, 1].astype(int).clip(0, h - 1)
    return picture[y, x]
