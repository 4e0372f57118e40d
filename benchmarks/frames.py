"""Measure frames per second of networks in Keras on this machine, beside the papers' numbers.

    python -m benchmarks.frames                             # all networks
    python -m benchmarks.frames modnet_mobilenetv2 bisenetv2

Runs on the first GPU if there is one, in float32 and float16 and in batches of 1 and 8, otherwise
on the CPU in float32 and batches of 1. Each row is the median over the calls of `--seconds`, from
inputs in the device's memory to the results there, without reading or writing pictures. Networks
see noise of 512x512 and of the sizes of the papers: the row of a paper's size, on its GPU, compares
with its number. The papers measured PyTorch, and BiSeNetV2's TensorRT.
"""

import sys
import time

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.networks import LEFT_OUT
from keras_matting.models import MODELS, create_model
from keras_matting.models.operations import multiply_adds
from keras_matting.training import devices

from tensorflow import keras  # isort: skip

FLAGS = flags.FLAGS
SQUARE = (512, 512)
# network: {(height, width): frames per second and GPU in its paper}
PAPERS = {
    "modnet_mobilenetv2": {SQUARE: "67, GTX 1080 Ti"},
    "bisenetv2": {(1024, 2048): "156, GTX 1080 Ti"},
    "bgmv2_resnet50": {(1080, 1920): "60, RTX 2080 Ti", (2160, 3840): "30, RTX 2080 Ti"},
}
# sizes that a network sees pictures of other sizes at; results are scaled back
SEEN = {("bisenetv2", (1024, 2048)): (512, 1024)}
WARM_UP = 3  # calls, of which the first traces the function
HEADER = ("network", "height x width", "G multiply-adds", "precision", "batch", "frames/s", "paper")


def frames_per_second(model, size, batch, seen=None, seconds=2.0):
    """Return the median frames per second of a model on noise (batch, *size, 3).

    The model sees pictures scaled to `seen`, and its results are scaled back.
    """

    @tf.function(autograph=False)
    def run(inputs):
        if seen:
            inputs = {name: tf.image.resize(x, seen) for name, x in inputs.items()}
        outputs = model(inputs, training=False)
        found = outputs["alpha"] if "alpha" in outputs else outputs["semantic"]
        return tf.image.resize(found, size) if seen else found

    rng = np.random.default_rng(0)
    inputs = {
        name: tf.constant(rng.random((batch, *size, x.shape[-1]), np.float32))
        for name, x in model.input.items()
    }
    if "trimap" in inputs:
        inputs["trimap"] = tf.round(2.0 * inputs["trimap"]) / 2.0
    taken = []
    while len(taken) < WARM_UP + 1 or sum(taken[WARM_UP:]) < seconds:
        start = time.perf_counter()
        run(inputs)[0, 0, 0, 0].numpy()  # waits until the device has finished
        taken.append(time.perf_counter() - start)
    return batch / float(np.median(taken[WARM_UP:]))


def rows(name, gpu, seconds):
    """Yield a row of `HEADER` for each size, precision and batch size of a network."""
    papers = PAPERS.get(name, {})
    for size in dict.fromkeys([SQUARE, *papers]):
        seen = SEEN.get((name, size))
        giga = multiply_adds(create_model(name, (*(seen or size), 3))) / 1e9
        for precision in ("float32", "float16") if gpu else ("float32",):
            keras.mixed_precision.set_global_policy(
                "mixed_float16" if precision == "float16" else "float32"
            )
            model = create_model(name, (*(seen or size), 3))
            keras.mixed_precision.set_global_policy("float32")
            for batch in (1, 8) if gpu else (1,):
                try:
                    found = f"{frames_per_second(model, size, batch, seen, seconds):.1f}"
                except tf.errors.ResourceExhaustedError:
                    found = "out of memory"
                shape = f"{size[0]}x{size[1]}" + (f" at {seen[0]}x{seen[1]}" if seen else "")
                yield name, shape, f"{giga:.1f}", precision, batch, found, papers.get(size, "")
        keras.backend.clear_session()


def main(argv):
    unknown = set(argv[1:]) - set(MODELS)
    if unknown:
        sys.exit(f"unknown network {min(unknown)}; see keras_matting.list_models()")
    devices.grow_memory()
    gpus = devices.gpus()
    print(f"TensorFlow {tf.__version__} on {gpus[0] if gpus else 'the CPU'}\n")
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}")
    for name in argv[1:] or sorted(set(MODELS) - set(LEFT_OUT)):
        for row in rows(name, bool(gpus), FLAGS.seconds):
            print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    flags.DEFINE_float("seconds", 2.0, "Least time to measure each row for.", lower_bound=0.0)
    app.run(main)
