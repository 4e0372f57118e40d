"""Callbacks of the recipes: what is resumed, what is written, what is printed."""

import signal
import warnings

import h5py
import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.training import callbacks
from keras_matting.training.run import make_variables


def network():
    """Predicts one number, from a weight that begins at 1."""
    image = keras.Input((1,), name="image")
    ones = keras.initializers.Ones()
    alpha = keras.layers.Dense(1, use_bias=False, kernel_initializer=ones, name="alpha")(image)
    model = keras.Model({"image": image}, {"alpha": alpha})
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    make_variables(model)
    return model


def weight(path):
    with h5py.File(path) as file:
        (found,) = (x[()] for x in datasets(file))
    return found.item()


def datasets(file):
    found = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found


def finish_epoch(checkpoints, epoch, loss, value):
    checkpoints._network.weights[0].assign([[value]])
    checkpoints.on_epoch_end(epoch, {"val_loss": loss})


def test_best_and_last_weights(tmp_path):
    checkpoints = callbacks.Checkpoints(network(), tmp_path, "val_loss")
    for epoch, (loss, value) in enumerate([(0.5, 2.0), (0.2, 3.0), (0.4, 4.0)]):
        finish_epoch(checkpoints, epoch, loss, value)
    checkpoints.on_train_end()
    assert weight(tmp_path / "best.weights.h5") == 3.0
    assert weight(tmp_path / "last.weights.h5") == 4.0


def test_a_resumed_run_knows_epoch_best_value_and_momentum(tmp_path):
    model = network()
    checkpoints = callbacks.Checkpoints(model, tmp_path, "val_loss")
    x, y = np.ones((2, 1), np.float32), np.zeros((2, 1), np.float32)
    model.train_on_batch(x, y)
    checkpoints.on_epoch_end(0, {"val_loss": 0.3})
    again = network()
    resumed = callbacks.Checkpoints(again, tmp_path, "val_loss")
    assert resumed.epoch == 1
    for each in (model, again):
        each.train_on_batch(x, y)
    np.testing.assert_array_equal(model.weights[0], again.weights[0])
    before = (tmp_path / "best.weights.h5").read_bytes()
    finish_epoch(resumed, 1, 0.31, 7.0)
    assert (tmp_path / "best.weights.h5").read_bytes() == before


def test_a_worker_resumes_from_the_first_one(tmp_path):
    finish_epoch(callbacks.Checkpoints(network(), tmp_path, "val_loss"), 4, 0.5, 2.0)
    model = network()
    worker = callbacks.Checkpoints(model, tmp_path / "worker1", "val_loss", None, tmp_path)
    assert worker.epoch == 5 and float(model.weights[0]) == 2.0


def test_two_checkpoints_are_kept_and_unfinished_ones_removed(tmp_path):
    checkpoints = callbacks.Checkpoints(network(), tmp_path, "val_loss")
    for epoch in range(3):
        finish_epoch(checkpoints, epoch, 0.5, 2.0)
    folder = tmp_path / "checkpoints"
    whole = {path.name for path in folder.iterdir()}
    assert {"ckpt-2.index", "ckpt-3.index"} < whole and "ckpt-1.index" not in whole
    # names that TensorFlow left when it was killed in the middle of writing
    (folder / "ckpt-4_temp").mkdir()
    (folder / "ckpt-4_temp" / "part-00000-of-00001.index").touch()
    (folder / "ckpt-4.data-00000-of-00001.tempstate8125").touch()
    (folder / "checkpoint.tmp3f2a").touch()
    assert callbacks.Checkpoints(network(), tmp_path, "val_loss").epoch == 3
    assert {path.name for path in folder.iterdir()} == whole


def test_a_value_that_is_not_there(tmp_path):
    checkpoints = callbacks.Checkpoints(network(), tmp_path, "val_alpha_sad")
    with pytest.raises(ValueError, match="no value val_alpha_sad to monitor; available: loss, mae"):
        checkpoints.on_epoch_end(0, {"loss": 1.0, "mae": 2.0})


def test_averaged_weights_are_what_is_written(tmp_path):
    model = network()
    average = callbacks.WeightAverage(model, 0.9)
    checkpoints = callbacks.Checkpoints(model, tmp_path, "val_loss", average=average)
    model.weights[0].assign([[2.0]])
    average.on_train_batch_end(0)  # the first decay is 1 / 10
    checkpoints.on_train_end()
    assert weight(tmp_path / "last.weights.h5") == pytest.approx(0.1 * 1.0 + 0.9 * 2.0)
    assert float(model.weights[0]) == 2.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_stops_the_run(value):
    stop = callbacks.StopOnNonFinite()
    stop.set_model(network())
    stop.on_train_batch_end(0, {"loss": 0.5})
    stop.model.optimizer.iterations.assign(7)
    with pytest.raises(FloatingPointError, match=f"alpha_loss became {value} at step 7"):
        stop.on_train_batch_end(1, {"loss": 0.5, "alpha_loss": value})


def test_progress_in_a_log(capsys, monkeypatch):
    """Steps of 4 seconds, a line every 10: after steps 1, 4 and 7."""
    seconds = iter(range(0, 1000, 4))
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(seconds))
    progress = callbacks.PlainProgress(seconds=10.0)
    progress.set_params({"steps": 8, "epochs": 2})
    progress.on_train_begin()
    progress.on_epoch_begin(1)
    for step in range(8):
        progress.on_train_batch_end(step, {"loss": 0.25, "alpha_sad": 3.0})
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"epoch 2/2 step {step}/8, 4.00 s/step: loss 0.2500" for step in (1, 4, 7)]


class Halves(keras.Model):
    def call(self, inputs, training=None):
        return {"alpha": inputs["image"][..., :1] / 2}


@pytest.mark.parametrize("columns", [2, 3])
def test_a_panel_has_a_row_for_each_image(tmp_path, columns):
    image = tf.constant([0.2, 0.8], shape=(2, 1, 1, 1)) * tf.ones((2, 4, 5, 3))
    truth = {"alpha": tf.ones((2, 4, 5, 1))} if columns == 3 else None
    panels = callbacks.Panels(tmp_path, {"image": image}, truth)
    panels.set_model(Halves())
    panels.on_epoch_end(0)
    picture = tf.io.decode_png((tmp_path / "panel.png").read_bytes()).numpy()
    assert picture.shape == (2 * 4, columns * 5, 3)
    for row, level in enumerate((51, 204)):
        values = [level, 255, level // 2] if columns == 3 else [level, level // 2]
        found = picture[4 * row, ::5, 0].astype(int)
        assert abs(found - values).max() <= 1


@pytest.mark.parametrize("epochs, kept", [(0, None), (1, b"h\r\n1\r\n"), (2, b"h\r\n1\r\n2\r\n")])
def test_a_log_has_the_finished_epochs_only(tmp_path, epochs, kept):
    log = tmp_path / "log.csv"
    log.write_bytes(b"h\r\n1\r\n2\r\nhalf a li")
    callbacks._truncate(log, epochs)
    assert (log.read_bytes() if log.exists() else None) == kept


def test_an_interrupt_that_was_lost_is_raised_after_the_batch():
    callback = callbacks.StopOnInterrupt()
    before = signal.getsignal(signal.SIGINT)
    callback.on_train_begin()
    callback.on_train_batch_end(0)

    class Finalized:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's word that it discards the exception
        Finalized()
    with pytest.raises(KeyboardInterrupt):
        callback.on_train_batch_end(1)
    callback.on_train_end()
    assert signal.getsignal(signal.SIGINT) is before
