"""At which size each network sees a photograph: what its published test code does.

`WAYS` has a row per network, the first whose pattern fits the name, with either

    multiple   filled up below and on the right, with its mirror image, to multiples of this number;
               the fill is cut off the matte
    size       scaled to size(height, width, reference); the matte is scaled back

and, with `size`, `reference`, the side in pixels that `--size` changes (None: there is none), and
`shrink`, the interpolation where that makes it smaller. Enlarging is bilinear everywhere.

Where a published script has several ways, the row is: of GFM one run at reduced size, not the
hybrid of two; of GCA the evaluation, without the extra border of its demo; of Deep Image Matting
the whole image. Three differences remain: PaddleSeg scales twice in a row, GFM blurs with a
Gaussian where areas are averaged here, and BiSeNetV2 scales logits back, not probabilities.
"""

from fnmatch import fnmatch
from functools import partial

import cv2

STRIDE = 32


def way(name):
    """The row of WAYS for a model of this name; models of other names are seen as MODNet."""
    return next(row for pattern, row in WAYS.items() if fnmatch(name, pattern))


def near(height, width, reference):
    """MODNet: the shorter side becomes `reference` if it exceeds it or the longer one does not.

    As in its inference script, fractions are cut, and then both sides to a multiple of 32.
    """
    shorter = min(height, width)
    if max(height, width) < reference or shorter > reference:
        height, width = height * reference // shorter, width * reference // shorter
    return _down(height), _down(width)


def shorter_is(height, width, reference):
    """PaddleSeg's MODNet: the shorter side becomes `reference`; then multiples of 32."""
    scale = reference / min(height, width)
    return _down(round(height * scale)), _down(round(width * scale))


def shorter_at_most(height, width, reference):
    """PP-Matting: the shorter side is limited to `reference`; then multiples of 32."""
    if min(height, width) > reference:
        return shorter_is(height, width, reference)
    return _down(height), _down(width)


def longer_at_most(height, width, reference):
    """PaddleSeg's Deep Image Matting: no side above `reference`, and none below 32."""
    scale = min(reference / max(height, width), 1.0)
    return max(round(height * scale), STRIDE), max(round(width * scale), STRIDE)


def part(height, width, reference, divisor):
    """GFM: a half or third; Deep Image Matting: all. Multiples of 32, each side up to 1600."""
    return tuple(min(_down(side // divisor), 1600) for side in (height, width))


def upwards(height, width, reference):
    """BiSeNetV2's demo: the next multiples of 32."""
    return -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE


def _down(side):
    return max(side // STRIDE, 1) * STRIDE


def _row(size, reference=None, shrink=cv2.INTER_LINEAR):
    return dict(size=size, reference=reference, shrink=shrink)


WAYS = {
    "bgmv2_base_*": dict(multiple=1),
    "bgmv2_*": dict(multiple=4),
    "bisenetv2*": _row(upwards),
    "dim_vgg16_bilinear": _row(longer_at_most, 3840),
    "dim_*": _row(partial(part, divisor=1)),
    "gca*": dict(multiple=32),
    "gfm_*_rim": _row(partial(part, divisor=3), shrink=cv2.INTER_AREA),
    "gfm_*": _row(partial(part, divisor=2), shrink=cv2.INTER_AREA),
    "modnet_hrnet_*": _row(shorter_is, 512),
    "ppmatting_hrnet_w48": _row(shorter_at_most, 1536),
    "ppmatting_*": _row(shorter_at_most, 512),
    "*": _row(near, 512, cv2.INTER_AREA),
}
