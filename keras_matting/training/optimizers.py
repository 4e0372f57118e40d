"""The optimisers and schedules of the recipes that Keras lacks in the form they were published."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable("keras_matting")
class SGD(keras.optimizers.SGD):
    """Momentum 0.9 and weight decay as PyTorch and Paddle have it: added to the gradient.

    `decays(name)` says for a variable's name whether it decays; all do by default. (Keras' own
    `weight_decay` is subtracted from the weights apart from the momentum.)
    """

    def __init__(self, learning_rate, decay, decays=None, momentum=0.9, name="SGD", **kwargs):
        super().__init__(learning_rate, momentum=momentum, name=name, **kwargs)
        self.decay, self.decays = decay, decays

    def update_step(self, gradient, variable):
        if self.decays is None or self.decays(variable.name):
            gradient += self.decay * variable
        super().update_step(gradient, variable)


@keras.utils.register_keras_serializable("keras_matting")
class Adam(keras.optimizers.Adam):
    """Adam with a factor on the learning rate per part of the network.

    `parts` {beginning of a variable's name: factor}: the first that fits counts, 1 if none does.
    """

    def __init__(self, learning_rate, parts=None, name="Adam", **kwargs):
        self._factor = 1.0
        super().__init__(learning_rate, name=name, **kwargs)
        self.parts = parts or {}

    @property
    def learning_rate(self):
        return super().learning_rate * self._factor

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        keras.optimizers.Adam.learning_rate.fset(self, learning_rate)

    def update_step(self, gradient, variable):
        fitting = (factor for part, factor in self.parts.items() if variable.name.startswith(part))
        self._factor = next(fitting, 1.0)  # read while this variable's update is traced
        super().update_step(gradient, variable)
        self._factor = 1.0


@keras.utils.register_keras_serializable("keras_matting")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Exponentially from `lowest` times the rate to the rate in `steps`, then what `after` gives.

    As in CoinCheung/BiSeNet. `after` is a schedule counted from the warm-up's end.
    """

    def __init__(self, after, steps, lowest=5e-4):
        super().__init__()
        self.after, self.steps, self.lowest = after, steps, lowest

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        share = tf.minimum(step / self.steps, 1.0)
        return self.after(tf.maximum(step - self.steps, 0.0)) * self.lowest ** (1.0 - share)

    def get_config(self):
        return {"after": self.after, "steps": self.steps, "lowest": self.lowest}


def poly(rate, steps):
    """rate * (1 - step / steps)^0.9."""
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0, power=0.9)
