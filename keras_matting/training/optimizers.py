"""The optimisers and schedules of the recipes in the form in which they were published.

PyTorch's, that is, and Paddle's: in SGD the rate is applied to the velocity, not kept in it, and
decay is added to the gradient; in Adam epsilon is added to the corrected deviation. Both take
`parts`, {beginning of a variable's name: factor on the learning rate}; the first that fits counts,
1 if none does.
"""

import tensorflow as tf
from tensorflow import keras


class _Parts:
    """The learning rate, while a variable's update is traced, is that of its part."""

    _factor = 1.0

    @property
    def learning_rate(self):
        return super().learning_rate * self._factor

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        keras.optimizers.Optimizer.learning_rate.fset(self, learning_rate)

    def update_step(self, gradient, variable):
        fitting = (factor for part, factor in self.parts.items() if variable.name.startswith(part))
        self._factor = next(fitting, 1.0)
        self._update(gradient, variable, self._index_dict[self._var_key(variable)])
        self._factor = 1.0


@keras.utils.register_keras_serializable("keras_matting")
class SGD(_Parts, keras.optimizers.SGD):
    """Momentum 0.9 and weight decay.

    `decays(name)` says for a variable's name whether it decays; all do by default.
    """

    def __init__(
        self, learning_rate, decay=0.0, decays=None, parts=None, momentum=0.9, name="SGD", **kwargs
    ):
        super().__init__(learning_rate, momentum=momentum, name=name, **kwargs)
        self.decay, self.decays, self.parts = decay, decays, parts or {}

    def _update(self, gradient, variable, index):
        if self.decay and (self.decays is None or self.decays(variable.name)):
            gradient += self.decay * variable
        # one operation in place of eight: of a thousand variables that shows, when they are traced
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=self.momentums[index].handle,
            lr=self.learning_rate,
            grad=gradient,
            momentum=self.momentum,
        )


@keras.utils.register_keras_serializable("keras_matting")
class Adam(_Parts, keras.optimizers.Adam):
    """Betas 0.9 and 0.999, epsilon 1e-8.

    `clip`: gradients whose joint norm is more than this many times the usual one are scaled down to
    that; the usual one is a moving average with momentum 0.999 (GCA).
    """

    def __init__(self, learning_rate, parts=None, clip=None, epsilon=1e-8, name="Adam", **kwargs):
        super().__init__(learning_rate, epsilon=epsilon, name=name, **kwargs)
        self.parts, self.clip = parts or {}, clip

    def build(self, variables):
        if self.clip and not getattr(self, "_built", False):
            # every replica has the same gradients here: none need ask another
            self.usual_norm = tf.Variable(
                0.0,
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.MEAN,
                name="usual_norm",
            )
        super().build(variables)

    def _clip_gradients(self, gradients):
        if not self.clip:
            return super()._clip_gradients(gradients)
        norm, usual = tf.linalg.global_norm(gradients), tf.identity(self.usual_norm)
        first = usual == 0.0
        self.usual_norm.assign(tf.where(first, norm, 0.999 * usual + 0.001 * norm))
        most = tf.where(first, norm, self.clip * usual)
        scale = tf.minimum(most / (norm + 1e-6), 1.0)
        return [gradient * scale for gradient in gradients]

    def _update(self, gradient, variable, index):
        step = tf.cast(self.iterations + 1, variable.dtype)
        power_1, power_2 = tf.pow(self.beta_1, step), tf.pow(self.beta_2, step)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=power_1,
            beta2_power=power_2,
            lr=self.learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            # which the operation adds to the deviation before that is corrected
            epsilon=self.epsilon * tf.sqrt(1.0 - power_2),
            grad=gradient,
        )


@keras.utils.register_keras_serializable("keras_matting")
class WarmUpPoly(keras.optimizers.schedules.LearningRateSchedule):
    """Exponentially from `lowest` times `rate` to it in `warm_up` steps, then `poly` to `steps`.

    As in CoinCheung/BiSeNet.
    """

    def __init__(self, rate, steps, warm_up, lowest=0.1):
        super().__init__()
        self.rate, self.steps, self.warm_up, self.lowest = rate, steps, warm_up, lowest

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        warmth = tf.minimum(step / self.warm_up, 1.0)
        after = poly(self.rate, self.steps - self.warm_up)
        return after(tf.maximum(step - self.warm_up, 0.0)) * self.lowest ** (1.0 - warmth)

    def get_config(self):
        names = ("rate", "steps", "warm_up", "lowest")
        return {name: getattr(self, name) for name in names}


def poly(rate, steps):
    """rate * (1 - step / steps)^0.9."""
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0, power=0.9)
