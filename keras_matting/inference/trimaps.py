"""Make a trimap from a network's matte or a mask, for a trimap-based network to refine it."""

import cv2
import numpy as np

CERTAIN = 0.05  # alphas that differ less from 0 and 1 are certain, unless near uncertain ones
LEAST = 2.0  # pixels


def trimap_from_matte(alpha, width: float = 0.015):
    """Return a trimap that is unknown at the edges of a matte, and where the matte is unsure.

    The unknown region extends from the edge, and from alphas between 0.05 and 0.95, by `width`
    times the foreground's size (the square root of its area). It extends twice as far from regions
    of such alphas that are themselves wider than this, such as hair: there, the matte is least
    reliable.

    Args:
        alpha: (H, W), uint8, or float in [0, 1]; a mask with hard edges, too.
        width: in parts of the foreground's size.

    Returns:
        uint8 (H, W) with values 0, 128 and 255.
    """
    if alpha.dtype == np.uint8:
        alpha = alpha * np.float32(1 / 255)
    inside = (alpha >= 0.5).astype(np.uint8)
    if not inside.any():
        return np.where(alpha > CERTAIN, 128, 0).astype(np.uint8)
    radius = max(LEAST, width * float(inside.sum()) ** 0.5)
    edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    unsure = (alpha > CERTAIN) & (alpha < 1 - CERTAIN)
    wide = _distance(~unsure) > radius / 2  # the middle of regions wider than the radius
    unknown = _distance(unsure | (edge > 0)) <= radius
    if wide.any():
        unknown |= _distance(wide) <= 2.5 * radius  # 2 radii from the region's border
    return np.where(unknown, 128, np.where(inside > 0, 255, 0)).astype(np.uint8)


def _distance(region):
    """Return each pixel's distance to the region, in pixels; very far if it is empty."""
    return cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)
