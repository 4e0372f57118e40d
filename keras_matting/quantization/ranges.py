"""Ranges of tensors that follow from the graph alone: known and shared ones."""

import tensorflow as tf
from tensorflow.keras import layers

from keras_matting.layers.class_selection import TrimapClasses
from keras_matting.quantization.graph import layer_inputs
from keras_matting.quantization.quantizers import FixedRange, ObservedRange
from keras_matting.quantization.rules import INPUT, MATTE, OUTPUTS, SUM

# Images, foregrounds and trimaps.
BYTES = FixedRange(0.0, 1.0)
ALPHA = FixedRange(0.0, 255 / 256)
# The argument of a matte's sigmoid, which beyond this limit is within 1/512 of 0 or 1.
LOGIT_LIMIT = 6.25
LOGIT = FixedRange(-LOGIT_LIMIT * 128 / 127, LOGIT_LIMIT)
# A residual that is added to an image, in steps of 2/255.
RESIDUAL = FixedRange(-256 / 255, 254 / 255)
# The normalised image: zero is a level, and no k/255 is halfway between two.
PIXELS = FixedRange(-1.0, 127 / 128)


def known_ranges(model, consumers):
    """Return {id of a float tensor: FixedRange} for tensors whose range is known in advance.

    These are input images, output mattes, and what those are computed from: logits and residuals.
    """
    known = {}
    for layer in model.layers:
        for tensor in tf.nest.flatten(layer.output):
            if isinstance(layer, layers.InputLayer):
                known[id(tensor)] = BYTES
            elif isinstance(layer, layers.Rescaling):
                known[id(tensor)] = PIXELS if layer.offset < 0 else ALPHA
            elif isinstance(layer, TrimapClasses):
                known[id(tensor)] = BYTES
            elif OUTPUTS.get(type(layer)) is MATTE:
                known[id(tensor)] = ALPHA
    for name, tensor in model.output.items():
        if isinstance(tensor.node.layer, layers.ReLU):
            known[id(tensor)] = BYTES if name == "foreground" else ALPHA
            summed = tensor.node.layer.input.node.layer
            if isinstance(summed, layers.Add):
                known |= {id(x): RESIDUAL for x in summed.input if id(x) not in known}
    for layer in reversed(model.layers):
        tensors = tf.nest.flatten(layer.output)
        if isinstance(layer, layers.Activation) and not _is_gate(layer, consumers):
            known[id(layer.input)] = LOGIT
        elif OUTPUTS.get(type(layer)) in (INPUT, SUM):
            if any(known.get(id(tensor)) is LOGIT for tensor in tensors):
                known |= {id(tensor): LOGIT for tensor in (*tensors, *layer_inputs(layer))}
    for layer in model.layers:  # operations that only move an image
        if OUTPUTS.get(type(layer)) is INPUT:
            sources = [known.get(id(tensor)) for tensor in layer_inputs(layer)]
            if None not in sources and LOGIT not in sources:
                known |= {id(tensor): sources[0] for tensor in tf.nest.flatten(layer.output)}
    return known


def _is_gate(layer, consumers):
    """Return whether a sigmoid multiplies something; its argument then has a range of its own."""
    followers = consumers.get(id(layer.output), [])
    return any(isinstance(follower, layers.Multiply) for follower in followers)


def shared_ranges(model, known):
    """Return {id of a float tensor: ObservedRange}, one for every group that shares a range."""
    groups = {}
    for layer in model.layers:
        outputs = [x for x in tf.nest.flatten(layer.output) if x.dtype.is_floating]
        if OUTPUTS.get(type(layer)) is INPUT and id(outputs[0]) not in known:
            inputs = [x for x in layer_inputs(layer) if x.dtype.is_floating]
            joined = {id(x) for x in (*outputs, *inputs) if id(x) not in known}
            joined = joined.union(*(groups[member] for member in joined if member in groups))
            groups.update(dict.fromkeys(joined, joined))
    ranges = {id(group): ObservedRange() for group in groups.values()}
    return {member: ranges[id(group)] for member, group in groups.items()}
