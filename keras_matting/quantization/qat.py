r"""Quantization-aware models: float model in, fake-quant model out, which `fit` trains on.

`quantize` rebuilds a float model in float32. Every batch norm is folded into the convolution before
it (its statistics and scale stay as they are), weights are copied, and every tensor that will be
int8 on the phone passes a fake quantization. The result has the inputs and outputs of the float
model, so losses and data stay the same; `recipes/modnet.py --quantize` fine-tunes one.

The rules by layer type are `KERNELS` and `OUTPUTS` below; `quantizers` says why they are so.
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import (
    QuantizeLayer,
)

try:
    from tf_keras.src.layers.core.tf_op_layer import TFOpLambda
except ImportError:  # TensorFlow 2.15
    from keras.src.layers.core.tf_op_layer import TFOpLambda

from keras_matting.layers.class_selection import FuseByClass, TrimapClasses
from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.layers.unpooling import PoolWithPositions, Unpool
from keras_matting.models import inference_outputs
from keras_matting.quantization.quantizers import (
    BlockMean,
    FixedRange,
    Int8,
    ObservedRange,
    Quantized,
)

PREFIX = "quant_"
KERNELS = {layers.Conv2D: "kernel", layers.DepthwiseConv2D: "depthwise_kernel"}

# How a layer's output is quantised. OBSERVED: by a range of its own; PRODUCT, SUM: likewise, in
# steps that suit the inputs'; INPUT: its values are its first input's values, so it shares their
# range; MATTE: it is in [0, 1] and has the scale that TFLite prescribes for a sigmoid; FLOAT: the
# layer computes in float between integers.
OBSERVED, PRODUCT, SUM = "observed", "product", "sum"
INPUT, MATTE, FLOAT = "input", "matte", "float"
OUTPUTS = {
    layers.Conv2D: OBSERVED,
    layers.DepthwiseConv2D: OBSERVED,
    layers.ReLU: OBSERVED,
    layers.AveragePooling2D: OBSERVED,
    layers.GlobalAveragePooling2D: OBSERVED,
    layers.Multiply: PRODUCT,
    layers.Add: SUM,
    layers.Subtract: SUM,
    layers.Concatenate: INPUT,
    layers.UpSampling2D: INPUT,
    layers.MaxPooling2D: INPUT,
    layers.Dropout: INPUT,  # left out, but what it joins has one range
    layers.Cropping2D: INPUT,
    layers.ZeroPadding2D: INPUT,
    TFOpLambda: INPUT,  # tf.split
    PoolWithPositions: INPUT,
    Unpool: INPUT,
    layers.Activation: MATTE,  # sigmoid
    layers.Softmax: MATTE,
    FuseByClass: MATTE,
    TrimapClasses: MATTE,
    # its scores are squares of features and a penalty of 1e4: eight bits hold one or the other
    GuidedContextualAttention: FLOAT,
}
# Those that are called again as they are.
PLAIN = (
    TFOpLambda,
    PoolWithPositions,
    Unpool,
    FuseByClass,
    TrimapClasses,
    GuidedContextualAttention,
)
# Of an image or trimap, and of a foreground, which is an image.
BYTES = FixedRange(0.0, 1.0)
ALPHA = FixedRange(0.0, 255 / 256)
# Of a sigmoid that gives a matte. Beyond it sigmoid is less than half of 1/256 away from 0 or 1.
LOGIT_LIMIT = 6.25
LOGIT = FixedRange(-LOGIT_LIMIT * 128 / 127, LOGIT_LIMIT)
# What is added to an image and gives one, in steps of two bytes.
RESIDUAL = FixedRange(-256 / 255, 254 / 255)
# Of the normalised image: zero is a level, and no k/255 falls into the middle between two.
PIXELS = FixedRange(-1.0, 127 / 128)


def quantize(model, batches=None):
    """A float model -> the same network with int8 emulated; see the module's docstring.

    `model` is functional, takes pictures in [0, 1], and has a batch norm only directly behind a
    convolution. Outputs stay float32 and keep their names. `batches`: dicts of what it takes, to
    have the ranges from; without them the first training step does. The float model is left alone.
    ValueError names a layer that has no rule.
    """
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        quantised = _Rebuild(model).run()
    finally:
        keras.mixed_precision.set_global_policy(policy)
    if batches is not None:
        calibrate(quantised, batches)
    return quantised


def calibrate(model, batches):
    """Widens the ranges to what `batches` {"image": (B, H, W, 3) in [0, 1], ...} need."""
    for batch in batches:
        model({name: tf.cast(x, tf.float32) for name, x in batch.items()}, training=True)


def deployment(model):
    """The part of a quantised (or float) model that is exported, weights shared.

    A quantised model's kernels and biases are moved onto their levels. A weight between two levels
    might otherwise be rounded up by Keras and down by the converter, which reorders arithmetic.
    """
    for layer in model.layers:
        if isinstance(layer, Quantized) and layer.kernel_and_bias():
            (kernel, quantizer), (bias, bias_quantizer) = layer.kernel_and_bias()
            kernel.assign(quantizer.settled(kernel))
            bias.assign(bias_quantizer(bias, False, {}))
    outputs = {name: model.output[name] for name in inference_outputs(model)}
    return keras.Model(model.input, outputs, name=model.name)


def float_weights(quantised, model):
    """Copies the trained kernels and biases back into the float `model`; returns it.

    The batch norms keep their statistics and scale; what training did to a bias goes into their
    offset. `model` is the one that was quantised, or has its weights.
    """
    consumers = _consumers(model)
    for layer in model.layers:
        if type(layer) not in KERNELS:
            continue
        copy = quantised.get_layer(PREFIX + layer.name)
        kernel, bias = (variable.numpy() for variable, _ in copy.kernel_and_bias())
        norm, (_, *own_bias) = _norm_behind(layer, consumers), layer.get_weights()
        if norm is None:
            layer.set_weights([kernel, bias][: len(layer.weights)])
            continue
        gamma, _, mean, variance = norm.get_weights()
        beta = bias + (mean - sum(own_bias)) * _norm_scale(norm)
        layer.set_weights([kernel, *own_bias])
        norm.set_weights([gamma, beta, mean, variance])
    return model


def load_quantized(model, path):
    """Quantises a float model that has training heads and fills it with weights saved from one.

    `path` may hold the weights of the network with its heads or of `deployment` alone. Returns the
    alpha-only model. FileNotFoundError, ValueError: `path` is missing or of another network.
    """
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(f"There is no weights file {path}.")
    for heads in (True, False):
        source = model if heads else deployment(model)
        quantised = quantize(source)
        try:
            quantised.load_weights(path)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0]
        else:
            return deployment(quantised)
    raise ValueError(
        f"{path} does not hold quantization-aware weights of {model.name} as built here "
        f"(same variant, same width?): {reason}"
    )


class _Rebuild:
    """One walk over a float model's layers, which `model.layers` holds in topological order."""

    def __init__(self, model):
        self.model = model
        self.consumers = _consumers(model)
        self.outputs = {id(tensor) for tensor in model.output.values()}
        self.tensors = {}  # id of a float tensor -> quantised tensor
        # id of a float tensor -> its quantizer
        self.quantizers = _known_ranges(model, self.consumers)
        self.quantizers |= _shared_ranges(model, self.quantizers)

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
            elif isinstance(layer, layers.Dropout):  # rounding is noise enough
                self._skip(layer)
            elif type(layer) not in OUTPUTS:
                raise ValueError(
                    f"{self.model.name} has layer {layer.name} of type {type(layer).__name__}, "
                    "which has no int8 rule; use a variant made for integers, such as "
                    "modnet_mobilenetv2_mobile, or add the type to quantization/qat.py."
                )
            elif type(layer) in PLAIN:
                self._repeat(layer)
            elif isinstance(layer, layers.ReLU) and id(layer.output) in self.outputs:
                self._put(layer, self.tensors[id(layer.input)])  # a matte's range cuts as well
            else:
                self._wrap(layer)
        outputs = {key: self.tensors[id(tensor)] for key, tensor in self.model.output.items()}
        quantised = keras.Model(inputs, outputs, name=self.model.name)
        for layer in convolutions:
            _fill(quantised, layer, _norm_behind(layer, self.consumers))
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
                f"Rescaling {layer.name} has no int8 rule; only 2 x - 1 and 1 - x have."
            )
        # in two steps, of which the first leaves the integers as they are
        product = FixedRange(0.0, layer.scale)
        x = QuantizeLayer(product, name=f"{PREFIX}{layer.name}_scale")(x * layer.scale)
        return self._put(layer, x + layer.offset)

    def _put(self, layer, x):
        """Quantises x as the output of `layer`."""
        quantizer = self.quantizers[id(layer.output)]
        self.tensors[id(layer.output)] = QuantizeLayer(quantizer, name=self._name(layer))(x)

    def _name(self, layer):
        """Keras names losses and metrics after the layers of the outputs, which keep theirs."""
        return layer.name if id(layer.output) in self.outputs else PREFIX + layer.name

    def _skip(self, layer):
        self.tensors[id(layer.output)] = self.tensors[id(layer.input)]
        if id(layer.input) in self.quantizers:
            self.quantizers[id(layer.output)] = self.quantizers[id(layer.input)]

    def _fold(self, norm):
        if type(norm.input.node.layer) not in KERNELS or len(self.consumers[id(norm.input)]) > 1:
            raise ValueError(
                f"Batch norm {norm.name} is not directly behind a convolution of its own, so it "
                "cannot be folded; move it there."
            )
        self._skip(norm)

    def _repeat(self, layer):
        """A layer of ours or an operation of TensorFlow as it is, and its float outputs quantised.

        They hold levels of their input's range already, but the converter has to know.
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
        output = _folded_output(layer, self.consumers)
        fused = self._fused_relu(output)
        target = self._quantizer(layer, output if fused is None else fused.output)
        sources = [self.quantizers.get(id(tensor)) for tensor in tf.nest.flatten(layer.input)]
        self.quantizers[id(output)] = target
        if isinstance(layer, (layers.AveragePooling2D, layers.GlobalAveragePooling2D)):
            return self._put(layer, _block_mean(layer, sources[0], target)(x))
        if isinstance(layer, layers.Concatenate):
            # An image joins features of another range: it is rescaled by a 1x1 block mean.
            x = [
                part if source is target else _rescaled(part, source, target)
                for part, source in zip(x, sources, strict=True)
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
        """The ReLU that an integer convolution applies itself, if that is all that follows."""
        followers = self.consumers.get(id(output), [])
        if len(followers) == 1 and isinstance(followers[0], layers.ReLU):
            return followers[0]
        return None

    def _quantizer(self, layer, output):
        """That of the float tensor `output`, which `layer` makes with norm and ReLU part of it."""
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
        """Steps of an addition's inputs shall differ by a power of two: all follow the first.

        One whose range the sum shares, too, is the smallest.
        """
        for follower, tensor in _moved_to(output, self.consumers):
            if isinstance(follower, layers.Add):
                known = [self.quantizers.get(id(t)) for t in follower.input if t is not tensor]
                for other in known:
                    if other is not None and other is not quantizer:
                        shared = other is self.quantizers.get(id(follower.output))
                        if quantizer.follow([other], other.step, True, 1.0 if shared else 0.0):
                            return


def _known_ranges(model, consumers):
    """{id of a float tensor: FixedRange} where it is known beforehand what a tensor holds.

    Pictures that come in and mattes that come out, and what those are made of: logits, and what is
    added to an image.
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
                known |= {id(tensor): LOGIT for tensor in (*tensors, *_inputs(layer))}
    for layer in model.layers:  # pictures that are moved
        if OUTPUTS.get(type(layer)) is INPUT:
            sources = [known.get(id(tensor)) for tensor in _inputs(layer)]
            if None not in sources and LOGIT not in sources:
                known |= {id(tensor): sources[0] for tensor in tf.nest.flatten(layer.output)}
    return known


