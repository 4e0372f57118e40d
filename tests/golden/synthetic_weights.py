"""Deterministic stand-in weights for checking an architecture against its published implementation.

Published checkpoints are not available offline, but their *layouts* (parameter names and shapes)
are. Each tensor is derived from its name, so the published code and a re-implementation get
identical weights without shipping any.
"""

import zlib

import numpy as np


def synthetic_tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the float32 stand-in for parameter `name` with the published `shape`.

    Convolution kernels are (out, in, kh, kw), as PyTorch and Paddle store them. He-scaled normals
    keep activations in range through deep stacks; norm statistics stay away from zero variance.
    """
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode("utf-8"))))
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.float32)
    if leaf in ("running_var", "_variance"):
        values = rng.uniform(0.5, 1.5, shape)
    elif leaf in ("running_mean", "_mean"):
        values = rng.normal(0.0, 0.1, shape)
    elif leaf in ("weight_u", "weight_v"):
        values = rng.normal(0.0, 1.0, shape)
        values = values / (np.linalg.norm(values) + 1e-12)
    elif len(shape) <= 1:
        values = rng.normal(0.0, 0.1, shape) if leaf == "bias" else rng.uniform(0.5, 1.5, shape)
    else:
        values = rng.normal(0.0, 1.0, shape) * np.sqrt(2.0 / np.prod(shape[1:]))
    return np.asarray(values, np.float32)


def synthetic_state(layout: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return stand-ins for a whole layout {name: shape}."""
    return {name: synthetic_tensor(name, tuple(shape)) for name, shape in layout.items()}


def synthetic_image(seed: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    """Return a smooth image plus noise, float32 (height, width, channels) in [0, 1]."""
    rng = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width]
    image = np.empty((height, width, channels))
    for c in range(channels):
        fy, fx, phase = rng.uniform(1.0, 4.0), rng.uniform(1.0, 4.0), rng.uniform(0.0, 2 * np.pi)
        image[..., c] = 0.5 + 0.35 * np.sin(2 * np.pi * (fy * y / height + fx * x / width) + phase)
    image += rng.normal(0.0, 0.05, image.shape)
    return np.clip(image, 0.0, 1.0).astype(np.float32)


def synthetic_alpha(seed: int, height: int, width: int) -> np.ndarray:
    """Return a soft-edged blob with exact 0 and 1 regions, float32 (height, width, 1)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width]
    cy, cx = rng.uniform(0.4, 0.6, 2)
    ry, rx = rng.uniform(0.22, 0.32, 2)
    radius = np.sqrt(((y / height - cy) / ry) ** 2 + ((x / width - cx) / rx) ** 2)
    angle = np.arctan2(y / height - cy, x / width - cx)
    radius += 0.08 * np.sin(rng.integers(5, 12) * angle + rng.uniform(0, 2 * np.pi))
    alpha = np.clip((1.15 - radius) / 0.3, 0.0, 1.0)
    return alpha.astype(np.float32)[..., None]


def trimap_from_alpha(alpha: np.ndarray, radius: int) -> np.ndarray:
    """Return a uint8 trimap (height, width), unknown within `radius` of 0 < alpha < 1."""
    a = alpha[..., 0] if alpha.ndim == 3 else alpha
    unknown = (a > 0) & (a < 1)
    padded = np.pad(unknown, radius)
    grown = np.zeros_like(unknown)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            grown |= padded[dy:dy + a.shape[0], dx:dx + a.shape[1]]
    trimap = np.where(a >= 1, 255, 0).astype(np.uint8)
    trimap[grown] = 128
    return trimap
