"""Optimisers and schedules against PyTorch's documented updates, computed by hand."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.training.optimizers import SGD, Adam, WarmUpPoly, cosine_adam, poly


def stepped(optimizer, variables, gradients, steps=1):
    optimizer.build(variables)
    apply = tf.function(lambda: optimizer.apply_gradients(zip(gradients, variables, strict=True)))
    for _ in range(steps):
        apply()
    return [variable.numpy() for variable in variables]


def test_decay_passes_through_the_momentum_and_spares_norms():
    kernel = tf.Variable([2.0], name="conv/kernel")
    gamma = tf.Variable([2.0], name="bn/gamma")
    gradients = [tf.constant([1.0]), tf.constant([1.0])]
    optimizer = SGD(0.1, decay=0.5, decays=["kernel"])
    found = stepped(optimizer, [kernel, gamma], gradients, steps=2)
    weight, velocity = 2.0, 0.0
    for _ in range(2):
        velocity = 0.9 * velocity + (1.0 + 0.5 * weight)
        weight -= 0.1 * velocity
    np.testing.assert_allclose(found[0], weight, rtol=1e-6)
    np.testing.assert_allclose(found[1], 2.0 - 0.1 * (1.0 + 1.9), rtol=1e-6)


def test_a_lower_rate_counts_at_once():
    weight = tf.Variable([1.0], name="conv/kernel")
    drop = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.001])
    (found,) = stepped(SGD(drop), [weight], [tf.constant([1.0])], steps=2)
    np.testing.assert_allclose(found, 1.0 - 0.1 * 1.0 - 0.001 * 1.9, rtol=1e-6)


def test_adam_is_pytorchs_where_epsilon_matters():
    weight = tf.Variable([1.0], name="kernel")
    gradients = [1e-8, -3e-8, 2e-8]
    optimizer = Adam(0.1, beta_1=0.5)
    optimizer.build([weight])
    expected, mean, square = 1.0, 0.0, 0.0
    for step, gradient in enumerate(gradients, 1):
        optimizer.apply_gradients([(tf.constant([gradient]), weight)])
        mean = 0.5 * mean + 0.5 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        deviation = np.sqrt(square / (1 - 0.999**step))
        expected -= 0.1 * mean / (1 - 0.5**step) / (deviation + 1e-8)
        np.testing.assert_allclose(weight, [expected], rtol=1e-5)


@pytest.mark.parametrize("rate", [0.1, poly(0.1, 100)])
@pytest.mark.parametrize("kind", [Adam, SGD])
def test_parts_have_rates_of_their_own(kind, rate):
    names = ("backbone_a/kernel", "decoder/kernel", "refine/kernel")
    variables = [tf.Variable([1.0], name=name) for name in names]
    gradients = [tf.constant([1.0])] * 3
    optimizer = kind(rate, parts={"backbone": 0.2, "decoder": 0.5})
    found = stepped(optimizer, variables, gradients)
    np.testing.assert_allclose(np.ravel(found), [0.98, 0.95, 0.9], rtol=1e-5)
    np.testing.assert_allclose(optimizer.learning_rate, 0.1, rtol=0.02)


def test_clipping_follows_the_usual_norm():
    """Norms 5, 50, 5: the second is more than twice the usual 5, and moves that to 5.045."""
    scales = []

    class Spy(Adam):
        def _update(self, gradient, variable, index):
            scales.append(float(tf.norm(gradient)))

    weight = tf.Variable([1.0, 1.0], name="kernel")
    optimizer = Spy(0.1, clip=2.0)
    for scale in (1.0, 10.0, 1.0):
        optimizer.apply_gradients([(scale * tf.constant([3.0, 4.0]), weight)])
    np.testing.assert_allclose(scales, [5.0, 10.0, 5.0], rtol=1e-5)
    np.testing.assert_allclose(optimizer.usual_norm, 0.999 * 5.045 + 0.001 * 5.0, rtol=1e-5)


def test_warm_up_is_exponential_then_poly():
    schedule = WarmUpPoly(1.0, 110, 10, lowest=0.01)
    found = [float(schedule(step)) for step in (0, 5, 10, 60, 110)]
    np.testing.assert_allclose(found, [0.01, 0.1, 1.0, 0.5**0.9, 0.0], rtol=1e-5, atol=1e-7)
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert float(again(5)) == float(schedule(5))


MADE = [
    lambda: SGD(poly(0.1, 10), decay=0.5, decays=["kernel"], parts={"head": 10.0}),
    lambda: SGD(WarmUpPoly(0.1, 10, 2), decay=0.1, global_clipnorm=1.0),
    lambda: Adam(0.1, parts={"head": 0.2}, clip=1.01, beta_1=0.5),
]


@pytest.mark.parametrize("make", MADE)
def test_a_keras_file_keeps_settings_and_state(make, tmp_path):
    """A model trains on from its file as if it had never been saved."""
    image = keras.Input((2,))
    hidden = keras.layers.Dense(3, name="body")(image)
    model = keras.Model(image, keras.layers.Dense(1, name="head")(hidden))
    model.compile(make(), "mse")
    x, y = np.float32([[1, 2], [3, -4], [9, 9]]), np.float32([[1], [2], [30]])
    for i in range(2):
        model.train_on_batch(x[i : i + 1], y[i : i + 1])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, again):
        each.train_on_batch(x[2:], y[2:])
    for mine, theirs in zip(model.weights, again.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


@pytest.mark.parametrize("kind", [Adam, SGD])
def test_gpus_do_not_compile_the_update_of_each_variable(kind, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    optimizer = kind(0.1, parts={"backbone": 0.1})
    assert not optimizer.jit_compile
    again = kind.from_config(optimizer.get_config())
    assert not again.jit_compile and again.parts == {"backbone": 0.1}
    assert not cosine_adam(0.1, 10).jit_compile


def test_loss_scaling_skips_a_step_that_overflowed_and_clips_what_it_unscaled():
    weight = tf.Variable([1.0], name="kernel")
    optimizer = keras.mixed_precision.LossScaleOptimizer(Adam(0.1, clip=2.0), initial_scale=1024)
    optimizer.build([weight])
    expected = tf.Variable([1.0], name="kernel")
    plain = Adam(0.1, clip=2.0)
    plain.build([expected])

    @tf.function
    def step(slope):
        with tf.GradientTape() as tape:
            loss = weight * tf.cast(slope, tf.float32)
        optimizer.minimize(loss, [weight], tape=tape)

    step(tf.constant([np.inf]))
    np.testing.assert_array_equal(weight, [1.0])
    assert float(optimizer.inner_optimizer.usual_norm) == 0.0
    assert float(optimizer.loss_scale) == 512 and int(optimizer.iterations) == 1
    plain.iterations.assign_add(1)
    for slope in (1.0, 30.0):  # the second is clipped
        step(tf.constant([slope]))
        plain.apply_gradients([(tf.constant([slope]), expected)])
        np.testing.assert_allclose(weight, expected, rtol=1e-6)
    assert float(optimizer.inner_optimizer.usual_norm) == pytest.approx(0.999 + 0.03)
