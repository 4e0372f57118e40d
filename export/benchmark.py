"""Compare the latency of .tflite files, which run alternately.

    keras-matting benchmark build/*.tflite
    keras-matting benchmark build/*.tflite --threads 2 --runs 200
    keras-matting benchmark ours.tflite others.tflite --runtime tf.lite --json

Every round runs each file once, so that other load on the machine slows all of them down alike. A
ratio is the median over rounds of a file's time divided by the first file's in the same round.
Files of other converters work, too. The numbers are those of this machine's processor, not of a
phone's.
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
    """Return rows {"file", "bytes", "threads", "runtime", "latency_ms", "ratio"}.

    "latency_ms" is {median, p10, p90}. Raises FileNotFoundError and ValueError if a file is missing
    or not a .tflite file.
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


# Runs in a separate process, because a process does not return memory to the system.
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
    """Return by how many bytes a process grows when LiteRT loads and runs a file (Linux)."""
    command = [sys.executable, "-c", _MEASURE, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(found.stdout.split()[-1])


def _spread(seconds):
    p10, median, p90 = np.percentile(np.asarray(seconds) * 1000.0, [10, 50, 90])
    return {"median": float(median), "p10": float(p10), "p90": float(p90)}


def table(rows) -> str:
    """Format rows of `benchmark` as text."""
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
            raise ValueError("specify at least one .tflite file; see --help for an example")
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