def _is_gate(layer, consumers):
    """Whether a sigmoid multiplies something: then its argument may have a range of its own."""
    followers = consumers.get(id(layer.output), [])
    return any(isinstance(follower, layers.Multiply) for follower in followers)


def _shared_ranges(model, known):
    """{id of a float tensor: ObservedRange}, one for every group that has to have one range."""
    groups = {}
    for layer in model.layers:
        outputs = [x for x in tf.nest.flatten(layer.output) if x.dtype.is_floating]
        if OUTPUTS.get(type(layer)) is INPUT and id(outputs[0]) not in known:
            inputs = [x for x in _inputs(layer) if x.dtype.is_floating]
            joined = {id(x) for x in (*outputs, *inputs) if id(x) not in known}
            joined = joined.union(*(groups[member] for member in joined if member in groups))
            groups.update(dict.fromkeys(joined, joined))
    ranges = {id(group): ObservedRange() for group in groups.values()}
    return {member: ranges[id(group)] for member, group in groups.items()}


def _inputs(layer):
    return tf.nest.flatten(layer.input)


def _moved_to(tensor, consumers):
    """Pairs (layer, its input) of what `tensor` goes into, at once or through moving layers."""
    for follower in consumers.get(id(tensor), []):
        yield follower, tensor
        if OUTPUTS.get(type(follower)) is INPUT and not isinstance(follower, layers.Concatenate):
            for moved in tf.nest.flatten(follower.output):
                yield from _moved_to(moved, consumers)


