"""Trains Deep Image Matting in its stages (Xu et al. 2017): image and trimap in, alpha out.

    python recipes/dim.py --foregrounds ADOBE --backgrounds COCO --weights imagenet
    python recipes/dim.py --stage refinement --weights runs/dim/best.weights.h5 --workdir runs/dim2
    python recipes/dim.py --stage everything --weights runs/dim2/best.weights.h5 --workdir runs/dim3
    python recipes/dim.py                          # synthetic figures, small: see that it works

`encoder_decoder` learns from alpha and composition, half each; `refinement` alone from the refined
alpha, all else frozen; `everything` from the refined alpha (`dim_vgg16_bilinear`: from all three,
as PaddleSeg). Each stage starts from the file of the one before. On folders: Adam at 1e-5, batch
16, square crops of 320, 480 or 640 pixels around an unknown one, resized to 320, mirrored at times,
with trimaps of 1 to 20 pixels. On synthetic figures 64x64, batch 4, Adam at 3e-4, 400 steps.
"""

from absl import flags
from tensorflow import keras

from keras_matting.data import geometry, ops, pipeline, trimaps
from keras_matting.losses import dim, regions
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import run, sources

PUBLISHED = dict(size=320, batch_size=16, epochs=25)
SYNTHETIC = dict(size=64, batch_size=4, epochs=4, steps_per_epoch=100)
SIDES = (1.0, 1.5, 2.0)
STAGES = ("encoder_decoder", "refinement", "everything")


def both(alpha_loss, composition_loss):
    """Half of each."""

    def loss(target, alpha):
        return 0.5 * alpha_loss(target, alpha) + 0.5 * composition_loss(target, alpha)

    return loss


COARSE = both(dim.alpha_loss, dim.composition_loss)
PADDLE_COARSE = both(dim.paddle_alpha_loss, dim.paddle_composition_loss)
LOSSES = {
    "dim_vgg16": (
        {"alpha": COARSE},
        {"alpha": dim.alpha_loss},
        {"alpha": dim.alpha_loss},
    ),
    "dim_vgg16_bilinear": (
        {"alpha": PADDLE_COARSE},
        {"alpha": dim.paddle_alpha_loss},
        {"alpha": dim.paddle_alpha_loss, "alpha_raw": PADDLE_COARSE},
    ),
}

flags.DEFINE_enum("stage", "encoder_decoder", STAGES, "What learns.")
run.define_flags(workdir="runs/dim", model="dim_vgg16", learning_rate=None)
sources.define_flags()
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED, SYNTHETIC))
    validation = pipeline.validation(config.size)
    data = sources.composites(config, augmentation(config.size), validation, targets)
    with strategy.scope():
        model = build(config.size)
        rate = FLAGS.learning_rate or (1e-5 if FLAGS.foregrounds else 3e-4)
        model.compile(
            keras.optimizers.Adam(rate),
            loss=losses(),
            metrics={"alpha": [SAD("unknown"), MSE("unknown")]},
        )
    run.fit(model, config, data, "val_alpha_sad", strategy)


def augmentation(size):
    return [
        geometry.random_crop_unknown(size, SIDES),
        ops.composite(),
        trimaps.random_trimap((1, max(1, size // 16))),
    ]


def targets(sample):
    return regions.trimap_targets(sample, losses())


def losses():
    """{output: loss} of the stage."""
    return LOSSES[FLAGS.model][STAGES.index(FLAGS.stage)]


def build(size):
    """The stage's network; the second stage's starts from a file of the first's."""
    if FLAGS.stage == "refinement" and FLAGS.weights and FLAGS.weights != "imagenet":
        shape = (size, size, 3)
        coarse = create_model(FLAGS.model, shape, True, FLAGS.weights, refinement=False)
        model = run.build(size, part=coarse)
    else:
        model = run.build(size, refinement=FLAGS.stage != "encoder_decoder")
    if FLAGS.stage == "refinement":
        for layer in model.layers:
            layer.trainable = layer.name.startswith("refine")
    return model


if __name__ == "__main__":
    run.launch(main)
