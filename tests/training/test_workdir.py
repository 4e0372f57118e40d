"""A workdir belongs to one set of flags, and says what it holds."""

import errno
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.training import workdir


def checkpoint(folder, epoch):
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(epoch=tf.Variable(epoch)), str(folder / "checkpoints"), max_to_keep=2
    )
    manager.save(checkpoint_number=epoch)


def recorded(folder):
    return json.loads((folder / "flags.json").read_text())


def test_a_run_goes_on_with_its_own_flags_only(tmp_path):
    flags = {"foregrounds": ["people=0.7", "synthetic=0.3"], "figures": 300, "average": 0.0}
    workdir.claim(tmp_path, flags)
    checkpoint(tmp_path, 1)
    workdir.claim(tmp_path, flags)
    others = flags | {"foregrounds": ["people"], "figures": 20}
    was = r"--figures=300 --foregrounds=\['people=0.7', 'synthetic=0.3'\]: use the same flags"
    with pytest.raises(ValueError, match=was):
        workdir.claim(tmp_path, others)
    assert recorded(tmp_path) == flags


def test_flags_may_change_before_the_first_checkpoint(tmp_path):
    workdir.claim(tmp_path, {"foregrounds": ["misspelt"]})
    workdir.claim(tmp_path, {"foregrounds": ["people"]})
    assert recorded(tmp_path) == {"foregrounds": ["people"]}


def test_flags_that_an_older_version_did_not_record_are_added(tmp_path):
    (tmp_path / "flags.json").write_text('{"width": 0.5}')
    checkpoint(tmp_path, 3)
    workdir.claim(tmp_path, {"width": 0.5, "figures": 300})
    assert recorded(tmp_path) == {"width": 0.5, "figures": 300}
    with pytest.raises(ValueError, match="--figures=300"):
        workdir.claim(tmp_path, {"width": 0.5, "figures": 20})


def test_a_finished_run_goes_on_if_its_rate_does_not_depend_on_the_epochs(tmp_path):
    workdir.claim(tmp_path, {"epochs": 10})
    workdir.lengthen(tmp_path, 10, np.float32(0.1))
    checkpoint(tmp_path, 10)
    (tmp_path / "last.weights.h5").write_text("weights")
    assert workdir.is_finished(tmp_path, 10)
    workdir.claim(tmp_path, {"epochs": 20})
    assert not workdir.is_finished(tmp_path, 20)
    workdir.lengthen(tmp_path, 20, np.float32(0.1))
    assert recorded(tmp_path)["epochs"] == 20
    assert (tmp_path / "epoch10.weights.h5").read_text() == "weights"
    assert not workdir.is_finished(tmp_path, 20)
    with pytest.raises(ValueError, match="holds a run with --epochs=20"):
        workdir.claim(tmp_path, {"epochs": 10})


def test_other_finished_runs_say_how_to_train_on(tmp_path):
    flags = {"epochs": 10, "quantize": None}
    workdir.claim(tmp_path, flags)
    workdir.lengthen(tmp_path, 10, {"config": {"decay_steps": 10}})
    checkpoint(tmp_path, 10)
    workdir.claim(tmp_path, flags | {"epochs": 20})
    words = f"from 10 to 20 epochs because .* with --weights={tmp_path}/last.weights.h5 and another"
    with pytest.raises(ValueError, match=words):
        workdir.lengthen(tmp_path, 20, {"config": {"decay_steps": 20}})
    workdir.claim(tmp_path, flags)  # the run is as it was
    with pytest.raises(ValueError, match="holds a run with --epochs=10"):
        workdir.claim(tmp_path, flags | {"epochs": 5})


def test_what_is_saved(tmp_path):
    assert workdir.saved(tmp_path / "nowhere").startswith("Nothing is saved")
    assert workdir.saved(tmp_path).startswith("Nothing is saved")
    checkpoint(tmp_path, 12)
    assert workdir.saved(tmp_path) == ("Epoch 12 is saved; the same command continues from there.")


def strerror(code, path):
    return OSError(code, os.strerror(code), str(path))


def test_problems_of_the_disk(tmp_path):
    inside, outside = tmp_path / "log.csv", "/data/picture.png"
    for error, expected in [
        (strerror(errno.ENOSPC, inside), "the disk is full."),
        (strerror(errno.EROFS, inside), "the file system is read-only."),
        (strerror(errno.EACCES, inside), "permission denied."),
        # as TensorFlow and HDF5 word it
        (tf.errors.ResourceExhaustedError(None, None, "x; No space left on device"), "is full."),
        (RuntimeError("errno = 28, error message = 'No space left on device'"), "is full."),
    ]:
        assert workdir.disk_problem(error, tmp_path).endswith(expected)
    assert workdir.disk_problem(strerror(errno.EACCES, outside), tmp_path) is None
    assert workdir.disk_problem(RuntimeError("another one"), tmp_path) is None
    gone = workdir.disk_problem(strerror(errno.ENOENT, inside), tmp_path / "gone")
    assert gone.endswith("gone has disappeared.")