def _rescaled(x, source, target):
    return QuantizeLayer(target)(BlockMean(source, target)(x))


def _block_mean(layer, source, target):
    """A pooling as a BlockMean; the global one is a single block."""
    name, size, strides = f"{PREFIX}{layer.name}_mean", layer.input.shape[1:3], (1, 1)
    if isinstance(layer, layers.AveragePooling2D):
        size, strides = layer.pool_size, layer.strides
        if layer.padding != "valid":
            raise ValueError(f"Pooling {layer.name} needs padding='valid' to become int8.")
    elif not layer.keepdims or None in size:
        raise ValueError(f"Pooling {layer.name} needs keepdims and a fixed size to become int8.")
    return BlockMean(source, target, size, strides, name=name)


def _precise(layer):
    """The configuration of a copy; TensorFlow's own operations have no dtype to set."""
    name = {"name": f"{PREFIX}{layer.name}_float"}
    return name if isinstance(layer, TFOpLambda) else name | {"dtype": "float32"}


def _plain(layer, consumers):
    """A float32 copy of a layer without its weights; convolutions with a bias, be it always 0."""
    if isinstance(layer, layers.Activation) and layer.activation is not keras.activations.sigmoid:
        raise ValueError(f"Activation {layer.name} has no int8 rule; only sigmoid has.")
    config = layer.get_config() | {"dtype": "float32"}
    if type(layer) in KERNELS:
        if not layer.use_bias and _norm_behind(layer, consumers) is None:
            config["bias_constraint"] = keras.constraints.MaxNorm(0.0)
        config["use_bias"] = True
    return type(layer).from_config(config)


