"""Measure how long commands take before they are useful: imports, building, tracing, exporting.

    python -m benchmarks.waiting
    python -m benchmarks.waiting formats

Runs each row in a fresh process and prints its wall and processor time, and their ratio to the
goal in seconds. On a busy machine only the processor time is meaningful.
"""

import resource
import subprocess
import sys
import tempfile
import time

from absl import app

BUILD = "import keras_matting; keras_matting.create_model('modnet_mobilenetv2')"
# row: (goal in seconds, arguments of Python; {folder} is an empty one)
ROWS = {
    "import": (0.1, ["-c", "import keras_matting"]),
    "create_model": (3.0, ["-c", BUILD]),
    "first_step": (
        30.0,
        "-m benchmarks.training_step --model modnet_hrnet_w18 --size 64 --steps 1".split(),
    ),
    "formats": (
        180.0,
        "-m export.zoo --models modnet_mobilenetv2_mobile --sizes 256x256 --out {folder} "
        "--table {folder}/table.md".split(),
    ),
}


def processor_time() -> float:
    """Return seconds of processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(argv):
    if unknown := set(argv[1:]) - set(ROWS):
        sys.exit(f"unknown row {', '.join(unknown)}; choose from {', '.join(ROWS)}")
    for name in argv[1:] or ROWS:
        goal, arguments = ROWS[name]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, *(word.format(folder=folder) for word in arguments)]
            wall, before = time.perf_counter(), processor_time()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            wall, used = time.perf_counter() - wall, processor_time() - before
        print(
            f"{name}: {wall:.2f} s, {used:.2f} s of processor time, "
            f"{wall / goal:.2f} and {used / goal:.2f} of the goal",
            flush=True,
        )


if __name__ == "__main__":
    app.run(main)
