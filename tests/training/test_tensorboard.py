"""Trainings without the tensorboard package."""

import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.training import callbacks


@pytest.mark.parametrize("installed", [False, True])
def test_logs_are_written_where_tensorboard_is_installed(installed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(callbacks, "TENSORBOARD", installed)
    image = keras.Input((4, 4, 3), name="image")
    alpha = keras.layers.Conv2D(1, 1, name="alpha")(image)
    model = keras.Model({"image": image}, {"alpha": alpha})
    model.compile("sgd", "mae")
    x = {"image": tf.fill((2, 4, 4, 3), 0.5)}
    y = {"alpha": tf.ones((2, 4, 4, 1))}
    checkpoints = callbacks.Checkpoints(model, tmp_path, "loss")
    standard = callbacks.standard(tmp_path, checkpoints, panel=(x, y))
    model.fit(x, y, verbose=0, callbacks=standard)
    assert (tmp_path / "panel.png").exists() and (tmp_path / "log.csv").exists()
    assert any(tmp_path.glob("*/events*")) == installed
    assert ("No TensorBoard logs" in capsys.readouterr().out) == (not installed)
