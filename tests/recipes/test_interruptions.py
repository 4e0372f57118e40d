"""A full disk, a second run, Ctrl-C and a deleted workdir, as the user of a recipe meets them."""

import errno
import os
import shutil
import signal
import subprocess
import time

import pytest
import tensorflow as tf
from running import await_checkpoint, start

TINY = "../tests/recipes/tiny"
LONG = ["--epochs=100000", "--steps_per_epoch=1"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"A FULL DISK IS NOT TESTED, mounting a small one needs root: {done.stderr}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file, pytest.raises(OSError) as error:
        while True:
            file.write(bytes(4096))
    assert error.value.errno == errno.ENOSPC


def last_words(process):
    """The only lines about the end of a run that failed."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "Traceback" not in output, output
    return output.splitlines()[-1]


def newest(workdir):
    """Number of the newest checkpoint, which must be whole."""
    path = tf.train.latest_checkpoint(str(workdir / "checkpoints"))
    epoch = tf.train.load_variable(path, "epoch/.ATTRIBUTES/VARIABLE_VALUE")
    assert path.endswith(f"-{epoch}")
    return epoch


def test_a_full_disk_a_second_run_and_ctrl_c(small_disk):
    workdir = small_disk / "run"
    run = start(TINY, workdir, *LONG)
    await_checkpoint(run, workdir)
    words = last_words(start(TINY, workdir, *LONG))
    assert words.startswith(f"tiny.py: another process is writing to {workdir}; ")
    fill(small_disk / "filler")
    assert last_words(run) == (
        f"tiny.py: cannot write to {workdir}: the disk is full. Epoch {newest(workdir)} is saved; "
        "the same command continues from there."
    )
    (small_disk / "filler").unlink()

    before = newest(workdir)
    run = start(TINY, workdir, *LONG)
    while newest(workdir) == before:
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    words = last_words(run)
    assert words == (
        f"tiny.py: interrupted. Epoch {newest(workdir)} is saved; the same command continues "
        "from there."
    )
    assert not [name for name in os.listdir(workdir) if "partial" in name]


def test_a_deleted_workdir(tmp_path):
    run = start(TINY, tmp_path / "run", *LONG)
    await_checkpoint(run, tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")  # at once, unlike a recursive deletion
    shutil.rmtree(tmp_path / "moved")
    assert last_words(run) == (
        f"tiny.py: the workdir {tmp_path / 'run'} has disappeared. Nothing is saved; the same "
        "command starts from the beginning."
    )
