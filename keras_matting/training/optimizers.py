"""Optimisers and learning-rate schedules with the update rules of the published training code.

They follow PyTorch and Paddle: SGD applies the learning rate to the velocity instead of storing it
in the velocity, and adds weight decay to the gradient; Adam adds epsilon to the bias-corrected
deviation. Both take `parts`, {prefix of a variable's name: factor on the learning rate}; the first
matching prefix counts, and a variable without one has factor 1.
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras


class _Parts:
    """Scale the learning rate by the factor of the variable that is being updated."""

    _factor = 1.0

    def __init__(self, *arguments, parts=None, jit_compile=False, **kwargs):
        # on a GPU, Keras would compile the update of each variable with XLA, one by one
        super().__init__(*arguments, jit_compile=jit_compile, **kwargs)
        self.parts = parts or {}

    @property
    def learning_rate(self):
        return super().learning_rate * self._factor

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        keras.optimizers.Optimizer.learning_rate.fset(self, learning_rate)

    def update_step(self, gradient, variable):
        matching = (factor for part, factor in self.parts.items() if variable.name.startswith(part))
        self._factor = next(matching, 1.0)
        self._update(gradient, variable, self._index_dict[self._var_key(variable)])
        self._factor = 1.0


@keras.utils.register_keras_serializable("keras_matting")
class SGD(_Parts, keras.optimizers.SGD):
    """SGD with momentum and weight decay.

    With `decays`, only variables whose name contains one of these strings decay; by default all do.
    """

    def __init__(
        self, learning_rate, decay=0.0, decays=None, parts=None, momentum=0.9, name="SGD", **kwargs
    ):
        super().__init__(learning_rate, parts=parts, momentum=momentum, name=name, **kwargs)
        self.decay, self.decays = decay, decays

    def decay_of(self, variable_name):
        """Return the weight decay of a variable."""
        if self.decays is None or any(part in variable_name for part in self.decays):
            return self.decay
        return 0.0

    def get_config(self):
        return super().get_config() | {
            "decay": self.decay,
            "decays": self.decays,
            "parts": self.parts,
        }

    def _update(self, gradient, variable, index):
        if decay := self.decay_of(variable.name):
            gradient += decay * variable
        # one operation instead of eight, which shortens tracing when there are 1000 variables
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=self.momentums[index].handle,
            lr=self.learning_rate,
            grad=gradient,
            momentum=self.momentum,
        )


@keras.utils.register_keras_serializable("keras_matting")
class Adam(_Parts, keras.optimizers.Adam):
    """Adam with epsilon 1e-8 and GCA's adaptive gradient clipping.

    With `clip`, gradients whose global norm exceeds `clip` times its moving average (momentum
    0.999) are scaled down to that limit.
    """

    def __init__(self, learning_rate, parts=None, clip=None, epsilon=1e-8, name="Adam", **kwargs):
        super().__init__(learning_rate, parts=parts, epsilon=epsilon, name=name, **kwargs)
        self.clip = clip

    def get_config(self):
        return super().get_config() | {"parts": self.parts, "clip": self.clip}

    def build(self, variables):
        if self.clip and not getattr(self, "_built", False):
            # each replica computes the same norm, so no exchange between them is needed
            self.usual_norm = tf.Variable(
                0.0,
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.MEAN,
                name="usual_norm",
            )
        super().build(variables)

    # `usual_norm` is not in `variables`: it would change the names in existing checkpoints
    def save_own_variables(self, store):
        super().save_own_variables(store)
        if self.clip:
            store["usual_norm"] = self.usual_norm.numpy()

    def load_own_variables(self, store):
        store = dict(store.items())
        if self.clip and "usual_norm" in store:
            self.usual_norm.assign(np.array(store.pop("usual_norm")))
        super().load_own_variables(store)

    def _clip_gradients(self, gradients):
        if not self.clip:
            return super()._clip_gradients(gradients)
        norm, usual = tf.linalg.global_norm(gradients), tf.identity(self.usual_norm)
        first = usual == 0.0
        self.usual_norm.assign(tf.where(first, norm, 0.999 * usual + 0.001 * norm))
        limit = tf.where(first, norm, self.clip * usual)
        scale = tf.minimum(limit / (norm + 1e-6), 1.0)
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
            # the operation adds epsilon to the deviation before the bias correction
            epsilon=self.epsilon * tf.sqrt(1.0 - power_2),
            grad=gradient,
        )


@keras.utils.register_keras_serializable("keras_matting")
class WarmUpPoly(keras.optimizers.schedules.LearningRateSchedule):
    """Warm up exponentially from `lowest` * `rate` to `rate`, then decay by `poly` to `steps`.

    As in CoinCheung/BiSeNet; `warm_up` is the number of warm-up steps.
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


def cosine_adam(rate, steps, clip=5.0):
    """Return Adam with a cosine decay from `rate` to 0, and gradients clipped to norm `clip`.

    The recipes use it on photographs (--photographs), where the published schedules are too long.
    """
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.Adam(schedule, global_clipnorm=clip, jit_compile=False)


def poly(rate, steps):
    """Return the schedule rate * (1 - step / steps)^0.9."""
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0, power=0.9)
