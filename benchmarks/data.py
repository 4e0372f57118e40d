"""Measure the training pipeline's images per second, stage by stage.

    python -m benchmarks.data --size=160 --source=320x320          # synthetic figures in memory
    python -m benchmarks.data --foregrounds=cutouts --backgrounds=bg20k --size=512

Each row runs the pipeline up to one stage over the same samples: `images/s` is the throughput,
`cpu ms` the CPU time per image, summed over cores, and `added` the part of it that the stage adds.
The last row is the whole pipeline in batches. Compare numbers of one run only, not across machines;
on a busy machine, only CPU times are meaningful. `--augmentation=objects` is GCA's instead of
MODNet's. `--foregrounds` is a folder of RGBA cut-outs or one with foreground/ and alpha/.
"""

import os
import sys
import time

from absl import app, flags

from keras_matting.data import composition, synthetic, training
from keras_matting.data.augment import gca
from keras_matting.data.reading import readers

flags.DEFINE_integer("size", 512, "Side of the training crop in pixels.", lower_bound=16)
flags.DEFINE_integer("batch_size", 16, "Batch size of the last row.", lower_bound=1)
flags.DEFINE_integer("samples", 64, "Number of timed images per row.", lower_bound=1)
flags.DEFINE_enum("augmentation", "portrait", ["portrait", "objects"], "MODNet's or GCA's.")
flags.DEFINE_string("source", "640x640", "HEIGHTxWIDTH of synthetic figures and backgrounds.")
flags.DEFINE_string("foregrounds", None, "Folder of foregrounds; default: synthetic ones.")
flags.DEFINE_string("backgrounds", None, "Folder of backgrounds; default: synthetic ones.")
FLAGS = flags.FLAGS

SYNTHETIC_POOL = 8


def sources():
    """Return the foreground and background sources given by the flags."""
    size = tuple(int(side) for side in FLAGS.source.split("x"))
    if not FLAGS.foregrounds:
        foregrounds = synthetic.foregrounds(SYNTHETIC_POOL, size)
    elif os.path.isdir(os.path.join(FLAGS.foregrounds, "alpha")):
        foregrounds = readers.foreground_alpha(FLAGS.foregrounds)
    else:
        foregrounds = readers.rgba(FLAGS.foregrounds)
    if not FLAGS.backgrounds:
        return foregrounds, synthetic.backgrounds(SYNTHETIC_POOL, size)
    return foregrounds, readers.backgrounds(FLAGS.backgrounds)


def per_image(dataset, images, batch_size):
    """Return wall and CPU seconds per image of an endless dataset, after a warm-up."""
    batches = -(-images // batch_size)
    iterator = iter(dataset)
    for _ in range(1 + batches // 3):
        next(iterator)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(batches):
        next(iterator)
    count = batches * batch_size
    return (time.perf_counter() - wall) / count, (time.process_time() - processor) / count


def main(_):
    try:
        foregrounds, backgrounds = sources()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if FLAGS.augmentation == "portrait":
        transforms = training(FLAGS.size)
    else:
        transforms = gca.training(FLAGS.size, foregrounds)
    print(f"{FLAGS.size}x{FLAGS.size}, {os.cpu_count()} cores, {FLAGS.samples} images per row")
    print(f"{'up to':24}{'cpu ms':>10}{'added':>10}{'images/s':>12}")
    before = 0.0
    for count in range(len(transforms) + 1):
        stage = transforms[count - 1].__qualname__.split(".")[0] if count else "load"
        before = _row(stage, foregrounds, backgrounds, transforms[:count], 1, before)
    batch_size = FLAGS.batch_size
    _row(f"batches of {batch_size}", foregrounds, backgrounds, transforms, batch_size, before)


def _row(stage, foregrounds, backgrounds, transforms, batch_size, before):
    dataset = composition(foregrounds, backgrounds, transforms, batch_size, seed=1)
    wall, processor = per_image(dataset, FLAGS.samples, batch_size)
    added = processor - before
    print(f"{stage:24}{1e3 * processor:10.1f}{1e3 * added:10.1f}{1 / wall:12.1f}", flush=True)
    return processor


def _height_width(text):
    sides = text.split("x")
    return len(sides) == 2 and all(side.isdigit() and int(side) > 0 for side in sides)


flags.register_validator("source", _height_width, "must look like 480x640")

if __name__ == "__main__":
    app.run(main)
