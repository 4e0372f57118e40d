"""Queries on the graph of a functional model."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

from keras_matting.quantization.rules import INPUT, OUTPUTS


def layer_inputs(layer):
    return tf.nest.flatten(layer.input)


def consumers_by_tensor(model):
    """Return {id of a tensor: the layers that take it}."""
    consumers = {}
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            for tensor in tf.nest.flatten(layer.input):
                consumers.setdefault(id(tensor), []).append(layer)
    return consumers


def norm_behind(layer, consumers):
    """Return the batch norm that folds into convolution `layer`, or None."""
    followers = consumers.get(id(layer.output), [])
    if len(followers) == 1 and isinstance(followers[0], layers.BatchNormalization):
        return followers[0]
    return None


def folded_output(layer, consumers):
    norm = norm_behind(layer, consumers)
    return layer.output if norm is None else norm.output


def norm_scale(norm):
    """Return the factor of each channel, 0 where a variance of 0 says that it is constant."""
    gamma, _, _, variance = norm.get_weights()
    return np.where(variance == 0.0, 0.0, gamma / np.sqrt(variance + norm.epsilon))


def moved_to(tensor, consumers):
    """Yield (layer, its input) for layers that take `tensor`, directly or moved by others."""
    for follower in consumers.get(id(tensor), []):
        yield follower, tensor
        if OUTPUTS.get(type(follower)) is INPUT and not isinstance(follower, layers.Concatenate):
            for moved in tf.nest.flatten(follower.output):
                yield from moved_to(moved, consumers)
