"""Quantization-aware models: add fake quantization to a float model, for training with `fit`.

`quantize` rebuilds a float model in float32. Every batch norm is folded into the convolution before
it (its statistics and scale stay as they are), weights are copied, and every tensor that is int8
in the exported file is fake-quantized. The result has the inputs and outputs of the float model, so
losses and data stay the same; `recipes/modnet.py --quantize` fine-tunes one.
"""

import tensorflow as tf
from tensorflow import keras

from keras_matting import weights_files
from keras_matting.models import without_heads
from keras_matting.quantization.graph import consumers_by_tensor, norm_behind, norm_scale
from keras_matting.quantization.quantizers import Quantized
from keras_matting.quantization.rebuild import PREFIX, Rebuild
from keras_matting.quantization.rules import KERNELS


def quantize(model, batches=None):
    """Return a copy of a float model that emulates int8.

    `model` is functional, takes images in [0, 1], and has batch norms only directly behind
    convolutions. Outputs stay float32 and keep their names. The ranges come from `batches`, dicts
    of inputs, or else from the first training step. Raises ValueError if a layer has no rule.
    """
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        quantised = Rebuild(model).run()
    finally:
        keras.mixed_precision.set_global_policy(policy)
    if batches is not None:
        calibrate(quantised, batches)
    return quantised


def calibrate(model, batches):
    """Widen the ranges to those of `batches` {"image": (B, H, W, 3) in [0, 1], ...}."""
    for batch in batches:
        model({name: tf.cast(x, tf.float32) for name, x in batch.items()}, training=True)


def deployment(model):
    """Return the part of a quantised (or float) model that is exported; variables are shared.

    Kernels and biases of a quantised model are first rounded to their levels. Otherwise Keras might
    round a weight between two levels up and the converter, which reorders arithmetic, down.
    """
    for layer in model.layers:
        if isinstance(layer, Quantized) and layer.kernel_and_bias():
            (kernel, quantizer), (bias, bias_quantizer) = layer.kernel_and_bias()
            kernel.assign(quantizer.settled(kernel))
            bias.assign(bias_quantizer(bias, False, {}))
    return without_heads(model)


def float_weights(quantised, model):
    """Copy the trained kernels and biases back into the float `model` and return it.

    Batch norms keep their statistics and scale; changes of a bias go into their offset. `model` is
    the one that was quantised, or has its weights.
    """
    consumers = consumers_by_tensor(model)
    for layer in model.layers:
        if type(layer) not in KERNELS:
            continue
        copy = quantised.get_layer(PREFIX + layer.name)
        kernel, bias = (variable.numpy() for variable, _ in copy.kernel_and_bias())
        norm, (_, *own_bias) = norm_behind(layer, consumers), layer.get_weights()
        if norm is None:
            layer.set_weights([kernel, bias][: len(layer.weights)])
            continue
        gamma, _, mean, variance = norm.get_weights()
        beta = bias + (mean - sum(own_bias)) * norm_scale(norm)
        layer.set_weights([kernel, *own_bias])
        norm.set_weights([gamma, beta, mean, variance])
    return model


def load_quantized(model, path):
    """Quantise a float model with training heads and load quantization-aware weights into it.

    `path` has the weights of the network with its heads or of `deployment` only. Returns the
    deployed model. Raises FileNotFoundError, and ValueError if `path` is of another network.
    """
    content = weights_files.read(path)
    if content.format == "qat" and content.variant in (None, model.name):
        for source in (model, deployment(model)):
            quantised = quantize(source)
            if content.mismatch(quantised) is None:
                break
        weights_files.load(quantised, path)
        return deployment(quantised)
    kind = "float" if content.format == "float" else "quantization-aware"
    raise ValueError(
        f"{path} does not hold quantization-aware weights of {model.name}, but {kind} ones"
        + (f" of {content.variant}" if content.variant else "")
    )
