"""Recipes at the smallest settings, as processes or in the test's own, and what they leave."""

import contextlib
import csv
import gc
import importlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
from absl import flags
from tensorflow import keras
from tensorflow.python.framework.config import disable_op_determinism

from keras_matting.training import devices, recipe

ROOT = Path(__file__).parents[2]
SMALL = ["--size=64", "--figures=10", "--figure_size=96"]
SHORT = ["--batch_size=2", "--epochs=3", "--steps_per_epoch=3"]
HALF = "--precision=mixed_bfloat16"
MOBILE = ["--model=modnet_mobilenetv2_mobile", "--width=0.35"]
SHALLOW = "from tests.recipes import shallow; shallow.apply()"  # as `launcher`


def start(name, workdir, *arguments, environment=None, launcher=()):
    """Start a recipe as a process; `launcher` is Python code to run before it."""
    script = f"recipes/{name}.py"
    if launcher:
        code = f"{launcher}; import runpy; runpy.run_path({script!r}, run_name='__main__')"
        command = [sys.executable, "-c", code]
    else:
        command = [sys.executable, script]
    streams = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | (environment or {})
    arguments = [*SMALL, *SHORT, f"--workdir={workdir}", *arguments]
    return subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment, **streams)


def run(name, workdir, *arguments, gpus=()):
    """Run a recipe in this process, which is faster than `start`; return what it prints.

    With `gpus`, names, it decides as on a machine that has them.
    """
    module = importlib.import_module(f"recipes.{name}")
    names = recipe.defined(module.define_flags)
    try:
        flags.FLAGS(["", *SMALL, *SHORT, f"--workdir={workdir}", *arguments])
        options = recipe.parsed(names)
    finally:
        for flag in names:
            delattr(flags.FLAGS, flag)
    try:
        output = io.StringIO()
        there = mock.patch.object(devices, "gpus", lambda: list(gpus))
        with contextlib.redirect_stdout(output), there:
            recipe.run(options, module.defaults, module.main)
    finally:
        disable_op_determinism()
        keras.mixed_precision.set_global_policy("float32")
        keras.backend.clear_session()
        gc.collect()
    return output.getvalue()


def finish(process):
    try:
        output, _ = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, output
    return output


def await_checkpoint(process, workdir):
    """Returns when a run has finished an epoch; fails when it ends before."""
    deadline = time.monotonic() + 300
    while not (workdir / "checkpoints" / "checkpoint").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill_after_an_epoch(process, workdir):
    """SIGKILL somewhere in the second epoch."""
    await_checkpoint(process, workdir)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (workdir / "last.weights.h5").exists()


def arrays(path):
    """{name: array} of a weights file."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def train(name, workdir, *arguments):
    """Train three steps; return the path of the weights, which are finite, as is the log's row.

    Every operation of the step has a deterministic kernel for GPUs.
    """
    output = run(name, workdir, "--epochs=1", "--deterministic", *arguments, gpus=["a GPU"])
    assert output.startswith("1 GPU: a GPU.\n") and "Before training: val_" in output
    (row,) = csv.DictReader((workdir / "log.csv").open())
    assert all(np.isfinite(float(value)) for value in row.values())
    path = workdir / "last.weights.h5"
    for name, array in arrays(path).items():
        assert np.isfinite(array).all(), name
    assert (workdir / "panel.png").is_file() == ("--cityscapes" not in "".join(arguments))
    return path


def assert_same_weights(path, other, tolerance=0.0, of_statistics=0.0):
    """Trainable weights within `tolerance`, running statistics relatively within the other."""
    a, b = arrays(path), arrays(other)
    assert a.keys() == b.keys() and a
    for name in a:
        running = "batch_normalization" in name and name.endswith(("/2", "/3"))
        rtol, atol = (of_statistics, of_statistics) if running else (0.0, tolerance)
        np.testing.assert_allclose(a[name], b[name], rtol=rtol, atol=atol, err_msg=name)
