"""Recipes as their users start them, at the smallest settings; and what they leave behind."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).parents[2]
SMALL = ["--size=64", "--figures=10", "--figure_size=96"]
SHORT = ["--batch_size=2", "--epochs=3", "--steps_per_epoch=3"]
HALF = "--precision=mixed_bfloat16"
MOBILE = ["--model=modnet_mobilenetv2_mobile", "--width=0.35"]


def start(recipe, workdir, *flags, environment=None, launcher=()):
    """A recipe as a process of its own; `launcher` is Python code to run before it."""
    script = f"recipes/{recipe}.py"
    if launcher:
        code = f"{launcher}; import runpy; runpy.run_path({script!r}, run_name='__main__')"
        command = [sys.executable, "-c", code]
    else:
        command = [sys.executable, script]
    streams = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | (environment or {})
    flags = [*SMALL, *SHORT, f"--workdir={workdir}", *flags]
    return subprocess.Popen([*command, *flags], cwd=ROOT, env=environment, **streams)


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
    time.sleep(0.5)
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


def train(recipe, workdir, *flags):
    """Three steps -> path of the weights; the log's only row is of numbers, the weights as well."""
    output = finish(start(recipe, workdir, "--epochs=1", *flags))
    assert "Before training: val_" in output
    (row,) = csv.DictReader((workdir / "log.csv").open())
    assert all(np.isfinite(float(value)) for value in row.values())
    path = workdir / "last.weights.h5"
    for name, array in arrays(path).items():
        assert np.isfinite(array).all(), name
    assert (workdir / "panel.png").is_file() == ("--cityscapes" not in "".join(flags))
    return path


def assert_same_weights(path, other, tolerance=0.0, of_statistics=0.0):
    """Trainable weights within `tolerance`, running statistics relatively within the other."""
    a, b = arrays(path), arrays(other)
    assert a.keys() == b.keys() and a
    for name in a:
        running = "batch_normalization" in name and name.endswith(("/2", "/3"))
        rtol, atol = (of_statistics, of_statistics) if running else (0.0, tolerance)
        np.testing.assert_allclose(a[name], b[name], rtol=rtol, atol=atol, err_msg=name)
