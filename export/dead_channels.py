"""Channels that a network never uses: their convolution gives the same value everywhere."""

import numpy as np
from tensorflow.keras import layers


def settle(model) -> list[str]:
    """Make channels whose running variance is 0 constant, in place; return their norms' names.

    Such a channel had the same value everywhere in training, so its norm gave its offset. Folding
    the norm would multiply the kernel by gamma / sqrt(epsilon) instead, hundreds of times gamma,
    which integer formats cannot hold.
    """
    found = []
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization) and layer.scale:
            dead = layer.moving_variance.numpy() == 0.0
            if dead.any():
                layer.gamma.assign(np.where(dead, 0.0, layer.gamma.numpy()))
                found.append(f"{layer.name} ({dead.sum()} of {dead.size})")
    return found
