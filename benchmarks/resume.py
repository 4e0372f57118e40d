"""Check that a run killed at random moments ends with the same weights as an uninterrupted one.

    python -m benchmarks.resume plain                  # MODNet
    python -m benchmarks.resume two_stages             # DIM: encoder and decoder, then refinement
    python -m benchmarks.resume soc --seed 1

Each trains a small network twice on synthetic figures: uninterrupted, and killed with SIGKILL
--kills times and restarted. --seed determines the moments, which are of three kinds: between the
start of the process and its first checkpoint, within an epoch's time after a checkpoint, and while
a file is being written. The last line and the exit status tell whether weights and log are equal
bit for bit. Takes a few minutes.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from absl import app, flags

SMALL = ["--size=64", "--figures=10", "--figure_size=96", "--batch_size=2", "--steps_per_epoch=8"]
MODNET = [*SMALL, "--model=modnet_mobilenetv2_mobile", "--width=0.35"]
# recipe and flags of each stage; {before} is the best weights file of the previous stage
RUNS = {
    "plain": [("modnet", MODNET)],
    "two_stages": [
        ("dim", SMALL),
        ("dim", [*SMALL, "--stage=refinement", "--weights={before}"]),
    ],
    "soc": [("modnet_soc", MODNET)],
}
MOMENTS = ("start", "epoch", "write")
UNFINISHED = ("partial", "temp", "tmp")  # parts of the names of files that are being written
ROOT = Path(__file__).parents[1]

flags.DEFINE_integer("kills", 5, "Number of SIGKILLs per run, over all stages.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Random seed of the moments.")
flags.DEFINE_string("keep", None, "Folder to keep the runs in; default: a temporary one.")
FLAGS = flags.FLAGS


def main(argv):
    if len(argv) != 2 or argv[1] not in RUNS:
        sys.exit(f"specify one of {', '.join(RUNS)}")
    folder = Path(FLAGS.keep or tempfile.mkdtemp())
    try:
        different = compare(argv[1], folder)
    finally:
        if not FLAGS.keep:
            shutil.rmtree(folder)
    if different:
        sys.exit(f"{argv[1]}: DIFFERENT after {FLAGS.kills} kills: {', '.join(different)}")
    print(f"{argv[1]}: the same weights and log after {FLAGS.kills} kills")


def compare(kind, folder):
    """Train both ways and return the files that differ."""
    draw = random.Random(FLAGS.seed)
    stages = RUNS[kind]
    moments = [MOMENTS[i % len(MOMENTS)] for i in range(FLAGS.kills)]
    draw.shuffle(moments)
    different = []
    for number, (recipe, given) in enumerate(stages):
        ours = moments[number :: len(stages)]
        epochs = 3 * len(ours) + 1  # a kill may be an epoch or two late
        commands, workdirs = {}, {}
        for name in ("uninterrupted", "killed"):
            before = folder / name / f"stage{number}" / "best.weights.h5"
            workdirs[name] = folder / name / f"stage{number + 1}"
            flags_here = [flag.format(before=before) for flag in given]
            commands[name] = [recipe, *flags_here, f"--epochs={epochs}"]
        to_first, epoch = timed(commands["uninterrupted"], workdirs["uninterrupted"])
        print(f"{recipe}: {epochs} epochs of {epoch:.1f} s after {to_first:.1f} s", flush=True)
        for moment in ours:
            killed(commands["killed"], workdirs["killed"], moment, draw, to_first, epoch)
        finished(launch(commands["killed"], workdirs["killed"]), workdirs["killed"])
        for file in ("best.weights.h5", "last.weights.h5", "log.csv"):
            if not equal(workdirs["killed"] / file, workdirs["uninterrupted"] / file):
                different.append(f"{file} of {recipe}")
    return different


def timed(command, workdir):
    """Train uninterrupted; return seconds to the first checkpoint and per epoch after it."""
    begun = time.monotonic()
    process = launch(command, workdir)
    until(lambda: newest(workdir) >= 1, process, workdir)
    first, at = time.monotonic(), newest(workdir)
    finished(process, workdir)
    return first - begun, (time.monotonic() - first) / (newest(workdir) - at)


def killed(command, workdir, moment, draw, to_first, epoch):
    """Start a run, kill it at a moment of the given kind, and print where that was."""
    at = newest(workdir)
    process = launch(command, workdir)
    if moment == "start":
        delay = draw.uniform(0.0, to_first)
    elif moment == "epoch":
        delay = draw.uniform(0.0, epoch)
        until(lambda: newest(workdir) > at, process, workdir)
    else:
        delay = draw.uniform(0.0, 0.02)
        before = set(unfinished(workdir))
        until(lambda: set(unfinished(workdir)) - before, process, workdir)
    time.sleep(delay)
    if process.poll() is not None:
        sys.exit(f"the run ended before it was killed; see {workdir}.txt")
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = ", ".join(sorted(unfinished(workdir))) or "nothing"
    where = f"started at checkpoint {at}, now {newest(workdir)}, unfinished files: {left}"
    print(f"  killed {delay:.2f} s after a {moment}: {where}", flush=True)


def launch(command, workdir):
    """Start the recipe as a process whose output is appended to a file next to the workdir."""
    recipe, *given = command
    workdir.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    with open(f"{workdir}.txt", "a") as output:
        return subprocess.Popen(
            [sys.executable, f"recipes/{recipe}.py", *given, f"--workdir={workdir}"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def finished(process, workdir):
    """Wait for a run; exit with its output if it failed."""
    if process.wait() or not (workdir / "last.weights.h5").exists():
        sys.exit(f"a run ended with an error:\n{Path(f'{workdir}.txt').read_text()[-2000:]}")


def until(happens, process, workdir):
    """Wait until `happens()`; exit if the run ends first."""
    while not happens():
        if process.poll() is not None:
            sys.exit(f"the run ended before it was killed; see {workdir}.txt")
        time.sleep(0.001)


def newest(workdir):
    """Return the number of the newest complete checkpoint, or 0."""
    try:
        line = (workdir / "checkpoints" / "checkpoint").read_text().splitlines()[0]
    except FileNotFoundError:
        return 0
    return int(line.rstrip('"').rpartition("-")[2])


def unfinished(workdir):
    """Return the names of files that are being written, or were when the run was killed."""
    names = []
    for folder in (workdir, workdir / "checkpoints"):
        if folder.is_dir():
            names += os.listdir(folder)
    return [name for name in names if any(part in name for part in UNFINISHED)]


def equal(path, other):
    """Compare two files; weights files by their arrays."""
    if path.suffix != ".h5":
        return path.read_bytes() == other.read_bytes()
    mine, theirs = arrays(path), arrays(other)
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[k], theirs[k]) for k in mine)


def arrays(path):
    """Read {name: array} from a weights file."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


if __name__ == "__main__":
    app.run(main)
