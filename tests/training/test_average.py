"""The moving average of the weights: its decay, and its use in validation."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.training.callbacks import WeightAverage


@pytest.fixture
def model():
    return keras.Sequential([keras.layers.Dense(1, use_bias=False, input_shape=(1,))])


def test_follows_the_weights_with_a_growing_decay(model):
    (weight,) = model.weights
    weight.assign([[1.0]])
    average = WeightAverage(model, decay=0.5)
    expected = 1.0
    for step in range(20):
        weight.assign([[float(step)]])
        average.on_train_batch_end(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(weight) == 19.0
    with average.applied():
        assert float(weight) == pytest.approx(expected, rel=1e-6)
    assert float(weight) == 19.0


def test_validation_sees_the_average(model):
    model.compile(keras.optimizers.SGD(0.1), "mse")
    average = WeightAverage(model, decay=0.9)
    x, y = np.ones((8, 1), np.float32), np.full((8, 1), 3.0, np.float32)
    history = model.fit(
        x, y, batch_size=2, epochs=1, validation_data=(x, y), callbacks=[average], verbose=0
    )
    with average.applied():
        averaged = float(tf.reduce_mean(tf.square(model(x) - y)))
    raw = float(tf.reduce_mean(tf.square(model(x) - y)))
    assert history.history["val_loss"][0] == pytest.approx(averaged, rel=1e-5)
    assert abs(averaged - raw) > 0.01


def test_counters_are_left_alone(model):
    model.layers[0].steps = tf.Variable(3, trainable=False)  # as in a quantized layer
    average = WeightAverage(model, decay=0.9)
    average.on_train_batch_end(0)
    with average.applied():
        assert int(model.layers[0].steps) == 3
