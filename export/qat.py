r"""Quantization-aware models: float model in, fake-quant model out, which `fit` trains on.

`quantize` rebuilds a float model in float32. Every batch norm is folded into the convolution before
it (its statistics and scale stay as they are), weights are copied, and every tensor that will be
int8 on the phone passes a fake quantization. The result has the inputs and outputs of the float
model, so losses and data stay the same; `recipes/modnet.py --quantize` fine-tunes one.

As a command it only measures the ranges, on synthetic composites, and writes the weights that
`export.convert --qat_weights` takes: int8 without fine-tuning, to compare with it.

    python -m export.qat --model modnet_mobilenetv2_mobile --weights float.weights.h5 \
        --size 512x512 --out qat.weights.h5

The rules by layer type are `KERNELS` and `OUTPUTS` below; `export.quantizers` says why they are so.
"""

import os
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import (
    QuantizeLayer,
)

from export.convert import (
    define_network_flags,
    float_network,
    inference_outputs,
    parse_size,
    representative_inputs,
)
from export.quantizers import BlockMean, FixedRange, Int8, ObservedRange, Quantized

PREFIX = "quant_"
KERNELS = {layers.Conv2D: "kernel", layers.DepthwiseConv2D: "depthwise_kernel"}

# How a layer's output is quantised. OBSERVED: by a range of its own; PRODUCT, SUM: likewise, in
# steps that suit the inputs'; INPUT: its values are its inputs' values, so it shares their range;
# SIGMOID: by the scale that TFLite prescribes.
OBSERVED, PRODUCT, SUM = "observed", "product", "sum"
INPUT, SIGMOID = "input", "sigmoid"
OUTPUTS = {
    layers.Conv2D: OBSERVED,
    layers.DepthwiseConv2D: OBSERVED,
    layers.ReLU: OBSERVED,
    layers.AveragePooling2D: OBSERVED,
    layers.GlobalAveragePooling2D: OBSERVED,
    layers.Multiply: PRODUCT,
    layers.Add: SUM,
    layers.Concatenate: INPUT,
    layers.UpSampling2D: INPUT,
    layers.Cropping2D: INPUT,
    layers.ZeroPadding2D: INPUT,
    layers.Activation: SIGMOID,
}
# The logits of an output. Beyond it sigmoid is less than half of 1/256 away from 0 or 1.
LOGIT_LIMIT = 6.25
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


