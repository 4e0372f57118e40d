"""Align the captured background of Background Matting V2 with a photograph.

A hand-held camera moves between the two pictures. As in the published script, ORB features are
matched and a homography is fitted by RANSAC. Our version finds more features, matches them both
ways, works on a reduced picture for speed, and refuses an unlikely homography.
"""

import cv2
import numpy as np

SIDE = 1280  # pixels; larger pictures are reduced to find features
FEATURES = 4000
BEST = 0.5  # share of the matches, by distance, that RANSAC sees
FARTHEST = 3.0  # pixels of the reduced picture between a match and the homography
FEWEST = 12  # matches that have to agree
LARGEST_MOVE = 0.25  # of a corner, in parts of the picture's larger side


def align_background(image, background):
    """Warp a background so that it lies under the photograph's own background.

    Pixels that the background does not show are copied from the photograph, as in the published
    script, so that the network takes them for background.

    Args:
        image: the photograph, uint8 (H, W, 3).
        background: the same scene without the subject, uint8 (h, w, 3).

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: no reliable alignment is found.
    """
    height, width = image.shape[:2]
    matrix = _homography(image, background)
    aligned = cv2.warpPerspective(background, matrix, (width, height))
    shown = cv2.warpPerspective(
        np.full(background.shape[:2], 255, np.uint8), matrix, (width, height)
    )
    aligned[shown < 255] = image[shown < 255]
    return aligned


def _homography(image, background):
    """Return the 3x3 matrix that maps pixels of the background to pixels of the image."""
    points, descriptors = zip(*(_features(x) for x in (image, background)), strict=True)
    if any(len(x) < FEWEST for x in points):
        raise ValueError(_failure("too few details to compare"))
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*descriptors)
    matches = sorted(matches, key=lambda match: match.distance)
    matches = matches[: max(FEWEST, round(BEST * len(matches)))]
    target = points[0][[match.queryIdx for match in matches]]
    source = points[1][[match.trainIdx for match in matches]]
    scale = max(1.0, max(image.shape[:2]) / SIDE)
    matrix, agree = cv2.findHomography(source, target, cv2.RANSAC, FARTHEST * scale)
    if matrix is None or agree.sum() < FEWEST:
        raise ValueError(_failure("too few details agree"))
    height, width = background.shape[:2]
    corners = np.float32([[[0, 0]], [[width, 0]], [[0, height]], [[width, height]]])
    scaled = corners * np.float32([image.shape[1] / width, image.shape[0] / height])
    moves = np.abs(cv2.perspectiveTransform(corners, matrix) - scaled).max()
    if not moves <= LARGEST_MOVE * max(image.shape[:2]):
        raise ValueError(_failure("they do not show the same scene from the same place"))
    return matrix


def _features(image):
    """Return ORB features: points (N, 2), x and y in pixels of the image, and descriptors."""
    scale = min(1.0, SIDE / max(image.shape[:2]))
    size = [max(1, round(scale * side)) for side in image.shape[1::-1]]
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    points, descriptors = cv2.ORB_create(FEATURES).detectAndCompute(small, None)
    places = np.float32([point.pt for point in points]).reshape(-1, 2)
    ratio = np.float32([image.shape[1] / size[0], image.shape[0] / size[1]])
    return (places + np.float32(0.5)) * ratio - np.float32(0.5), descriptors


def _failure(reason):
    return (
        f"the background cannot be aligned with the photograph ({reason}); photograph it again "
        "from the same place, or leave out the alignment"
    )
