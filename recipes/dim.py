"""Trains Deep Image Matting in its stages (Xu et al. 2017): image and trimap in, alpha out.

    python recipes/dim.py --foregrounds ADOBE --backgrounds COCO --weights imagenet
    python recipes/dim.py --stage refinement --weights runs/dim/best.weights.h5 --workdir runs/dim2
    python recipes/dim.py --stage everything --weights runs/dim2/best.weights.h5 --workdir runs/dim3
    python recipes/dim.py                          # synthetic figures, small: see that it works

`encoder_decoder` learns from alpha and composition, half each; `refinement` alone from the refined
alpha, all else frozen; `everything` from all three. Each stage starts from the file of the one
before. On folders, as in huochaitiantang/pytorch-deep-image-matting: Adam at 1e-5, batch 1, 12
epochs of 43,100 composites (`dim_vgg16_bilinear`, as PaddleSeg: at 1e-3, batch 16, 100,000 steps);
square crops of 320, 480 or 640 pixels around an unknown one, resized to 320, mirrored at times,
with trimaps of 2 to 21 pixels.
On synthetic figures 64x64, batch 4, Adam at 5e-4, 200 steps.
"""

from absl import flags
from keras_matting.data.augment import compositing, geometry, presets, trimaps
from keras_matting.losses import dim
from keras_matting.losses.trimap_targets import trimap_targets
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import run, sources
from keras_matting.training.optimizers import Adam

PUBLISHED = {
    "dim_vgg16": dict(size=320, batch_size=1, epochs=12, steps_per_epoch=43_100),
    "dim_vgg16_bilinear": dict(size=320, batch_size=16, epochs=100, steps_per_epoch=1000),
}
RATES = {"dim_vgg16": 1e-5, "dim_vgg16_bilinear": 1e-3}
SYNTHETIC = dict(size=64, batch_size=4, epochs=4, steps_per_epoch=50)
SIDES = (1.0, 1.5, 2.0)
STAGES = ("encoder_decoder", "refinement", "everything")


def both(alpha_loss, composition_loss):
    """Half of each."""

    def loss(target, alpha):
        return 0.5 * alpha_loss(target, alpha) + 0.5 * composition_loss(target, alpha)

    return loss


# of the encoder-decoder's alpha, of the refined one
LOSSES = {
    "dim_vgg16": (both(dim.alpha_loss, dim.composition_loss), dim.alpha_loss),
    "dim_vgg16_bilinear": (
        both(dim.paddle_alpha_loss, dim.paddle_composition_loss),
        dim.paddle_alpha_loss,
    ),
}

flags.DEFINE_enum("stage", "encoder_decoder", STAGES, "What learns.")
run.define_flags(workdir="runs/dim", model="dim_vgg16", learning_rate=None)
sources.define_flags()
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED[row()], SYNTHETIC))
    validation = presets.validation(config.size)
    data = sources.composites(config, augmentation(config.size), validation, targets)
    with strategy.scope():
        model = build(config.size)
        rate = FLAGS.learning_rate or sources.defaults(RATES[row()], 5e-4)
        model.compile(
            Adam(rate),
            loss=losses(),
            metrics={"alpha": [SAD("unknown"), MSE("unknown")]},
        )
    run.fit(model, config, data, "val_alpha_sad", strategy)


def augmentation(size):
    return [
        geometry.random_crop_unknown(size, SIDES),
        compositing.composite(),
        trimaps.random_repeated_trimap(size / 320),
    ]


def targets(sample):
    return trimap_targets(sample, losses())


def losses():
    """{output: loss} of the stage."""
    coarse, refined = LOSSES[row()]
    return {
        "encoder_decoder": {"alpha": coarse},
        "refinement": {"alpha": refined},
        "everything": {"alpha": refined, "alpha_raw": coarse},
    }[FLAGS.stage]


def row():
    """Of the tables above: the mobile network trains as the one it is made from."""
    return FLAGS.model.removesuffix("_mobile")


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
