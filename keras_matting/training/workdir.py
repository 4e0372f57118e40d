"""The folder of a training run: the flags it was started with, and what it holds after an error."""

import errno
import json
import os
from pathlib import Path

import tensorflow as tf

from keras_matting.atomic import write_text
from keras_matting.weights_files import SUFFIX

FLAGS = "flags.json"
RATE = "rate"  # in FLAGS: the learning rate or its schedule, which no flag alone says
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


def is_finished(workdir, epochs: int) -> bool:
    """Return whether a run has written its last weights, after so many epochs."""
    return Path(workdir, LAST).exists() and _recorded(workdir).get("epochs", epochs) >= epochs


def latest_checkpoint(workdir) -> str | None:
    """Return the path prefix of the newest complete checkpoint, or None."""
    return tf.train.latest_checkpoint(str(Path(workdir, CHECKPOINTS)))


def claim(workdir, values: dict):
    """Record the flags of a new run, or check that an earlier run was started with the same.

    Flags of a run that has saved nothing yet are replaced. Flags that an older version did not
    record are added. More epochs are left to `lengthen`. ValueError names the flags that differ.
    """
    before = {}
    if latest_checkpoint(workdir) or Path(workdir, LAST).exists():
        before = _recorded(workdir)
        changed = sorted(name for name in values.keys() & before if before[name] != values[name])
        if changed and (changed != ["epochs"] or values["epochs"] < before["epochs"]):
            was = " ".join(f"--{name}={before[name]}" for name in changed)
            raise ValueError(
                f"{workdir} holds a run with {was}: use the same flags or another --workdir."
            )
    _record(workdir, values | before)


def lengthen(workdir, epochs: int, rate):
    """Record the number of epochs and the learning rate or the configuration of its schedule.

    Raises ValueError if the run was started with fewer epochs and its schedule depends on them.
    """
    before, rate = _recorded(workdir), json.loads(json.dumps(rate, default=float))
    shorter = before.get("epochs", epochs)
    last = Path(workdir, LAST)
    if shorter < epochs:
        known = before.get(RATE, None if isinstance(rate, dict) else rate)
        if known != rate or not latest_checkpoint(workdir):
            reason = "is planned for its length" if latest_checkpoint(workdir) else "is not saved"
            flag = "--quantize" if before.get("quantize") else "--weights"
            raise ValueError(
                f"the run in {workdir} cannot go on from {shorter} to {epochs} epochs because its "
                f"learning rate {reason}: start a new one with {flag}={last} and another --workdir."
            )
        if last.exists():
            os.replace(last, last.with_name(f"epoch{shorter}{SUFFIX}"))
    _record(workdir, before | {"epochs": epochs, RATE: rate})


def _recorded(workdir) -> dict:
    record = Path(workdir, FLAGS)
    return json.loads(record.read_text()) if record.exists() else {}


def _record(workdir, values):
    write_text(Path(workdir, FLAGS), json.dumps(values, indent=2))


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
