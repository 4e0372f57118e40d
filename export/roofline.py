"""Compare .tflite files with the rates of arithmetic and memory of this machine's processor.

    python -m export.roofline build/*_float32.tflite build/*_int8.tflite
    python -m export.roofline build/*.tflite --write

For each file: its multiply-adds, the bytes that its operators read and write, its time, the share
of the processor's rates that both are, and the three slowest operators by LiteRT's profiler. The
rates are measured in the same run: multiply-adds per second of a file of 1x1 convolutions, in
float32 and in int8, and bytes per second of a copy. All on one thread in processor time, which
other load on the machine changes little. --write replaces the table in docs/speed.md.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from export import flatbuffer
from export.interpreters import DEFAULT_RUNTIME, interpreter
from export.operators import operator_times
from keras_matting import native_messages
from keras_matting.atomic import write_between
from keras_matting.commands import start
from keras_matting.inference.tflite import quantize, read_tflite

DOCUMENT = Path(__file__).parents[1] / "docs" / "speed.md"
MARKS = "<!-- roofline: written by python -m export.roofline -->", "<!-- /roofline -->"
HEAD = ["file", "G multiply-adds", "MB", "ms", "of the arithmetic rate", "of the memory rate"]
HEAD += ["slowest operators"]
CHAIN, SIDE, CHANNELS = 4, 64, 256  # the convolutions that measure the rate of arithmetic
COPIED = 1 << 28  # bytes, more than caches hold
SLOWEST = 3
# TFLite's numbers of types
TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16"}
TYPES |= {9: "int8"}


def multiply_adds(graph, name_of) -> int:
    """Count multiply-adds of a parsed file's convolutions and matrix products."""
    total = 0
    for operator in graph.operators:
        name = name_of(operator)
        shapes = [graph.tensors[i].shape for i in operator.inputs if i >= 0]
        places = int(np.prod(graph.tensors[operator.outputs[0]].shape[:-1]))
        if name in ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
            total += places * int(np.prod(shapes[1]))
        elif name == "BATCH_MATMUL":
            total += int(np.prod(shapes[0])) * graph.tensors[operator.outputs[0]].shape[-1]
    return total


def moved_bytes(graph) -> int:
    """Count the bytes that operators read and write, as if nothing stayed in a cache."""
    kinds = {kind: np.dtype(name).itemsize for kind, name in TYPES.items()}
    sizes = [kinds[tensor.type] * int(np.prod(tensor.shape)) for tensor in graph.tensors]
    ends = (i for op in graph.operators for i in (*op.inputs, *op.outputs) if i >= 0)
    return sum(sizes[i] for i in ends)


def processor_seconds(function, runs) -> float:
    """Return the median processor time of calls after the first."""
    times = []
    for _ in range(runs + 1):
        before = time.process_time()
        function()
        times.append(time.process_time() - before)
    return statistics.median(times[1:])


def seconds(data, runs) -> float:
    """Return the processor time of a file on one thread; its inputs are noise."""
    loaded = interpreter(data, DEFAULT_RUNTIME, num_threads=1)
    rng = np.random.default_rng(0)
    for details in loaded.get_input_details():
        noise = rng.random(details["shape"], np.float32)
        loaded.set_tensor(details["index"], quantize(noise, details))
    return processor_seconds(loaded.invoke, runs)


def arithmetic_rate(integer, runs) -> float:
    """Return multiply-adds per second of a chain of 1x1 convolutions."""
    x = image = tf.keras.Input((SIDE, SIDE, CHANNELS), batch_size=1)
    for _ in range(CHAIN):
        x = tf.keras.layers.Conv2D(CHANNELS, 1)(x)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(image, x))
    if integer:
        noise = np.random.default_rng(0).random(image.shape, np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: [[noise]]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with native_messages.hidden(1, 2, shown_on_error=True):
        data = converter.convert()
    return CHAIN * SIDE**2 * CHANNELS**2 / seconds(data, runs)


def memory_rate(runs) -> float:
    """Return bytes per second that a copy reads and writes."""
    source, target = np.ones(COPIED, np.uint8), np.zeros(COPIED, np.uint8)
    return 2 * COPIED / processor_seconds(lambda: np.copyto(target, source), runs)


def slowest(data, runs) -> list[str]:
    """Return the slowest operators with their shares, each by the least time of `runs`."""
    times = operator_times(data, runs=runs, summary=min)
    total = sum(row["ms"] for row in times)
    found = []
    for row in times[:SLOWEST]:
        layer = row["result"].split("/")[1:2]
        found.append(" ".join([row["operator"], *layer, f"{row['ms'] / total:.0%}"]))
    return found


def row(path, rates, runs) -> list[str]:
    """Return the table row of a file; `rates`: {integer: multiply-adds per second, "bytes"}."""
    data = read_tflite(path)
    parsed = flatbuffer.parse(data)
    graph = parsed.subgraphs[0]
    work = multiply_adds(graph, lambda operator: flatbuffer.operator_name(parsed, operator))
    moved, spent = moved_bytes(graph), seconds(data, runs)
    integer = "int8" in Path(path).stem
    return [
        Path(path).stem,
        f"{work / 1e9:.1f}",
        f"{moved / 1e6:.0f}",
        f"{1e3 * spent:.0f}",
        f"{work / spent / rates[integer]:.0%}",
        f"{moved / spent / rates['bytes']:.0%}",
        ", ".join(slowest(data, runs)),
    ]


def processor() -> str:
    """Return the processor's name as Linux has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "?")


def main(argv):
    options = flags.FLAGS
    try:
        if len(argv) < 2:
            raise ValueError("specify at least one .tflite file; see --help for an example")
        runs = options.runs
        rates = {integer: arithmetic_rate(integer, runs) for integer in (False, True)}
        rates["bytes"] = memory_rate(runs)
        lines = [
            f"{processor()}, one thread: {rates[False] / 1e9:.0f} G multiply-adds per second in "
            f"float32, {rates[True] / 1e9:.0f} in int8, {rates['bytes'] / 1e9:.1f} GB/s.",
            "",
            f"| {' | '.join(HEAD)} |",
            f"|{' --- |' * len(HEAD)}",
        ]
        print("\n".join(lines), flush=True)
        for path in argv[1:]:
            lines.append(f"| {' | '.join(row(path, rates, runs))} |")
            print(lines[-1], flush=True)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    if options.write:
        write_between(DOCUMENT, MARKS, "\n".join(lines))


def define_flags():
    flags.DEFINE_integer("runs", 10, "Timed runs of each file.", lower_bound=1)
    flags.DEFINE_bool("write", False, "Replace the table in docs/speed.md.")


if __name__ == "__main__":
    start(sys.modules[__name__])
