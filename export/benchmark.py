"""Latency of .tflite files side by side, one run of each in turn.

    python -m export.benchmark build/*.tflite --threads 2 --runs 50

Files take turns within every round, so that whatever else the machine does slows all of them down
alike and their ratios hold. Numbers are of this machine's processor, not of a phone's.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from absl import app, flags

from export.interpreters import DEFAULT_RUNTIME, RUNTIMES, load

WARM_UP = 3


def benchmark(files, threads: int = 1, runs: int = 50, runtime=DEFAULT_RUNTIME) -> list[dict]:
    """Rows {"file", "size", "bytes", "threads", "runtime", "latency_ms": {median, p10, p90}}.

    Raises FileNotFoundError and ValueError on files that are missing or no .tflite file.
    """
    loaded = {str(path): load(path, runtime, threads) for path in files}
    for model in loaded.values():
        model.set_noise()
    seconds = {path: [] for path in loaded}
    for _ in range(WARM_UP + runs):
        for path, model in loaded.items():
            start = time.perf_counter()
            model.interpreter.invoke()
            seconds[path].append(time.perf_counter() - start)
    return [
        {
            "file": Path(path).name,
            "size": "x".join(map(str, model.size)),
            "bytes": Path(path).stat().st_size,
            "threads": threads,
            "runtime": runtime,
            "latency_ms": _spread(seconds[path][WARM_UP:]),
        }
        for path, model in loaded.items()
    ]


# In a process of its own: what a process once took, it keeps.
_MEASURE = """
import sys
from ai_edge_litert.interpreter import Interpreter
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
before = peak()
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.invoke()
print((peak() - before) * 1024)
"""


def peak_memory(path) -> int:
    """Bytes that a process grows by when LiteRT loads a file and runs it once (Linux)."""
    command = [sys.executable, "-c", _MEASURE, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(found.stdout.split()[-1])


def _spread(seconds):
    p10, median, p90 = np.percentile(np.asarray(seconds) * 1000.0, [10, 50, 90])
    return {"median": float(median), "p10": float(p10), "p90": float(p90)}


def table(rows) -> str:
    """Rows of `benchmark` as text, with each median's ratio to the first row's."""
    first = rows[0]["latency_ms"]["median"]
    widest = max(len(row["file"]) for row in rows)
    lines = [f"{'file':{widest}}  {'MB':>6}  {'ms':>8}  {'p10':>8}  {'p90':>8}  ratio"]
    for row in rows:
        ms = row["latency_ms"]
        lines.append(
            f"{row['file']:{widest}}  {row['bytes'] / 1e6:6.2f}  {ms['median']:8.2f}  "
            f"{ms['p10']:8.2f}  {ms['p90']:8.2f}  {ms['median'] / first:5.2f}"
        )
    return "\n".join(lines)


def main(argv):
    options = flags.FLAGS
    try:
        if len(argv) < 2:
            raise ValueError("Name at least one .tflite file; --help shows an example.")
        rows = benchmark(argv[1:], options.threads, options.runs, options.runtime)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(json.dumps(rows, indent=1) if options.json else table(rows))


def define_flags():
    flags.DEFINE_integer("threads", 1, "Threads of the interpreter.", lower_bound=1)
    flags.DEFINE_integer("runs", 50, "Timed runs of each file.", lower_bound=1)
    flags.DEFINE_enum("runtime", DEFAULT_RUNTIME, list(RUNTIMES), "Interpreter and kernels.")
    flags.DEFINE_bool("json", False, "Print JSON.")


if __name__ == "__main__":
    define_flags()
    flags.FLAGS.set_gnu_getopt(True)
    app.run(main)
