"""Train GCA-Matting (Li and Lu 2020): image and trimap in, alpha out.

    python recipes/gca.py --foregrounds ADOBE --backgrounds COCO --workdir runs/gca
    python recipes/gca.py                          # quick test on synthetic figures

With --foregrounds, the settings of the released code: absolute error over unknown pixels, 512x512
crops at the pictures' resolution, batch 40, Adam at 4e-4 with beta1 0.5, 5,000 steps of warm-up,
then a cosine to step 200,000, gradients clipped to twice their usual norm, norms over all replicas
(--sync_batch_norm). Augmentation: two figures in half of the samples, affine, hue and saturation,
trimaps eroded by up to 29 pixels. The released encoder starts from its own ResNet-34, trained on
ImageNet. About 160 GPU hours, on four GPUs as released (docs/training.md says how hours are
estimated). On synthetic figures: 64x64, batch 4, 225 steps at 1e-3.
"""

import functools

from keras_matting.data.augment import presets
from keras_matting.data.augment.gca import training
from keras_matting.losses import gca
from keras_matting.losses.trimap_targets import trimap_targets
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import Adam
from tensorflow import keras

PUBLISHED = dict(size=512, batch_size=40, epochs=100, steps_per_epoch=2000)
SYNTHETIC = dict(size=64, batch_size=4, epochs=3, steps_per_epoch=75)
WARM_UP = 5000 / 200_000


def define_flags():
    recipe.define_flags(workdir="runs/gca", model="gca", learning_rate=None)
    sources.define_flags()


def defaults(options):
    return PUBLISHED if options.foregrounds else SYNTHETIC


def main(options, strategy):
    size = options.size
    augmentation = functools.partial(training, size), presets.validation_with_trimap(size)
    data = sources.composites(options, *augmentation, trimap_targets)
    with strategy.scope():
        model = create_model(options.model, (size, size, 3), True, options.weights)
        model = run.transformed(model, options)
        model.compile(
            Adam(schedule(options, data), beta_1=0.5, clip=2.0),
            loss={"alpha": gca.reconstruction_loss},
            metrics={"alpha": [SAD("unknown"), MSE("unknown")]},
        )
    run.fit(model, options, data, "val_alpha_sad", strategy)


def schedule(options, data):
    steps = options.epochs * data.steps
    warm_up = max(1, int(WARM_UP * steps))
    rate = options.learning_rate or (4e-4 if options.foregrounds else 1e-3)
    return keras.optimizers.schedules.CosineDecay(
        rate / warm_up, steps - warm_up, warmup_target=rate, warmup_steps=warm_up
    )


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
