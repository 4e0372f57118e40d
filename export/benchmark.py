"""Latency of .tflite files side by side, one run of each in turn.

    python -m export.benchmark build/*.tflite --threads 2 --runs 50

Files take turns within every round, so that whatever else the machine does slows all of them down
alike and their ratios hold: a ratio is the median over rounds of a file's time to the first file's
in the same round. Any .tflite file will do, also of another converter. Numbers are of this
machine's processor, not of a phone's.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from absl import flags

from export.interpreters import DEFAULT_RUNTIME, RUNTIMES, interpreter
from keras_matting.commands import start
from keras_matting.inference.tflite import quantize, read_tflite

WARM_UP = 3


def benchmark(files, threads: int = 1, runs: int = 50, runtime=DEFAULT_RUNTIME) -> list[dict]:
    """Rows {"file", "bytes", "threads", "runtime", "latency_ms": {median, p10, p90}, "ratio"}.

    Raises FileNotFoundError and ValueError on files that are missing or no .tflite file.
    """
    ready = [_ready(path, runtime, threads) for path in files]
    seconds = np.empty((WARM_UP + runs, len(ready)))
    for turn in seconds:
        for i, loaded in enumerate(ready):
            start = time.perf_counter()
            loaded.invoke()
            turn[i] = time.perf_counter() - start
    seconds = seconds[WARM_UP:]
    ratios = np.median(seconds / seconds[:, :1], 0)
    return [
        {
            "file": Path(path).name,
            "bytes": Path(path).stat().st_size,
            "threads": threads,
            "runtime": runtime,
            "latency_ms": _spread(seconds[:, i]),
            "ratio": float(ratios[i]),
        }
        for i, path in enumerate(files)
    ]


def _ready(path, runtime, threads):
    """Load a file and set noise as its inputs."""
    loaded = interpreter(read_tflite(path), runtime, path, num_threads=threads)
    rng = np.random.default_rng(0)
    for details in loaded.get_input_details():
        noise = rng.random(details["shape"], np.float32)
        loaded.set_tensor(details["index"], quantize(noise, details))
    return loaded


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
    """Rows of `benchmark` as text."""
    widest = max(len(row["file"]) for row in rows)
    lines = [f"{'file':{widest}}  {'MB':>6}  {'ms':>8}  {'p10':>8}  {'p90':>8}  ratio"]
    for row in rows:
        ms = row["latency_ms"]
        lines.append(
            f"{row['file']:{widest}}  {row['bytes'] / 1e6:6.2f}  {ms['median']:8.2f}  "
            f"{ms['p10']:8.2f}  {ms['p90']:8.2f}  {row['ratio']:5.2f}"
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
    start(sys.modules[__name__])
