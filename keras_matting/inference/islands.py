"""Remove what a network took for foreground far away from the subject."""

import cv2
import numpy as np

LEVEL = 0.02  # alpha that connects: hair stays connected with the head
SHARE = 0.02  # of the largest region's area; smaller regions are removed
SIDE = 1024  # pixels; regions are found at no more than this size


def without_islands(alpha):
    """Return alpha float32 (H, W) in [0, 1] with small separate regions set to 0.

    Regions are connected pixels above 1/50. Those with less than 1/50 of the largest one's area are
    removed, such as parts of furniture; a second person stays.
    """
    scale = min(1.0, SIDE / max(alpha.shape))
    size = [max(1, round(side * scale)) for side in alpha.shape[::-1]]
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) if scale < 1.0 else alpha
    _, regions, stats, _ = cv2.connectedComponentsWithStats((small > LEVEL).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if len(areas) < 2:
        return alpha
    is_island = np.append(False, areas < SHARE * areas.max())[regions]
    removed = cv2.dilate(is_island.astype(np.uint8), np.ones((3, 3), np.uint8))  # its faint rim
    removed[(regions > 0) & ~is_island] = 0
    removed = cv2.resize(removed, alpha.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(removed, np.float32(0), alpha)
