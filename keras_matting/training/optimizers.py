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
class WarmUpPoly(keras.optimizers.schedules.LearningRateSchedule):
    """Exponentially from `lowest` times `rate` to it in `warm_up` steps, then `poly` to `steps`.

    As in CoinCheung/BiSeNet.
    """

    def __init__(self, rate, steps, warm_up, lowest=5e-4):
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
