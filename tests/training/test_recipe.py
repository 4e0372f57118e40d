"""What a recipe's user sees: --help, refused flags, and one sentence when a run cannot go on."""

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf
import tiny
from absl import flags

from keras_matting.atomic import exclusive_lock
from keras_matting.training import recipe

ROOT = Path(__file__).parents[2]
RECIPES = sorted(
    path.stem for path in ROOT.glob("recipes/*.py") if "recipe.start(" in path.read_text()
)
SHARED = {"workdir", "model", "foregrounds", "backgrounds", "figures", "verify", "strategy"}
SHARED |= {"validation", "hold_out", "validation_pictures", "backgrounds_each"}


@pytest.mark.parametrize("name", RECIPES)
def test_help_shows_every_flag(name):
    module = importlib.import_module(f"recipes.{name}")
    names = recipe.defined(module.define_flags)
    try:
        shown = flags.FLAGS.module_help(module)
    finally:
        for flag in names:
            delattr(flags.FLAGS, flag)
    assert SHARED < set(names)
    assert all(f"--{flag}:" in shown or f"--[no]{flag}:" in shown for flag in names)


def test_help_of_the_program():
    command = [sys.executable, "recipes/gca.py", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert "Train GCA-Matting" in shown and "--foregrounds:" in shown and "--epochs:" in shown


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Return start(main, *flags) -> exit code or last words of a recipe in this process."""
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)

    def start(main, *given, workdir=tmp_path):
        arguments = ["--size=64", "--batch_size=2", "--epochs=1", "--steps_per_epoch=1", *given]
        monkeypatch.setattr(sys, "argv", ["recipes/tiny.py", f"--workdir={workdir}", *arguments])
        defined = []

        def define_flags():
            defined.extend(recipe.defined(tiny.define_flags))

        try:
            with pytest.raises(SystemExit) as end:
                recipe.start(define_flags, tiny.defaults, main)
        finally:
            for flag in defined:
                delattr(flags.FLAGS, flag)
        return end.value.code

    return start


def nothing(options, strategy):
    pass


def raising(error):
    def main(options, strategy):
        raise error

    return main


def save(workdir, epoch):
    checkpoint = tf.train.Checkpoint(epoch=tf.Variable(epoch))
    directory = str(workdir / "checkpoints")
    tf.train.CheckpointManager(checkpoint, directory, 2).save(checkpoint_number=epoch)


def test_main_gets_values(start):
    seen = []
    assert not start(lambda options, _: seen.append(options), "--weights=a.weights.h5")
    assert (seen[0].size, seen[0].weights, seen[0].foregrounds) == (64, "a.weights.h5", None)


@pytest.mark.parametrize(
    "given, message",
    [
        (["--size=100"], "--size=100 is not a multiple of 32."),
        (["--size=0"], "flag --size=0: 0 is not integer >= 32; see --help"),
        (["--size=100x100"], "flag --size=100x100: "),
        (["--batch_size=0"], "flag --batch_size=0: 0 is not a positive integer; see --help"),
        (["--colour"], "Unknown command line flag 'colour'"),
        (["--data_service=http://a:5000"], "specify grpc://HOST:PORT of a dispatcher."),
        (["--weights=a.h5", "--quantize=b.h5"], "--quantize names the initial weights"),
        (["--strategy=multi_worker"], "needs the environment variable TF_CONFIG"),
        (["stray"], "unexpected argument stray"),
    ],
)
def test_flags_that_do_not_fit(start, given, message):
    words = start(nothing, *given)
    assert words.startswith("tiny.py: ") and message in words and "\n" not in words


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    ],
)
def test_a_broken_cluster_is_one_sentence(start, monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    words = start(nothing, "--strategy=multi_worker")
    assert words.startswith("tiny.py: TF_CONFIG is not valid: ") and "\n" not in words


def test_replicas_share_a_batch():
    given = dict(quantize=None, weights=None, backbone=None)
    options = SimpleNamespace(size=64, batch_size=6, **given)
    with pytest.raises(ValueError, match="--batch_size=6 cannot be divided among 4 replicas."):
        recipe.resolved(options, {}, replicas=4)


@pytest.mark.parametrize(
    "error, message",
    [
        (KeyboardInterrupt(), "interrupted."),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "the disk is full."),
        (FloatingPointError("loss became nan at step 7."), "loss became nan at step 7."),
    ],
)
def test_a_run_that_stops_says_what_is_saved(start, tmp_path, error, message):
    nothing_saved = "Nothing is saved; the same command starts from the beginning."
    assert start(raising(error)).endswith(f"{message} {nothing_saved}")
    save(tmp_path, 4)
    words = start(raising(error))
    assert words.startswith("tiny.py: ")
    assert words.endswith(f"{message} Epoch 4 is saved; the same command continues from there.")


def test_bad_data_is_one_sentence_and_a_defect_is_not(start):
    assert start(raising(ValueError("a.png is empty."))) == "tiny.py: a.png is empty."
    unreadable = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data/a.png")
    assert start(raising(unreadable)) == "tiny.py: cannot use /data/a.png: Permission denied."
    assert (
        start(raising(PermissionError("/a may not be listed."))) == "tiny.py: /a may not be listed."
    )
    with pytest.raises(ZeroDivisionError):
        start(raising(ZeroDivisionError()))


def test_other_data_is_refused_when_a_run_is_resumed(start, tmp_path):
    start(nothing, "--foregrounds=people=0.7", "--foregrounds=synthetic=0.3")
    save(tmp_path, 1)
    assert "holds a run with --foregrounds=[" in start(nothing, "--foregrounds=people")
    given = ["--foregrounds=people=0.7", "--foregrounds=synthetic=0.3"]
    assert "--figures=300" in start(nothing, *given, "--figures=20")
    assert not start(nothing, *given, "--noverify")


def test_a_finished_run_is_left_alone_and_checks_its_flags(start, tmp_path, capsys):
    start(nothing)
    save(tmp_path, 1)
    (tmp_path / "last.weights.h5").touch()
    assert not start(raising(AssertionError()))
    assert f"The run in {tmp_path} is finished." in capsys.readouterr().out
    assert "holds a run with --foregrounds=None" in start(nothing, "--foregrounds=nowhere")


def test_a_second_run_in_the_same_workdir(start, tmp_path):
    with exclusive_lock(tmp_path):
        assert "another process is writing to" in start(raising(AssertionError()))


def test_a_workdir_that_cannot_be_made(start, tmp_path):
    (tmp_path / "file").touch()
    words = start(nothing, workdir=tmp_path / "file" / "run")
    assert "cannot create --workdir=" in words and "Not a directory" in words


def test_a_read_only_disk(start, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True)
    if done.returncode:
        pytest.skip("A READ-ONLY DISK IS NOT TESTED: mounting one needs root.")
    try:
        save(disk / "run", 3)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert start(nothing, workdir=disk / "run") == (
            f"tiny.py: cannot write to {disk / 'run'}: the file system is read-only. Epoch 3 is "
            "saved; the same command continues from there."
        )
        assert start(nothing, workdir=disk / "new") == (
            f"tiny.py: cannot create --workdir={disk / 'new'}: Read-only file system."
        )
    finally:
        subprocess.run(["umount", str(disk)], check=True)
