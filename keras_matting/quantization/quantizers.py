"""Fake quantization that every integer backend reproduces bit for bit, as tfmot quantizers.

Two implementations of one int8 network drift apart. TFLite's own kernels round a sum twice,
XNNPACK's round halves to even, others up. Such a difference changes what the next layer rounds, and
some fifty layers later every value has moved a little. So here no sum comes close to the middle
between two levels, where implementations round differently:

* Convolution: input step * kernel step / output step is a power of two, and kernels and biases are
  numbers of steps such that no sum is in the middle between two levels. Kernels are even, biases
  odd, and so is the sum; the middle is an even number. If the power is 1/2, the middle is an odd
  number, and biases are even, too.
* Means are convolutions.
* Addition: the inputs' steps differ by a power of two, and the output's step is an odd multiple of
  the smaller one. Product: an odd multiple of the product of its inputs' steps. This suffices for
  XNNPACK, but TFLite's own kernels round products twice; networks should avoid products.
* Operations that only move values (concatenation, repetition, cropping) keep their range.

Kernels have a step per output channel, including depthwise ones (for which tfmot's own quantizers
have a single step). Even levels cost one of the kernels' eight bits; fine-tuning makes up for it.
"""

import numpy as np
import tensorflow as tf
from tensorflow_model_optimization.python.core.quantization.keras import quantize_wrapper
from tensorflow_model_optimization.quantization.keras import QuantizeConfig
from tensorflow_model_optimization.quantization.keras.quantizers import Quantizer

# Share by which a range shrinks towards the data per step; it grows at once.
SHRINK = 0.01
# TFLite's kernels round once with multipliers just below a power of two, twice from there on.
BELOW = 1.0 - 2.0**-22
# The least of these powers of two with which float32 can tell a sum from the middle of two levels.
LEAST = 2.0**-12


class _Quantizer(Quantizer):
    """A quantizer whose model is rebuilt by `quantize`, never from a config."""

    def build(self, tensor_shape, name, layer):
        return {}

    def get_config(self):
        return {}


class KernelQuantizer(_Quantizer):
    """kernel * scale in even steps from -126 to 126, a step per output channel.

    `scale` (C,), a variable that is not trained, is the batch norm's. The kernel stays that of the
    float model, so that learning rates keep their meaning. `source` and `target` are the
    quantizers of the convolution's input and output.
    """

    def __init__(self, depthwise, source, target):
        self.depthwise, self.source, self.target = depthwise, source, target
        self.scale = 1.0

    def build(self, tensor_shape, name, layer):
        channels = tensor_shape[2] * tensor_shape[3] if self.depthwise else tensor_shape[3]
        self.scale = layer.add_weight(
            f"{name}_scale", shape=(channels,), initializer="ones", trainable=False
        )
        return {}

    def steps(self, kernel):
        """Return the smallest steps (C,) that fit the kernel, `multipliers` times one unit."""
        return self._unit() * self.multipliers(kernel)

    def multipliers(self, kernel):
        """Return input step * kernel step / output step (C,), powers of two."""
        folded = self._folded(kernel)
        limits = tf.reduce_max(tf.abs(folded), axis=list(range(len(folded.shape) - 1)))
        limits = tf.stop_gradient(tf.maximum(limits, 1e-6))
        # 126.01, so that a kernel already on its levels keeps its steps despite rounding errors
        return tf.maximum(_next_power_of_two(limits / (126.01 * self._unit())), LEAST)

    def settled(self, kernel):
        """Return the kernel rounded to its levels, so that rounding it again changes nothing."""
        levels = tf.reshape(self(kernel, False, {}), self._folded(kernel).shape)
        return tf.reshape(levels / tf.where(self.scale == 0.0, 1.0, self.scale), kernel.shape)

    def _unit(self):
        return BELOW * self.target.step() / self.source.step()

    def _folded(self, kernel):
        """Return the scaled kernel, a depthwise one (h, w, C, multiplier) with channels last."""
        flat = tf.reshape(kernel, (*kernel.shape[:2], -1)) if self.depthwise else kernel
        return flat * self.scale

    def __call__(self, inputs, training, weights, **kwargs):
        steps = self.steps(inputs)
        even = _straight_through(
            self._folded(inputs), lambda kernel: 2.0 * steps * tf.round(kernel / (2.0 * steps))
        )
        quantised = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            even, -127.0 * steps, 127.0 * steps, narrow_range=True
        )
        return tf.reshape(quantised, inputs.shape)


class BiasQuantizer(_Quantizer):
    """Multiples of input step * kernel step, which is the unit of the int32 accumulator.

    They are odd, or even where two of these units are a step of the output.
    """

    def __init__(self, kernel, kernel_quantizer):
        self.kernel, self.kernel_quantizer = kernel, kernel_quantizer

    def __call__(self, inputs, training, weights, **kwargs):
        unit = self.kernel_quantizer.source.step() * self.kernel_quantizer.steps(self.kernel)
        halves = self.kernel_quantizer.multipliers(self.kernel) == 0.5

        def rounded(bias):
            multiple = bias / unit
            return tf.where(halves, 2.0 * tf.round(multiple / 2.0), _odd(multiple)) * unit

        return _straight_through(inputs, rounded)


class FixedRange(_Quantizer):
    """256 levels over a range known in advance, which training does not change.

    Clipped values get no gradient: with one, they would grow without bound.
    """

    def __init__(self, low, high):
        self.low, self.high = low, high

    def step(self):
        return tf.constant((self.high - self.low) / 255.0, tf.float32)

    def depends_on(self, other):
        return False

    def __call__(self, inputs, training, weights, **kwargs):
        return tf.quantization.fake_quant_with_min_max_args(inputs, self.low, self.high)


