"""Rebuild a float model layer by layer with its tensors quantised."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import (
    QuantizeLayer,
)

from keras_matting import weights_files
from keras_matting.quantization.graph import (
    consumers_by_tensor,
    folded_output,
    moved_to,
    norm_behind,
    norm_scale,
)
from keras_matting.quantization.quantizers import (
    BlockMean,
    FixedRange,
    Int8,
    ObservedRange,
    Quantized,
)
from keras_matting.quantization.ranges import ALPHA, known_ranges, shared_ranges
from keras_matting.quantization.rules import (
    FLOAT,
    INPUT,
    KERNELS,
    MATTE,
    OBSERVED,
    OUTPUTS,
    PLAIN,
    PRODUCT,
    SUM,
    TFOpLambda,
)

PREFIX = weights_files.QUANTIZED


class Rebuild:
    """A single pass over `model.layers`, which are in topological order."""

    def __init__(self, model):
        self.model = model
        self.consumers = consumers_by_tensor(model)
        self.outputs = {id(tensor) for tensor in model.output.values()}
        self.tensors = {}  # id of a float tensor -> quantised tensor
        # id of a float tensor -> its quantizer
        self.quantizers = known_ranges(model, self.consumers)
        self.quantizers |= shared_ranges(model, self.quantizers)

    def run(self):
        convolutions = [layer for layer in self.model.layers if type(layer) in KERNELS]
        inputs = {}
        for layer in self.model.layers:
            if isinstance(layer, layers.InputLayer):
                inputs[layer.name] = self._input(layer)
            elif isinstance(layer, layers.Rescaling):
                self._rescale(layer)
            elif isinstance(layer, layers.BatchNormalization):
                self._fold(layer)
            elif isinstance(layer, layers.Dropout):  # rounding regularises instead
                self._skip(layer)
            elif type(layer) not in OUTPUTS:
                raise ValueError(
                    f"{self.model.name} has layer {layer.name} of type {type(layer).__name__}, "
                    "which has no int8 rule; use a variant made for integers, such as "
                    "modnet_mobilenetv2_mobile, or add the type to quantization/rules.py"
                )
            elif type(layer) in PLAIN:
                self._repeat(layer)
            elif isinstance(layer, layers.ReLU) and id(layer.output) in self.outputs:
                self._put(layer, self.tensors[id(layer.input)])  # a matte's range clips as well
            else:
                self._wrap(layer)
        outputs = {key: self.tensors[id(tensor)] for key, tensor in self.model.output.items()}
        quantised = weights_files.derived(self.model, inputs, outputs)
        for layer in convolutions:
            _fill(quantised, layer, norm_behind(layer, self.consumers))
        return quantised

    def _input(self, layer):
        picture = keras.Input(layer.output.shape[1:], name=layer.name)
        self._put(layer, picture)
        return picture

    def _rescale(self, layer):
        x, source = self.tensors[id(layer.input)], self.quantizers[id(layer.input)]
        if (layer.scale, layer.offset) == (-1.0, 1.0):
            target = self.quantizers[id(layer.output)]
            inverse = BlockMean(
                source, target, gain=-1.0, offset=1.0, name=f"{PREFIX}{layer.name}_inverse"
            )
            return self._put(layer, inverse(x))
        if (layer.scale, layer.offset) != (2.0, -1.0):
            raise ValueError(
                f"rescaling {layer.name} has no int8 rule; only 2 x - 1 and 1 - x have"
            )
        # in two steps; the first does not change the integers
        product = FixedRange(0.0, layer.scale)
        x = QuantizeLayer(product, name=f"{PREFIX}{layer.name}_scale")(x * layer.scale)
        return self._put(layer, x + layer.offset)

    def _put(self, layer, x):
        """Quantise x as the output of `layer`."""
        quantizer = self.quantizers[id(layer.output)]
        self.tensors[id(layer.output)] = QuantizeLayer(quantizer, name=self._name(layer))(x)

    def _name(self, layer):
        """Name a new layer. Output layers keep theirs: Keras names losses after them."""
        return layer.name if id(layer.output) in self.outputs else PREFIX + layer.name

    def _skip(self, layer):
        self.tensors[id(layer.output)] = self.tensors[id(layer.input)]
        if id(layer.input) in self.quantizers:
            self.quantizers[id(layer.output)] = self.quantizers[id(layer.input)]

    def _fold(self, norm):
        if type(norm.input.node.layer) not in KERNELS or len(self.consumers[id(norm.input)]) > 1:
            raise ValueError(
                f"batch norm {norm.name} cannot be folded; it has to be directly behind a "
                "convolution whose output nothing else uses"
            )
        self._skip(norm)

    def _repeat(self, layer):
        """Call a layer or a TensorFlow operation unchanged and quantise its float outputs.

        They have levels of their input's range already; this tells the converter so.
        """
        node = layer.inbound_nodes[0]
        arguments, options = tf.nest.map_structure(
            lambda x: self.tensors.get(id(x), x), (node.call_args, node.call_kwargs)
        )
        copy = type(layer).from_config(layer.get_config() | _precise(layer))
        results = tf.nest.flatten(copy(*arguments, **options))
        source = self.quantizers[id(tf.nest.flatten(layer.input)[0])]
        for i, (tensor, result) in enumerate(
            zip(tf.nest.flatten(layer.output), results, strict=True)
        ):
            if result.dtype == tf.float32:
                rule = OUTPUTS[type(layer)]
                default = ObservedRange() if rule is FLOAT else ALPHA if rule is MATTE else source
                quantizer = self.quantizers.setdefault(id(tensor), default)
                name = layer.name if id(tensor) in self.outputs else f"{PREFIX}{layer.name}_{i}"
                result = QuantizeLayer(quantizer, name=name)(result)
            self.tensors[id(tensor)] = result

    def _wrap(self, layer):
        x = tf.nest.map_structure(lambda tensor: self.tensors[id(tensor)], layer.input)
        output = folded_output(layer, self.consumers)
        fused = self._fused_relu(output)
        target = self._quantizer(layer, output if fused is None else fused.output)
        sources = [self.quantizers.get(id(tensor)) for tensor in tf.nest.flatten(layer.input)]
        self.quantizers[id(output)] = target
        if isinstance(layer, (layers.AveragePooling2D, layers.GlobalAveragePooling2D)):
            return self._put(layer, _block_mean(layer, sources[0], target)(x))
        if isinstance(layer, layers.Concatenate):
            # images join features of another range: a 1x1 block mean rescales them
            name = PREFIX + layer.name
            x = [
                part if source is target else _rescaled(part, source, target, f"{name}_part{i}")
                for i, (part, source) in enumerate(zip(x, sources, strict=True))
            ]
        kernel = KERNELS.get(type(layer))
        config = Int8(None if fused else target, kernel, sources[0], target)
        last = id(output) in self.outputs and not self.consumers.get(id(output))
        if last and OUTPUTS[type(layer)] is MATTE:
            config = Int8(None)
        prefix = self._name(layer).removesuffix(layer.name)
        wrapped = Quantized(_plain(layer, self.consumers), config, name_prefix=prefix)
        self.tensors[id(layer.output)] = wrapped(x)

    def _fused_relu(self, output):
        """Return the ReLU that an integer convolution applies itself, if nothing else follows."""
        followers = self.consumers.get(id(output), [])
        if len(followers) == 1 and isinstance(followers[0], layers.ReLU):
            return followers[0]
        return None

    def _quantizer(self, layer, output):
        """Return the quantizer of `output`, which includes the norm and ReLU of `layer`."""
        rule = OUTPUTS[type(layer)]
        sources = [self.quantizers.get(id(tensor)) for tensor in tf.nest.flatten(layer.input)]
        if id(output) not in self.quantizers:
            if rule in (INPUT, MATTE):
                return sources[0] if rule is INPUT else ALPHA
            self.quantizers[id(output)] = ObservedRange()
        quantizer = self.quantizers[id(output)]
        if isinstance(quantizer, FixedRange):
            return quantizer
        if rule is PRODUCT:
            quantizer.follow(sources, lambda: sources[0].step() * sources[1].step())
        elif rule is SUM:
            others = [source for source in sources if source is not quantizer]
            quantizer.follow(others, lambda: tf.reduce_min([other.step() for other in others]))
        elif rule is OBSERVED and quantizer.unit is None:
            self._match_summands(quantizer, output)
        return quantizer

    def _match_summands(self, quantizer, output):
        """Make the steps of an addition's inputs differ by powers of two: all follow the first.

        If one of them shares its range with the sum, its step is the smallest.
        """
        for follower, tensor in moved_to(output, self.consumers):
            if isinstance(follower, layers.Add):
                known = [self.quantizers.get(id(t)) for t in follower.input if t is not tensor]
                for other in known:
                    if other is not None and other is not quantizer:
                        shared = other is self.quantizers.get(id(follower.output))
                        if quantizer.follow([other], other.step, True, 1.0 if shared else 0.0):
                            return


def _rescaled(x, source, target, name):
    rescaled = BlockMean(source, target, name=f"{name}_mean")(x)
    return QuantizeLayer(target, name=name)(rescaled)


def _block_mean(layer, source, target):
    """Return a pooling layer as a BlockMean; global pooling is a single block."""
    name, size, strides = f"{PREFIX}{layer.name}_mean", layer.input.shape[1:3], (1, 1)
    if isinstance(layer, layers.AveragePooling2D):
        size, strides = layer.pool_size, layer.strides
        if layer.padding != "valid":
            raise ValueError(f"pooling {layer.name} needs padding='valid' to become int8")
    elif not layer.keepdims or None in size:
        raise ValueError(f"pooling {layer.name} needs keepdims and a fixed size to become int8")
    return BlockMean(source, target, size, strides, name=name)


def _precise(layer):
    """Return changes to a copy's configuration; TensorFlow's operations have no dtype to set."""
    name = {"name": f"{PREFIX}{layer.name}_float"}
    return name if isinstance(layer, TFOpLambda) else name | {"dtype": "float32"}


def _plain(layer, consumers):
    """Return a float32 copy of a layer without its weights; convolutions get a bias."""
    if isinstance(layer, layers.Activation) and layer.activation is not keras.activations.sigmoid:
        raise ValueError(f"activation {layer.name} has no int8 rule; only sigmoid has")
    config = layer.get_config() | {"dtype": "float32"}
    if type(layer) in KERNELS:
        if not layer.use_bias and norm_behind(layer, consumers) is None:
            config["bias_constraint"] = keras.constraints.MaxNorm(0.0)
        config["use_bias"] = True
    return type(layer).from_config(config)


def _fill(quantised, layer, norm):
    """Copy the weights of a convolution and of the batch norm behind it, if there is one."""
    values = layer.get_weights()
    values += [np.zeros(layer.output.shape[-1], np.float32)] if len(values) == 1 else []
    (kernel, quantizer), (bias, _) = quantised.get_layer(PREFIX + layer.name).kernel_and_bias()
    if norm is not None:
        scale, (_, beta, mean, _) = norm_scale(norm), norm.get_weights()
        quantizer.scale.assign(scale)
        values[1] = (values[1] - mean) * scale + beta
    kernel.assign(values[0])
    bias.assign(values[1])