def batches(inputs, size=8):
    """{"image": (N, H, W, 3), ...} -> dicts of at most `size` each, for `calibrate`."""
    count = len(inputs["image"])
    return [{k: v[i : i + size] for k, v in inputs.items()} for i in range(0, count, size)]


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
        self.quantizers = _shared_ranges(model)  # id of a float tensor -> its quantizer

    def run(self):
        convolutions = [layer for layer in self.model.layers if type(layer) in KERNELS]
        for layer in self.model.layers:
            if isinstance(layer, layers.InputLayer):
                image = self._input(layer)
            elif isinstance(layer, layers.Rescaling):
                self._normalise(layer)
            elif isinstance(layer, layers.BatchNormalization):
                self._skip(layer)
            else:
                self._wrap(layer)
        outputs = {key: self.tensors[id(tensor)] for key, tensor in self.model.output.items()}
        quantised = keras.Model({"image": image}, outputs, name=self.model.name)
        for layer in convolutions:
            _fill(quantised, layer, _norm_behind(layer, self.consumers))
        return quantised

    def _input(self, layer):
        image = keras.Input(layer.output.shape[1:], name=layer.name)
        self._put(layer, image, FixedRange(0.0, 1.0), layer.name)
        return image

    def _normalise(self, layer):
        """2 x - 1 in two steps, of which the first leaves the integers as they are."""
        if (layer.scale, layer.offset) != (2.0, -1.0):
            raise ValueError(f"Rescaling {layer.name} has no int8 rule; only 2 x - 1 has.")
        x = self.tensors[id(layer.input)] * layer.scale
        product = FixedRange(0.0, layer.scale)
        x = QuantizeLayer(product, name=f"{PREFIX}{layer.name}_scale")(x) + layer.offset
        self._put(layer, x, PIXELS, layer.name)

    def _put(self, layer, x, quantizer, name):
        self.quantizers[id(layer.output)] = quantizer
        self.tensors[id(layer.output)] = QuantizeLayer(quantizer, name=f"{PREFIX}{name}")(x)

    def _skip(self, norm):
        if type(norm.input.node.layer) not in KERNELS or len(self.consumers[id(norm.input)]) > 1:
            raise ValueError(
                f"Batch norm {norm.name} is not directly behind a convolution of its own, so it "
                "cannot be folded; move it there."
            )
        self.tensors[id(norm.output)] = self.tensors[id(norm.input)]

    def _wrap(self, layer):
        if type(layer) not in OUTPUTS:
            raise ValueError(
                f"{self.model.name} has layer {layer.name} of type {type(layer).__name__}, which "
                "has no int8 rule; use a variant made for integers, such as "
                "modnet_mobilenetv2_mobile, or add the type to export/qat.py."
            )
        x = tf.nest.map_structure(lambda tensor: self.tensors[id(tensor)], layer.input)
        output = _folded_output(layer, self.consumers)
        fused = self._fused_relu(output)
        target = self._quantizer(layer, output if fused is None else fused.output)
        sources = [self.quantizers.get(id(tensor)) for tensor in tf.nest.flatten(layer.input)]
        if isinstance(layer, (layers.AveragePooling2D, layers.GlobalAveragePooling2D)):
            mean = _block_mean(layer, sources[0], target)
            return self._put(layer, mean(x), target, layer.name)
        if isinstance(layer, layers.Concatenate):
            # An image joins features of another range: it is rescaled by a 1x1 block mean.
            x = [
                _rescaled(part, source, target) if isinstance(source, FixedRange) else part
                for part, source in zip(x, sources, strict=True)
            ]
        kernel = KERNELS.get(type(layer))
        config = Int8(None if fused else target, kernel, sources[0], target)
        if id(output) in self.outputs:
            config = Int8(None)
        # Keras names losses and metrics after the layers of the outputs: those keep their names.
        prefix = "" if id(layer.output) in self.outputs else PREFIX
        wrapped = Quantized(_plain(layer, self.consumers), config, name_prefix=prefix)
        self.quantizers[id(output)] = target
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
        followers = self.consumers.get(id(output), [])
        sources = [self.quantizers.get(id(tensor)) for tensor in tf.nest.flatten(layer.input)]
        if any(id(follower.output) in self.outputs for follower in followers):
            return FixedRange(-LOGIT_LIMIT * 128 / 127, LOGIT_LIMIT)
        if rule is SIGMOID:
            return FixedRange(0.0, 255 / 256)
        if rule is INPUT and id(output) not in self.quantizers:
            return sources[0]
        quantizer = self.quantizers.setdefault(id(output), ObservedRange())
        if rule is PRODUCT:
            quantizer.unit = lambda: sources[0].step() * sources[1].step()
        elif rule is SUM:
            quantizer.unit = lambda: tf.reduce_min([source.step() for source in sources])
        elif rule is OBSERVED:
            self._match_summands(quantizer, output, followers)
        return quantizer

    def _match_summands(self, quantizer, output, followers):
        """Steps of an addition's inputs shall differ by a power of two: all follow the first."""
        for follower in followers:
            if isinstance(follower, layers.Add):
                others = [self.quantizers.get(id(t)) for t in follower.input if t is not output]
                known = [other for other in others if other is not None]
                if known and quantizer.unit is None:
                    quantizer.unit, quantizer.power = known[0].step, True


def _shared_ranges(model):
    """{id of a float tensor: ObservedRange}, one for every group that has to have one range."""
    groups = {}
    for layer in model.layers:
        if OUTPUTS.get(type(layer)) is INPUT and not _is_image(layer.output):
            inputs = [id(x) for x in tf.nest.flatten(layer.input) if not _is_image(x)]
            joined = {id(layer.output), *inputs}
            joined = joined.union(*(groups[member] for member in joined if member in groups))
            groups.update(dict.fromkeys(joined, joined))
    ranges = {id(group): ObservedRange() for group in groups.values()}
    return {member: ranges[id(group)] for member, group in groups.items()}


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


def _is_image(tensor):
    """Whether a tensor is the normalised image or cropped from it: its range is fixed."""
    layer = tensor.node.layer
    if isinstance(layer, layers.Rescaling):
        return True
    moves = OUTPUTS.get(type(layer)) is INPUT and not isinstance(layer, layers.Concatenate)
    return moves and _is_image(layer.input)


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


def main(_):
    options = flags.FLAGS
    try:
        _calibrate_file(options)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(options.out)


def _calibrate_file(options):
    size = parse_size(options.size)
    model = deployment(float_network(options, size))
    inputs = representative_inputs(model.input, *size, count=options.images)
    quantised = quantize(model, batches(inputs))
    out = Path(options.out)
    temporary = out.with_name(f".{os.getpid()}.{out.name}")
    try:
        quantised.save_weights(temporary)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def define_flags():
    define_network_flags()
    flags.DEFINE_string("size", "512x512", "HxW of the images, multiples of 32.")
    flags.DEFINE_integer("images", 32, "Images that the ranges are taken from.", lower_bound=1)
    flags.DEFINE_string("out", "qat.weights.h5", "The .weights.h5 file to write.")


if __name__ == "__main__":
    define_flags()
    app.run(main)
