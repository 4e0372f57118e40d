"""Keras callbacks of the recipes: resume after a kill, best weights, pictures, progress, sanity."""

import contextlib
import importlib.util
import math
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow import keras

from keras_matting.atomic import replacing

TENSORBOARD = importlib.util.find_spec("tensorboard") is not None
LAST = "last.weights.h5"  # there once a run is finished


def standard(workdir, checkpoints, panel=None, average=None):
    """The callbacks of a recipe, in the order that a kill at any moment asks for: checkpoint last.

    `panel` is a batch ({"image"}, {"alpha", ...} or None) to draw after every epoch, or None.
    """
    log = Path(workdir) / "log.csv"
    _truncate(log, checkpoints.epoch)
    found = [average] if average else []
    found.append(StopOnNonFinite())
    if not sys.stdout.isatty():
        found.append(PlainProgress())
    if panel is not None:
        found.append(Panels(workdir, *panel))
    if TENSORBOARD:
        found.append(keras.callbacks.TensorBoard(str(workdir), write_graph=False))
    else:
        print("No TensorBoard logs, because tensorboard is not installed.", flush=True)
    return [*found, keras.callbacks.CSVLogger(str(log), append=True), checkpoints]


class Checkpoints(keras.callbacks.Callback):
    """After each epoch: `best.weights.h5` when `monitor` fell, then a checkpoint to resume from.

    Building it restores the newest checkpoint in `workdir`, if there is one, into the compiled
    model and its optimiser, which have their variables; `epoch` is then the first epoch that is
    still to be done. At the end the weights are written to `last.weights.h5`. `network` is the
    functional model whose weights these are, where `model` is a wrapper around it. Workers write
    folders of their own and `restore_from` that of the first.
    """

    def __init__(self, model, workdir, monitor, network=None, restore_from=None, average=None):
        super().__init__()
        self._average = average
        self.workdir, self.monitor = Path(workdir), monitor
        network = network or model
        # a second model of the same layers, because a compiled one saves its optimiser as well
        self._network = keras.Model(network.input, network.output)
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best = tf.Variable(math.inf, dtype=tf.float64)
        checkpoint = tf.train.Checkpoint(model=model, epoch=self._epoch, best=self._best)
        if average:
            checkpoint.average = average.variables
        directory = str(self.workdir / "checkpoints")
        self._manager = tf.train.CheckpointManager(checkpoint, directory, max_to_keep=2)
        latest = tf.train.latest_checkpoint(str(Path(restore_from or workdir) / "checkpoints"))
        if latest:
            checkpoint.restore(latest).assert_existing_objects_matched()
            print(f"Resuming {self.workdir} at epoch {self.epoch + 1}.", flush=True)

    @property
    def epoch(self):
        return int(self._epoch)

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in logs:
            raise ValueError(f"Nothing is called {self.monitor}; there are {', '.join(logs)}.")
        if logs[self.monitor] < float(self._best):
            self._best.assign(logs[self.monitor])
            self._save_weights("best.weights.h5")
        self._epoch.assign(epoch + 1)
        self._manager.save(checkpoint_number=epoch + 1)

    def on_train_end(self, logs=None):
        self._save_weights(LAST)

    def _save_weights(self, name):
        averaged = self._average.applied() if self._average else contextlib.nullcontext()
        with replacing(self.workdir / name) as temporary, averaged:
            self._network.save_weights(temporary)


class WeightAverage(keras.callbacks.Callback):
    """Keeps an exponential moving average of all weights, which validation and weights files use.

    Running statistics are averaged as well. After t steps the decay is (1 + t) / (10 + t), at most
    `decay`, so that the random start is soon forgotten.
    """

    def __init__(self, model, decay):
        super().__init__()
        self._weights = model.weights
        averages = [tf.Variable(w, trainable=False, dtype=w.dtype) for w in model.weights]
        self.variables = {"steps": tf.Variable(0.0), "averages": averages}
        self._decay = decay
        self._update = tf.function(self._updated)
        self._exchange = tf.function(self._exchanged)

    def on_train_batch_end(self, batch, logs=None):
        self._update()

    def on_test_begin(self, logs=None):
        self._exchange()

    def on_test_end(self, logs=None):
        self._exchange()

    @contextlib.contextmanager
    def applied(self):
        """The model has the averages in place of its weights."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _updated(self):
        steps = self.variables["steps"]
        decay = tf.minimum(self._decay, (1.0 + steps) / (10.0 + steps))
        for average, weight in zip(self.variables["averages"], self._weights, strict=True):
            average.assign_add((1.0 - decay) * (weight - average))
        steps.assign_add(1.0)

    def _exchanged(self):
        for average, weight in zip(self.variables["averages"], self._weights, strict=True):
            kept = tf.identity(weight)
            weight.assign(average)
            average.assign(kept)


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises FloatingPointError naming step and loss when a loss is NaN or infinite."""

    def on_train_batch_end(self, batch, logs=None):
        bad = [name for name, value in logs.items() if not np.isfinite(value)]
        if bad:
            step = int(self.model.optimizer.iterations)
            raise FloatingPointError(
                f"{', '.join(bad)} became {logs[bad[0]]} at step {step}: lower --learning_rate or "
                f"look at the data; the last whole epoch is in the workdir."
            )


class PlainProgress(keras.callbacks.Callback):
    """After the first step and every `seconds` a line, where no terminal shows Keras' own bar."""

    def __init__(self, seconds=10.0):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.last = -self.seconds

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.start = epoch, time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if now - self.last >= self.seconds:
            self.last = now
            steps, epochs = self.params["steps"], self.params["epochs"]
            values = ", ".join(f"{k} {v:.4f}" for k, v in logs.items() if "loss" in k)
            print(
                f"epoch {self.epoch + 1}/{epochs} step {batch + 1}/{steps}, "
                f"{(now - self.start) / (batch + 1):.2f} s/step: {values}",
                flush=True,
            )


class Panels(keras.callbacks.Callback):
    """After every epoch: image, true alpha, predicted alpha side by side, one row per image.

    Written to `panel.png` in the workdir and, where it is installed, to TensorBoard's logs. Without
    `truth` its column is left out.
    """

    def __init__(self, workdir, inputs, truth):
        super().__init__()
        self.workdir = Path(workdir)
        self.inputs = inputs
        self.columns = [inputs["image"]]
        if truth is not None:
            self.columns.append(tf.image.grayscale_to_rgb(truth["alpha"][..., :1]))
        if TENSORBOARD:
            self.writer = tf.summary.create_file_writer(str(self.workdir / "panels"))

    def on_epoch_end(self, epoch, logs=None):
        alpha = self.model(self.inputs, training=False)["alpha"]
        rows = tf.concat([*self.columns, tf.image.grayscale_to_rgb(alpha)], axis=2)
        if TENSORBOARD:
            with self.writer.as_default(step=epoch + 1):
                tf.summary.image("image to prediction", rows, max_outputs=len(rows))
        sheet = tf.image.convert_image_dtype(tf.concat(tf.unstack(rows), 0), tf.uint8, True)
        with replacing(self.workdir / "panel.png") as temporary:
            temporary.write_bytes(tf.io.encode_png(sheet).numpy())


def _truncate(log, epochs):
    """Keeps the header and one row per finished epoch of a log that a kill may have left longer."""
    if log.exists():
        # as bytes, to keep the line ends of the csv module
        rows = log.read_bytes().splitlines(keepends=True)
        with replacing(log) as temporary:
            temporary.write_bytes(b"".join(rows[: epochs + 1]))
        if not epochs:
            log.unlink()
