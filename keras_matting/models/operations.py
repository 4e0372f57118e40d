"""Count the multiply-adds of a network."""

import numpy as np
from tensorflow.keras import layers

from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.layers.patches import SampleCells


def multiply_adds(model) -> int:
    """Count multiply-adds of convolutions and attention for one image; `model` has a fixed size."""
    total = 0
    for layer in model.layers:
        count = 1
        if layer.name.startswith("refine") and type(layer) is layers.Conv2D:
            count = _cells(model)
        if isinstance(layer, layers.Conv2DTranspose):
            total += np.prod(layer.input_shape[1:3]) * np.prod(layer.kernel.shape)
        elif isinstance(layer, layers.DepthwiseConv2D):
            total += np.prod(layer.output_shape[1:3]) * np.prod(layer.depthwise_kernel.shape)
        elif isinstance(layer, layers.Conv2D):
            total += count * np.prod(layer.output_shape[1:3]) * np.prod(layer.kernel.shape)
        elif isinstance(layer, GuidedContextualAttention):
            guidance, features, _ = layer.input_shape
            places = guidance[1] * guidance[2] // 4
            total += places**2 * (9 * guidance[-1] + 16 * features[-1])
    return int(total)


def _cells(model):
    """Return the number of patches that the refinement computes, or 1 if it refines whole maps."""
    choice = [layer for layer in model.layers if isinstance(layer, SampleCells)]
    return min(choice[0].count, np.prod(choice[0].input_shape[1:3])) if choice else 1
