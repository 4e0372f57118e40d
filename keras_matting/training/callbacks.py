"""Keras callbacks of the recipes: checkpoints, averaged weights, progress, panels of pictures."""

import contextlib
import importlib.util
import math
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow import keras

from keras_matting import weights_files
from keras_matting.atomic import write_bytes
from keras_matting.training import workdir

TENSORBOARD = importlib.util.find_spec("tensorboard") is not None
# what TensorFlow leaves in a folder of checkpoints when it is killed while it writes one
UNFINISHED = ("*.tempstate*", "*_temp", "checkpoint.tmp*")


def standard(folder, checkpoints, panel=None, average=None):
    """Return the callbacks of a recipe.

    `panel` is a batch ({"image"}, {"alpha", ...} or None) to draw after every epoch, or None.
    """
    log = Path(folder) / "log.csv"
    _truncate(log, checkpoints.epoch)
    found = [average] if average else []
    found += [StopOnInterrupt(), StopOnNonFinite()]
    if not sys.stdout.isatty():
        found.append(PlainProgress())
    if panel is not None:
        found.append(Panels(folder, *panel))
    if TENSORBOARD:
        found.append(keras.callbacks.TensorBoard(str(folder), write_graph=False))
    else:
        print("No TensorBoard logs: tensorboard is not installed.", flush=True)
    found.append(keras.callbacks.CSVLogger(str(log), append=True))
    # last, so that a kill in between repeats an epoch instead of losing its row in the log
    return [*found, checkpoints]


class Checkpoints(keras.callbacks.Callback):
    """After each epoch, write `best.weights.h5` if `monitor` fell, then a checkpoint.

    The constructor restores the newest checkpoint, if there is one, into the compiled model and its
    optimiser, whose variables must exist; `epoch` is then the first epoch to train. After the last
    epoch the weights are written to `last.weights.h5`. `network` is the functional model whose
    weights are written, where `model` wraps it. Each worker writes a `folder` of its own and
    restores from that of the first, `restore_from`.
    """

    def __init__(self, model, folder, monitor, network=None, restore_from=None, average=None):
        super().__init__()
        self._average = average
        self.folder, self.monitor = Path(folder), monitor
        network = network or model
        # a second model of the same layers, because weights of a compiled one include its optimiser
        self._network = weights_files.derived(network, network.input, network.output)
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best = tf.Variable(math.inf, dtype=tf.float64)
        checkpoint = tf.train.Checkpoint(model=model, epoch=self._epoch, best=self._best)
        if average:
            checkpoint.average = average.variables
        directory = self.folder / workdir.CHECKPOINTS
        _remove_unfinished(directory)
        self._manager = tf.train.CheckpointManager(checkpoint, str(directory), max_to_keep=2)
        latest = workdir.latest_checkpoint(restore_from or folder)
        if latest:
            checkpoint.restore(latest).assert_existing_objects_matched()
            print(f"Resuming {self.folder} at epoch {self.epoch + 1}.", flush=True)

    @property
    def epoch(self):
        return int(self._epoch)

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in logs:
            raise ValueError(f"no value {self.monitor} to monitor; available: {', '.join(logs)}.")
        if not self.folder.is_dir():  # TensorFlow would create it again
            raise FileNotFoundError(f"{self.folder} has disappeared")
        if logs[self.monitor] < float(self._best):
            self._best.assign(logs[self.monitor])
            self._save_weights("best.weights.h5")
        self._epoch.assign(epoch + 1)
        self._manager.save(checkpoint_number=epoch + 1)

    def on_train_end(self, logs=None):
        self._save_weights(workdir.LAST)

    def _save_weights(self, name):
        averaged = self._average.applied() if self._average else contextlib.nullcontext()
        with averaged:
            weights_files.save(self._network, self.folder / name)


class WeightAverage(keras.callbacks.Callback):
    """Keep an exponential moving average of all weights, for validation and weights files.

    Running statistics are averaged as well. The decay after t steps is (1 + t) / (10 + t), at most
    `decay`, so that the random initial weights are soon forgotten.
    """

    def __init__(self, model, decay):
        super().__init__()
        # a quantized model also counts its steps
        self._weights = [w for w in model.weights if w.dtype.is_floating]
        averages = [tf.Variable(w, trainable=False, dtype=w.dtype) for w in self._weights]
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
        """Put the averages in place of the model's weights within the block."""
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


class StopOnInterrupt(keras.callbacks.Callback):
    """Raise KeyboardInterrupt again after a batch if Ctrl-C was pressed and the first was lost.

    Python discards an exception that a signal raises inside a destructor or a weak reference's
    callback, of which TensorFlow has many.
    """

    def on_train_begin(self, logs=None):
        self._interrupted = False
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)

    def on_train_batch_end(self, batch, logs=None):
        if self._interrupted:
            raise KeyboardInterrupt

    def on_train_end(self, logs=None):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handler)

    def _interrupt(self, number, frame):
        self._interrupted = True
        raise KeyboardInterrupt


class StopOnNonFinite(keras.callbacks.Callback):
    """Raise FloatingPointError naming step and loss when a loss is NaN or infinite."""

    def on_train_batch_end(self, batch, logs=None):
        bad = [name for name, value in logs.items() if not np.isfinite(value)]
        if bad:
            step = int(self.model.optimizer.iterations)
            raise FloatingPointError(
                f"{', '.join(bad)} became {logs[bad[0]]} at step {step}: lower --learning_rate or "
                "check the data."
            )


class PlainProgress(keras.callbacks.Callback):
    """Print a line after the first step and every `seconds`, for logs without Keras' own bar."""

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
    """After every epoch, draw a row of image, true alpha and predicted alpha for each image.

    The picture is written to `panel.png` in `folder` and, if tensorboard is installed, to its logs.
    Without `truth` the rows have two columns.
    """

    def __init__(self, folder, inputs, truth):
        super().__init__()
        self.folder = Path(folder)
        self.inputs = inputs
        self.columns = [inputs["image"]]
        if truth is not None:
            self.columns.append(tf.image.grayscale_to_rgb(truth["alpha"][..., :1]))
        if TENSORBOARD:
            self.writer = tf.summary.create_file_writer(str(self.folder / "panels"))

    def on_epoch_end(self, epoch, logs=None):
        alpha = self.model(self.inputs, training=False)["alpha"]
        rows = tf.concat([*self.columns, tf.image.grayscale_to_rgb(alpha)], axis=2)
        if TENSORBOARD:
            with self.writer.as_default(step=epoch + 1):
                tf.summary.image("image to prediction", rows, max_outputs=len(rows))
        sheet = tf.image.convert_image_dtype(tf.concat(tf.unstack(rows), 0), tf.uint8, True)
        write_bytes(self.folder / "panel.png", tf.io.encode_png(sheet).numpy())


def _truncate(log, epochs):
    """Keep the header and one row per finished epoch; a killed run may have written more."""
    if log.exists():
        # as bytes, to keep the line ends of the csv module
        rows = log.read_bytes().splitlines(keepends=True)
        write_bytes(log, b"".join(rows[: epochs + 1]))
        if not epochs:
            log.unlink()


def _remove_unfinished(directory):
    for path in (path for pattern in UNFINISHED for path in directory.glob(pattern)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
