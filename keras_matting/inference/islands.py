"""Remove what a network took for foreground away from the subject, and holes in the subject."""

import cv2
import numpy as np

LEVEL = 0.02  # alpha that connects: hair stays connected with the head
SHARE = 0.02  # of the largest region's area; smaller regions are removed
HOLE = 0.01  # of the foreground's area; smaller holes are filled
RIM = 4  # pixels around a hole that are made opaque where they are more than half
SIDE = 1024  # pixels; regions are found at no more than this size


def without_islands(alpha):
    """Return alpha float32 (H, W) in [0, 1] with small separate regions set to 0.

    Regions are connected pixels above 1/50. Those with less than 1/50 of the largest one's area are
    removed, such as parts of furniture; a second person stays.
    """
    small = _reduced(alpha)
    _, regions, stats, _ = cv2.connectedComponentsWithStats((small > LEVEL).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if len(areas) < 2:
        return alpha
    is_island = np.append(False, areas < SHARE * areas.max())[regions]
    removed = cv2.dilate(is_island.astype(np.uint8), np.ones((3, 3), np.uint8))  # its faint rim
    removed[(regions > 0) & ~is_island] = 0
    removed = cv2.resize(removed, alpha.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(removed, np.float32(0), alpha)


def without_holes(alpha):
    """Return alpha float32 (H, W) in [0, 1] with small holes set to 1.

    Holes are pixels below 1/2 that foreground encloses. Those with less than 1/100 of its area are
    filled, such as eyes and reflections; the gap between an arm and the body is usually larger.
    """
    background = (_reduced(alpha) < 0.5).astype(np.uint8)
    height, width = background.shape
    _, regions, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=4)
    left, top, across, down, areas = stats.T
    is_hole = (left > 0) & (top > 0) & (left + across < width) & (top + down < height)
    is_hole &= areas < HOLE * (background.size - background.sum())
    is_hole[0] = False  # the foreground
    if not is_hole.any():
        return alpha
    holes = is_hole[regions].astype(np.uint8)
    certain, near = (
        cv2.dilate(holes, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) for reach in (1, RIM)
    )
    certain, near = (
        cv2.resize(x, alpha.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        for x in (certain, near)
    )
    return np.where(certain | (near & (alpha > 0.5)), np.float32(1), alpha)


def _reduced(alpha):
    scale = SIDE / max(alpha.shape)
    if scale >= 1.0:
        return alpha
    size = [max(1, round(side * scale)) for side in alpha.shape[::-1]]
    return cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
