"""The input size of each network for a photograph, as in its published test code.

`WAYS` has a row per network; the first pattern that matches its name applies. A row has either

    multiple   pad below and on the right, by reflection, to multiples of this number; the padding
               is cropped off the matte
    size       scale to size(height, width, reference), before padding if there is any; the matte is
               scaled back

Pictures thinner than 8:1 are upscaled less than the published code does, which would make 512x25600
of 8x400.

With `size`, it also has `reference`, the side in pixels that `--size` changes (None: not
applicable), and `shrink`, the interpolation for downscaling. Upscaling is always bilinear.

For published scripts with several modes, the row follows: GFM's single run at reduced size, not the
hybrid of two; GCA's evaluation, without the extra border of its demo; Deep Image Matting's whole
image. `predict_alpha` has the other modes of GFM and GCA as an option. Three differences remain:
PaddleSeg scales twice in a row, GFM blurs with a Gaussian where we average areas, and BiSeNetV2
scales logits back, not probabilities.
"""

from fnmatch import fnmatch
from functools import partial

import cv2

STRIDE = 32
LONGEST = 8  # times the reference; the longer side is not upscaled beyond that


def way(name):
    """Return the row of WAYS for a model name; unknown names get MODNet's."""
    return next(row for pattern, row in WAYS.items() if fnmatch(name, pattern))


def near(height, width, reference):
    """Scale as MODNet: the shorter side becomes `reference`, unless that lies between the sides.

    As in its inference script, fractions are truncated, then sides are cut to multiples of 32.
    """
    shorter = min(height, width)
    if max(height, width) < reference or shorter > reference:
        scale = _bounded(reference / shorter, height, width, reference)
        if scale < reference / shorter:
            height, width = int(height * scale), int(width * scale)
        else:
            height, width = height * reference // shorter, width * reference // shorter
    return _down(height), _down(width)


def shorter_is(height, width, reference):
    """Scale as PaddleSeg's MODNet: set the shorter side to `reference`, cut to multiples of 32."""
    scale = _bounded(reference / min(height, width), height, width, reference)
    return _down(round(height * scale)), _down(round(width * scale))


def shorter_at_most(height, width, reference):
    """Scale as PP-Matting: limit the shorter side to `reference`, cut to multiples of 32."""
    if min(height, width) > reference:
        return shorter_is(height, width, reference)
    return _down(height), _down(width)


def longer_at_most(height, width, reference):
    """Scale as PaddleSeg's Deep Image Matting: no side above `reference` or below 32."""
    scale = min(reference / max(height, width), 1.0)
    return max(round(height * scale), STRIDE), max(round(width * scale), STRIDE)


def part(height, width, reference, divisor):
    """Divide both sides as GFM does (DIM: by 1), cut to multiples of 32 and at most 1600."""
    return tuple(min(_down(side // divisor), 1600) for side in (height, width))


def upwards(height, width, reference):
    """Round up to multiples of 32, as BiSeNetV2's demo does."""
    return -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE


def _bounded(scale, height, width, reference):
    """Limit the upscaling of thin pictures, whose longer side would become enormous."""
    return min(scale, max(LONGEST * reference / max(height, width), 1.0))


def described(model_name: str, given: int | None = None) -> str:
    """Return a sentence about the side that a model of any size sees, or "" if that is not fixed.

    `given` is the side of --size.
    """
    side = way(model_name).get("reference")
    if side is None:
        return ""
    if given:
        return f"{model_name} saw photographs at a side of {given} pixels, published is {side}."
    return f"{model_name} saw photographs at a side of {side} pixels, as published; see --size."


def _down(side):
    return max(side // STRIDE, 1) * STRIDE


def _row(size, reference=None, shrink=cv2.INTER_LINEAR):
    return dict(size=size, reference=reference, shrink=shrink)


WAYS = {
    "bgmv2_base_*": dict(multiple=1),
    "bgmv2_*": dict(multiple=4),
    "bisenetv2*": _row(upwards),
    "dim_vgg16_bilinear": _row(longer_at_most, 3840),
    # ours: sharp edges are not resampled, and unknown bands stay as wide as those in training
    "dim_mobilenetv2_mobile": dict(multiple=32, **_row(longer_at_most, 1600, cv2.INTER_AREA)),
    "dim_*": _row(partial(part, divisor=1)),
    "gca*": dict(multiple=32),
    "gfm_*_rim": _row(partial(part, divisor=3), shrink=cv2.INTER_AREA),
    "gfm_*": _row(partial(part, divisor=2), shrink=cv2.INTER_AREA),
    "modnet_hrnet_*": _row(shorter_is, 512),
    "ppmatting_hrnet_w48*": _row(shorter_at_most, 1536),
    "ppmatting_*": _row(shorter_at_most, 512),
    "*": _row(near, 512, cv2.INTER_AREA),
}
