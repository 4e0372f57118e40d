"""The folder of a training run: the flags it was started with, and what it holds after an error."""

import errno
import json
import os
from pathlib import Path

import tensorflow as tf

from keras_matting.atomic import write_text

FLAGS = "flags.json"
LAST = "last.weights.h5"  # written when a run is finished
CHECKPOINTS = "checkpoints"
DISK_PROBLEMS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is exceeded",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}


def of_worker(workdir, worker: int) -> Path:
    """Return the folder that a worker writes: the first has the workdir itself."""
    return Path(workdir, f"worker{worker}") if worker else Path(workdir)


def is_finished(workdir) -> bool:
    """Return whether a run has written its last weights."""
    return Path(workdir, LAST).exists()


def latest_checkpoint(workdir) -> str | None:
    """Return the path prefix of the newest complete checkpoint, or None."""
    return tf.train.latest_checkpoint(str(Path(workdir, CHECKPOINTS)))


def claim(workdir, values: dict):
    """Record the flags of a new run, or check that a run in progress was started with the same.

    Flags of a run that has no checkpoint yet are replaced. Flags that an older version did not
    record are added. ValueError names the flags that differ.
    """
    record = Path(workdir, FLAGS)
    before = {}
    if record.exists() and latest_checkpoint(workdir):
        before = json.loads(record.read_text())
        changed = sorted(name for name in values.keys() & before if before[name] != values[name])
        if changed:
            was = " ".join(f"--{name}={before[name]}" for name in changed)
            raise ValueError(
                f"{workdir} holds a run with {was}: use the same flags or another --workdir."
            )
    write_text(record, json.dumps(values | before, indent=2))


def saved(workdir) -> str:
    """Return a sentence that says what a stopped run has saved and how to continue."""
    checkpoint = latest_checkpoint(workdir)
    if checkpoint is None:
        return "Nothing is saved; the same command starts from the beginning."
    epoch = checkpoint.rpartition("-")[2]
    return f"Epoch {epoch} is saved; the same command continues from there."


def disk_problem(error: Exception, workdir) -> str | None:
    """Return why a run could not write to its workdir, or None if `error` has another cause."""
    if not Path(workdir).is_dir():
        return f"the workdir {workdir} has disappeared."
    text = str(error)
    for code, problem in DISK_PROBLEMS.items():
        anywhere = code in (errno.ENOSPC, errno.EDQUOT)
        if os.strerror(code) in text and (anywhere or str(workdir) in text):
            return f"cannot write to {workdir}: {problem}."
    return None
