"""Trains GCA-Matting (Li and Lu 2020): image and trimap in, alpha out.

    python recipes/gca.py --foregrounds ADOBE --backgrounds COCO --workdir runs/gca
    python recipes/gca.py                          # synthetic figures, small: see that it works

On folders the released setting: absolute error over unknown pixels, 512x512 at the pictures' own
resolution, batch 40, Adam at 4e-4 with beta1 0.5, 5,000 steps of warm-up, a cosine to 200,000;
two figures at once half of the time, affine, hue and saturation, trimaps eroded by up to 29 pixels.
On synthetic figures 128x128, batch 4, 150 steps.
"""

from absl import flags
from tensorflow import keras

from keras_matting.data import geometry, ops, pipeline, trimaps
from keras_matting.losses import gca, regions
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.training import run, sources

PUBLISHED = dict(size=512, batch_size=40, epochs=100, steps_per_epoch=2000)
SYNTHETIC = dict(size=128, batch_size=4, epochs=3, steps_per_epoch=50)
WARM_UP = 5000 / 200_000

run.define_flags(workdir="runs/gca", model="gca", learning_rate=4e-4)
sources.define_flags()
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED, SYNTHETIC))
    validation = pipeline.validation(config.size)
    data = sources.composites(config, augmentation(config.size), validation, regions.trimap_targets)
    with strategy.scope():
        model = run.build(config.size)
        model.compile(
            keras.optimizers.Adam(schedule(config, data), beta_1=0.5),
            loss={"alpha": gca.reconstruction_loss},
            metrics={"alpha": [SAD("unknown"), MSE("unknown")]},
        )
    run.fit(model, config, data, "val_alpha_sad", strategy)


def schedule(config, data):
    steps = config.epochs * (config.steps_per_epoch or data.steps)
    warm_up = int(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=FLAGS.learning_rate, warmup_steps=max(1, warm_up)
    )


def augmentation(size):
    """The released one, of which a source for the second figure is part."""
    crop = geometry.random_crop_native(size)

    def transforms(foregrounds):
        return [
            crop,
            ops.combine(foregrounds, crop),
            geometry.random_crop("background", size, scale=(0.5, 1.0)),
            ops.random_color("foreground", brightness=0.1, contrast=0.1, saturation=0.1, hue=1 / 9),
            ops.composite(),
            trimaps.random_trimap((0, max(1, size * 14 // 512))),
        ]

    return transforms


if __name__ == "__main__":
    run.launch(main)
