"""Measure the time of int8 files relative to float32 files, for every mobile variant.

    python -m benchmarks.integers
    python -m benchmarks.integers --models gca_mobile,dim_vgg16_mobile --size 256x256

Converts each variant with stand-in weights, runs both files alternately on two threads and prints
the ratio of int8 to float32. Says whether the processor has dot products of bytes (x86: VNNI, ARM:
dotprod), on which the ratio depends. Takes about half a minute per variant.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import app, flags

FLAGS = flags.FLAGS
DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "asimddp"}


def byte_dot_products() -> str:
    """Return which instructions for dot products of bytes Linux lists for this processor."""
    found = DOT_PRODUCTS & set(Path("/proc/cpuinfo").read_text().split())
    return ", ".join(sorted(found)) or "none"


def main(_):
    print(f"dot products of bytes: {byte_dot_products()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "export.zoo", "--sizes=", f"--timed={FLAGS.size}"]
        command += [f"--models={','.join(FLAGS.models)}", f"--runs={FLAGS.runs}"]
        subprocess.run([*command, f"--out={folder}", f"--table={folder}/table.md"], check=True)
        rows = json.loads(Path(folder, "zoo.json").read_text())["timed"]
    worst = max(rows, key=lambda row: row["ratio"])
    print(f"largest ratio: {worst['ratio']:.2f} ({worst['variant']})")


if __name__ == "__main__":
    flags.DEFINE_list("models", [], "Variants, with commas; default: all that end in _mobile.")
    flags.DEFINE_string("size", "512x512", "HxW of the files.")
    flags.DEFINE_integer("runs", 20, "Timed runs of each file.", lower_bound=1)
    app.run(main)