def _consumers(model):
    """{id of a tensor: the layers that it goes into}."""
    consumers = {}
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            for tensor in tf.nest.flatten(layer.input):
                consumers.setdefault(id(tensor), []).append(layer)
    return consumers


def _norm_behind(layer, consumers):
    """The batch norm that folds into convolution `layer`, or None."""
    followers = consumers.get(id(layer.output), [])
    if len(followers) == 1 and isinstance(followers[0], layers.BatchNormalization):
        return followers[0]
    return None


def _folded_output(layer, consumers):
    norm = _norm_behind(layer, consumers)
    return layer.output if norm is None else norm.output


def _norm_scale(norm):
    gamma, _, _, variance = norm.get_weights()
    return gamma / np.sqrt(variance + norm.epsilon)


def _fill(quantised, layer, norm):
    """Copies the weights of a convolution and of the batch norm behind it, if there is one."""
    values = layer.get_weights()
    values += [np.zeros(layer.output.shape[-1], np.float32)] if len(values) == 1 else []
    (kernel, quantizer), (bias, _) = quantised.get_layer(PREFIX + layer.name).kernel_and_bias()
    if norm is not None:
        scale, (_, beta, mean, _) = _norm_scale(norm), norm.get_weights()
        quantizer.scale.assign(scale)
        values[1] = (values[1] - mean) * scale + beta
    kernel.assign(values[0])
    bias.assign(values[1])
