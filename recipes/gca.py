"""Trains GCA-Matting (Li and Lu 2020): image and trimap in, alpha out.

    python recipes/gca.py --foregrounds ADOBE --backgrounds COCO --workdir runs/gca
    python recipes/gca.py                          # synthetic figures, small: see that it works

On folders the released setting: absolute error over unknown pixels, 512x512 at the pictures' own
resolution, batch 40, Adam at 4e-4 with beta1 0.5, 5,000 steps of warm-up, a cosine to 200,000,
gradients held to twice their usual norm, norms over all replicas (--sync_batch_norm); two figures
at once half of the time, affine, hue and saturation, trimaps eroded by up to 29 pixels. The
released encoder starts from a ResNet-34 of its own, trained on ImageNet.
On synthetic figures 64x64, batch 4, 225 steps at 1e-3.
"""

import functools

from absl import flags
from keras_matting.data.augment import presets
from keras_matting.data.augment.gca import training
from keras_matting.losses import gca
from keras_matting.losses.trimap_targets import trimap_targets
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.training import run, sources
from keras_matting.training.optimizers import Adam
from tensorflow import keras

PUBLISHED = dict(size=512, batch_size=40, epochs=100, steps_per_epoch=2000)
SYNTHETIC = dict(size=64, batch_size=4, epochs=3, steps_per_epoch=75)
WARM_UP = 5000 / 200_000

run.define_flags(workdir="runs/gca", model="gca", learning_rate=None)
sources.define_flags()
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED, SYNTHETIC))
    data = sources.composites(
        config,
        functools.partial(training, config.size),
        presets.validation(config.size),
        trimap_targets,
    )
    with strategy.scope():
        model = run.build(config.size)
        model.compile(
            Adam(schedule(config, data), beta_1=0.5, clip=2.0),
            loss={"alpha": gca.reconstruction_loss},
            metrics={"alpha": [SAD("unknown"), MSE("unknown")]},
        )
    run.fit(model, config, data, "val_alpha_sad", strategy)


def schedule(config, data):
    steps = config.epochs * data.steps
    warm_up = max(1, int(WARM_UP * steps))
    rate = FLAGS.learning_rate or sources.defaults(4e-4, 1e-3)
    return keras.optimizers.schedules.CosineDecay(
        rate / warm_up, steps - warm_up, warmup_target=rate, warmup_steps=warm_up
    )


if __name__ == "__main__":
    run.launch(main)
