"""Measure a training step of a network and the step before it, which is traced.

    python -m benchmarks.training_step                       # MODNet, 512x512, batch 2
    python -m benchmarks.training_step --model modnet_mobilenetv2_mobile \\
        --option branch_width=0.5 --size 256 --batch_size 8
    python -m benchmarks.training_step --model modnet_hrnet_w18 --size 64 --steps 1   # tracing
    python -m benchmarks.training_step --compare jit_compile

Trains on noise with the squared error of every output and SGD. Prints wall and processor time until
the first step has run, the median of further steps, and the share that a step reaches of the rate
of a product of two matrices in the same minute; a step counts as three times the multiply-adds of
inference. With --compare, steps with and without XLA alternate, and the ratio of their times is
printed. Processor time is that of all threads, which other load on the machine changes less.
"""

import sys
import time

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from keras_matting.commands.model_flags import parse_options
from keras_matting.models import create_model
from keras_matting.models.operations import multiply_adds
from keras_matting.training import run

FLAGS = flags.FLAGS
SIDE = 2048  # of the matrices


def timed(function) -> tuple[float, float]:
    """Return seconds of wall and processor time of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def matrix_rate(repeats=5) -> tuple[float, float]:
    """Return multiply-adds per second of wall and of processor time of a float32 product."""
    left, right = tf.random.normal((2, SIDE, SIDE))
    times = [timed(lambda: tf.matmul(left, right).numpy()) for _ in range(repeats + 1)][1:]
    return tuple(SIDE**3 / np.median(times, 0))


def step(jit_compile=False):
    """Build and compile a network and return a function that trains it for a step."""
    side, batch = FLAGS.size, FLAGS.batch_size
    model = create_model(FLAGS.model, (side, side, 3), True, **parse_options(FLAGS.option))
    model.compile(keras.optimizers.SGD(0.01, 0.9), "mse", jit_compile=jit_compile)
    run.make_variables(model)
    rng = np.random.default_rng(0)
    inputs, targets = (
        {name: rng.random((batch, *x.shape[1:]), np.float32) for name, x in ends.items()}
        for ends in (model.input, model.output)
    )
    batches = iter(tf.data.Dataset.from_tensors((inputs, targets)).repeat())
    train = model.make_train_function()
    return lambda: train(batches)["loss"].numpy()


def main(_):
    steps, names = {}, ["plain", "jit_compile"] if FLAGS.compare else ["plain"]
    for name in names:

        def first(name=name):
            steps[name] = step(jit_compile=name == "jit_compile")
            steps[name]()

        print("{}: {:.1f} s to the first step, {:.1f} s of processor time".format(
            name, *timed(first)), flush=True)  # fmt: skip
    rounds = [[timed(steps[name]) for name in names] for _ in range(FLAGS.steps)]
    seconds = np.median(rounds, 0)
    side = FLAGS.size
    model = create_model(FLAGS.model, (side, side, 3), True, **parse_options(FLAGS.option))
    work = 3 * FLAGS.batch_size * multiply_adds(model)
    share = work / seconds[0] / matrix_rate()
    print("a step: {:.2f} s, {:.2f} s of processor time".format(*seconds[0]))
    print("share of the matrix rate: {:.0%}, by processor time {:.0%}".format(*share))
    if FLAGS.compare:
        ratios = np.median([np.divide(*turn[::-1]) for turn in rounds], 0)
        print("jit_compile over plain: {:.2f}, by processor time {:.2f}".format(*ratios))
    sys.stdout.flush()


if __name__ == "__main__":
    flags.DEFINE_string("model", "modnet_mobilenetv2", "A name of list_models().")
    flags.DEFINE_multi_string("option", [], "NAME=VALUE, an option of create_model.")
    flags.DEFINE_integer("size", 512, "Side of the images in pixels.", lower_bound=32)
    flags.DEFINE_integer("batch_size", 2, "Images of a step.", lower_bound=1)
    flags.DEFINE_integer("steps", 5, "Timed steps.", lower_bound=1)
    flags.DEFINE_enum("compare", None, ["jit_compile"], "Another way to run the step.")
    app.run(main)