class ObservedRange(_Quantizer):
    """256 levels over the range seen in training. One instance serves all tensors that share it.

    The first training step sets the range, so calibration is a forward pass with training=True.
    `unit`, a function of nothing, restricts the step: to a power of two times unit() if `power`,
    the `least` one at least, to an odd multiple of it otherwise.
    """

    def __init__(self, unit=None, power=False, least=0.0):
        self.unit, self.power, self.least = unit, power, least
        self.leaders = ()  # quantizers that the unit is made of
        self.variables = {
            end: tf.Variable(
                0.0, trainable=False, name=end, aggregation=tf.VariableAggregation.MEAN
            )
            for end in ("min", "max")
        }

    def build(self, tensor_shape, name, layer):
        return self.variables

    def step(self):
        step = tf.maximum(self.variables["max"] - self.variables["min"], 1e-6) / 255.0
        if self.unit is None:
            return step
        unit = self.unit()
        # odd numbers are two apart, so adding one before rounding always covers the range
        if self.power:
            return unit * tf.maximum(_next_power_of_two(step / unit), self.least)
        return unit * _odd(step / unit + 1.0)

    def follow(self, leaders, unit, power=False, least=0.0):
        """Restrict the step by `leaders` and return True, or False if one of them follows this."""
        if any(leader is self or leader.depends_on(self) for leader in leaders):
            return False
        self.leaders, self.unit, self.power, self.least = tuple(leaders), unit, power, least
        return True

    def depends_on(self, other):
        return any(leader is other or leader.depends_on(other) for leader in self.leaders)

    def __call__(self, inputs, training, weights, **kwargs):
        if training:
            self._observe(tf.stop_gradient(inputs))
        step = self.step()
        low = tf.round(self.variables["min"] / step) * step
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, low + 255.0 * step)

    def _observe(self, values):
        for end, reduce, outer in (
            ("min", tf.reduce_min, tf.minimum),
            ("max", tf.reduce_max, tf.maximum),
        ):
            seen = outer(reduce(values), 0.0)  # zero must be one of the levels
            known = self.variables[end]
            known.assign(outer(seen, known + SHRINK * (seen - known)))


class Int8(QuantizeConfig):
    """Which parts of a layer are quantised: its output, and its kernel and bias.

    `output`: the output's quantizer, None if the next layer does that. `kernel`: the name of the
    kernel's attribute, or None. `source`, `target`: as in `KernelQuantizer`.
    """

    def __init__(self, output, kernel=None, source=None, target=None):
        self.output, self.kernel, self.source, self.target = output, kernel, source, target

    def get_weights_and_quantizers(self, layer):
        if self.kernel is None:
            return []
        kernel = getattr(layer, self.kernel)
        depthwise = self.kernel == "depthwise_kernel"
        quantizer = KernelQuantizer(depthwise, self.source, self.target)
        return [(kernel, quantizer), (layer.bias, BiasQuantizer(kernel, quantizer))]

    def set_quantize_weights(self, layer, quantize_weights):
        if self.kernel is not None:
            setattr(layer, self.kernel, quantize_weights[0])
            layer.bias = quantize_weights[1]

    def get_activations_and_quantizers(self, layer):
        return []

    def set_quantize_activations(self, layer, quantize_activations):
        pass

    def get_output_quantizers(self, layer):
        return [] if self.output is None else [self.output]

    def get_config(self):
        return {}


class Quantized(quantize_wrapper.QuantizeWrapperV2):
    """tfmot's wrapper without AutoGraph, which would rewrite every call and take minutes."""

    _call = tf.autograph.experimental.do_not_convert(quantize_wrapper.QuantizeWrapperV2.call)

    def call(self, inputs, training=None):
        return self._call(inputs, training)

    def kernel_and_bias(self):
        """Return [(variable, its quantizer), ...] of a convolution, [] of other layers."""
        return [(variable, quantizer) for variable, quantizer, _ in self._weight_vars]


class BlockMean(tf.keras.layers.Layer):
    """(B, H, W, C) -> means of `size` blocks every `strides`, as a depthwise convolution.

    The default size 1 is the identity, and in integers an exact rescaling. The means are multiplied
    by `gain`, and `offset` is added.
    """

    def __init__(self, source, target, size=(1, 1), strides=(1, 1), gain=1.0, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.quantizer = KernelQuantizer(True, source, target)
        self.size, self.strides, self.gain, self.offset = size, strides, gain, offset

    def build(self, shape):
        mean = self.gain / (self.size[0] * self.size[1])
        self.kernel = np.full((*self.size, shape[-1], 1), mean, np.float32)

    def call(self, inputs):
        kernel = tf.constant(self.kernel)
        bias = tf.fill([kernel.shape[2]], self.offset)
        bias = BiasQuantizer(kernel, self.quantizer)(bias, False, {})
        kernel = self.quantizer(kernel, False, {})
        means = tf.nn.depthwise_conv2d(inputs, kernel, [1, *self.strides, 1], "VALID")
        return tf.nn.bias_add(means, bias)


def _straight_through(x, rounding):
    """Return rounding(x) with the gradient of x."""
    return x + tf.stop_gradient(rounding(x) - x)


def _odd(x):
    """Return the nearest odd number."""
    return 2.0 * tf.floor(x / 2.0) + 1.0


def _next_power_of_two(x):
    """Return the smallest power of two >= x > 0, exactly, which exp(log(x)) would not be."""
    bits = tf.bitcast(x, tf.int32) + 0x7FFFFF
    return tf.bitcast(tf.bitwise.bitwise_and(bits, ~0x7FFFFF), tf.float32)
