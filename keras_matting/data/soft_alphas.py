"""Soft alphas and foreground colours for photographs that have a mask or an alpha matte.

A mask is hard: its edge shows neither hair nor lens blur. `soft_alpha` solves closed-form matting
(Levin et al. 2008) in a band around the edge; the mask is a weak prior that decides where colours
do not. `layer_colours` separates the colours of mixed pixels (multi-level estimation, Germer et al.
2020), so that the figure can be composed over another background without a fringe of the old one.

Both need pymatting: `pip install keras_matting[matting]`.
"""

import cv2
import numpy as np

PRIOR, FLAT = 0.02, 10.0  # weights that tie a pixel to the mask
TEXTURE = 0.03  # colour deviation below which a neighbourhood says nothing about the edge
NEAR = (9, 9)  # size of a neighbourhood in pixels


def soft_alpha(image, mask, hair=None, inside=0.006, outside=0.009, hair_factor=2.5):
    """Compute alpha float32 (H, W) from image uint8 RGB (H, W, 3) and mask float (H, W) in [0, 1].

    The unknown band extends `inside` and `outside` times the picture's larger side from the mask's
    edge (where it crosses 0.5), and `hair_factor` times as far around `hair`, a boolean (H, W). A
    network's probabilities can serve as a mask: undecided pixels join the band.
    """
    unit = max(mask.shape)
    widths = [max(2.0, inside * unit), max(2.0, outside * unit)]
    foreground, background = _known(mask, *widths)
    if hair is not None and hair.any():
        near_hair = grown(hair, hair_factor * widths[1])
        wide = _known(mask, hair_factor * widths[0], hair_factor * widths[1])
        foreground = np.where(near_hair, wide[0], foreground)
        background = np.where(near_hair, wide[1], background)
    unknown = ~(foreground | background)
    if not unknown.any():
        return foreground.astype(np.float32)
    margin = 3
    rows, columns = (np.flatnonzero(unknown.any(axis)) for axis in (1, 0))
    window = tuple(
        slice(max(0, found[0] - margin), found[-1] + margin + 1) for found in (rows, columns)
    )
    alpha = foreground.astype(np.float32)
    alpha[window] = _solve(image[window], mask[window], foreground[window], background[window])
    return alpha


def layer_colours(image, alpha):
    """Estimate foreground and background of image uint8 RGB (H, W, 3) and alpha float (H, W).

    Both are uint8 RGB of the image's size.
    """
    import pymatting

    found = pymatting.estimate_foreground_ml(
        image / 255.0, alpha.astype(np.float64), return_background=True
    )
    return tuple(np.rint(255.0 * np.clip(x, 0.0, 1.0)).astype(np.uint8) for x in found)


def disagreement(mask, other):
    """Return the fraction of the mask's area on which two soft masks differ by more than 0.8."""
    return float((np.abs(mask - other) > 0.8).sum() / max((mask > 0.5).sum(), 1))


def _known(mask, inside, outside):
    """Return certain foreground and background: decided and farther than this from the edge."""
    sure = mask > 0.9, mask < 0.1
    return ~grown(~sure[0], inside), ~grown(~sure[1], outside)


def grown(region, radius):
    """Return the pixels (H, W) within `radius` pixels of a boolean region, itself included."""
    if not region.any():
        return region
    # measured to pixels of the region only: the picture's border is not an edge of the figure
    return cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5) <= radius


def _solve(image, mask, foreground, background):
    import pymatting
    import scipy.sparse

    known = foreground | background
    colours = image.astype(np.float64) / 255.0
    laplacian = pymatting.cf_laplacian(colours, epsilon=1e-5, radius=1, is_known=known.ravel())
    small = colours.astype(np.float32)
    variance = cv2.blur(small * small, NEAR) - cv2.blur(small, NEAR) ** 2
    deviation = np.sqrt(np.maximum(variance.max(axis=-1), 0.0))
    prior = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    weight = PRIOR + FLAT * np.exp(-((deviation / TEXTURE) ** 2))
    u, k = np.flatnonzero(~known), np.flatnonzero(known)
    rows = laplacian.tocsr()[u]
    system = (rows[:, u] + scipy.sparse.diags(weight.ravel()[u])).tocsc()
    right = weight.ravel()[u] * prior.ravel()[u] - rows[:, k] @ foreground.ravel()[k].astype(float)
    preconditioner = pymatting.ichol(system, discard_threshold=1e-4)
    found = pymatting.cg(system, right, M=preconditioner, maxiter=400, rtol=1e-5, atol=1e-6)
    alpha = foreground.ravel().astype(np.float32)
    # closed-form solutions miss 0 and 1 slightly everywhere, which leaves a haze
    alpha[u] = np.clip((found - 0.02) / 0.96, 0.0, 1.0)
    return alpha.reshape(foreground.shape)
