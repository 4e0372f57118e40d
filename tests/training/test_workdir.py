"""A workdir belongs to one set of flags, and says what it holds."""

import errno
import json
import os

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


def test_what_is_saved(tmp_path):
    assert workdir.saved(tmp_path / "nowhere").startswith("Nothing is saved")
    assert workdir.saved(tmp_path).startswith("Nothing is saved")
    checkpoint(tmp_path, 12)
    assert workdir.saved(tmp_path) == (
        "Epoch 12 is saved; the same command continues from there."
    )


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
