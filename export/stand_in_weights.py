"""Stand-in weights, for files whose structure and arithmetic matter, but whose mattes do not."""

import numpy as np
from tensorflow import keras

BGMV2 = ("decoder3_conv", "refine3_conv")  # the last convolutions of BGMv2 and its refiner


def fill(model, inputs, seed: int = 0):
    """Draw all weights of `model` from a seed and return it.

    Kernels are He-scaled and batch norms keep the activations' scale: a freshly initialised network
    would amplify rounding errors from layer to layer, unlike a trained one. For the same reason the
    last convolutions are scaled down where their results on `inputs` exceed 1.
    """
    rng = np.random.default_rng(seed)
    adds = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    summed = {id(tensor) for layer in adds for tensor in layer.input}
    for layer in model.layers:
        layer.set_weights([_drawn(rng, variable) for variable in layer.weights])
        residual = isinstance(layer, keras.layers.BatchNormalization) and id(layer.output) in summed
        if residual or layer.name.endswith("_project_bn"):  # so that sums do not grow
            layer.gamma.assign(0.5 * layer.gamma)
    for layer in model.layers:
        if _is_last(model, layer):
            logits = keras.Model(model.input, layer.output)(inputs, training=False).numpy()
            scale = min(1.0, 1.0 / np.abs(logits).max())
            kernel, *bias = (scale * values for values in layer.get_weights())
            # so that few pixels are undecided between classes, and a clipped alpha is not 0
            bias = [values + rng.normal(0.0, 0.2, values.shape) for values in bias]
            clipped = layer.name in BGMV2
            bias = [np.abs(values) if len(values) == 1 or clipped else values for values in bias]
            layer.set_weights([kernel, *bias])
    return model


def _is_last(model, layer):
    """Return whether a convolution makes outputs; those of BGMv2 have other names."""
    if model.name.startswith("bgmv2") and layer.name in BGMV2:
        return layer.use_bias
    return layer.name.endswith("_logit_conv")


def _drawn(rng, variable):
    kind, shape = variable.name.split("/")[-1].split(":")[0], variable.shape
    if kind in ("gamma", "moving_variance"):
        return rng.uniform(0.7, 1.3, shape)
    if len(shape) < 4:
        return rng.normal(0.0, 0.1, shape)
    taps = np.prod(shape[:2]) * (1 if "depthwise" in kind else shape[2])
    return rng.normal(0.0, np.sqrt(2.0 / taps), shape)
