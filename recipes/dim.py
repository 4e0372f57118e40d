"""Train Deep Image Matting in its stages (Xu et al. 2017): image and trimap in, alpha out.

    python recipes/dim.py --foregrounds ADOBE --backgrounds COCO --workdir runs/dim
    python recipes/dim.py --stage refinement --weights runs/dim/best.weights.h5 --workdir runs/dim2
    python recipes/dim.py --stage everything --weights runs/dim2/best.weights.h5 --workdir runs/dim3
    python recipes/dim.py                          # quick test on synthetic figures
    python recipes/dim.py --weights pretrained --photographs --foregrounds MINE

The stage `encoder_decoder` learns from alpha and composition, half each; `refinement` from the
refined alpha alone, with all else frozen; `everything` from all three. Each stage starts from the
weights of the one before. With --foregrounds, as in huochaitiantang/pytorch-deep-image-matting:
Adam at 1e-5, batch 1, 12 epochs of 43,100 composites, 100 for each of Adobe's foregrounds
(`dim_vgg16_bilinear`, as in PaddleSeg: at 1e-3, batch 16, 100,000 steps); crops of 320, 480 or 640
pixels around an unknown pixel, resized to 320 and randomly mirrored, with trimaps of 2 to 21
pixels. That is about 13 hours on one GPU, or 40 (docs/training.md says how hours are estimated).
From a network that ships: `everything` at 320, batch 4, Adam from 3e-4 along a cosine, 10 epochs.
On synthetic figures: 64x64, batch 4, Adam at 5e-4, 200 steps.
"""

import functools

from absl import flags
from keras_matting import pretrained
from keras_matting.data.augment import compositing, geometry, photographs, presets, trimaps
from keras_matting.losses import dim
from keras_matting.losses.trimap_targets import trimap_targets
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import copy_layers, create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import Adam, cosine_adam

PUBLISHED = {
    "dim_vgg16": dict(size=320, batch_size=1, epochs=12, steps_per_epoch=43_100),
    "dim_vgg16_bilinear": dict(size=320, batch_size=16, epochs=100, steps_per_epoch=1000),
}
RATES = {"dim_vgg16": 1e-5, "dim_vgg16_bilinear": 1e-3}
SYNTHETIC = dict(size=64, batch_size=4, epochs=4, steps_per_epoch=50)
# from a network that ships, which a higher rate would undo
FINE_TUNING = dict(size=320, batch_size=4, epochs=10, learning_rate=3e-4, stage="everything")
KEPT = ("image", "alpha", "trimap")
SIDES = (1.0, 1.5, 2.0)
STAGES = ("encoder_decoder", "refinement", "everything")


def both(alpha_loss, composition_loss):
    """Return the mean of the two losses."""

    def loss(target, alpha):
        return 0.5 * alpha_loss(target, alpha) + 0.5 * composition_loss(target, alpha)

    return loss


# losses of the encoder-decoder's alpha and of the refined alpha
LOSSES = {
    "dim_vgg16": (both(dim.alpha_loss, dim.composition_loss), dim.alpha_loss),
    "dim_vgg16_bilinear": (
        both(dim.paddle_alpha_loss, dim.paddle_composition_loss),
        dim.paddle_alpha_loss,
    ),
    # a photograph that keeps its background has no other colours to be composed of
    "photographs": (dim.alpha_loss, dim.alpha_loss),
}


def define_flags():
    flags.DEFINE_enum(
        "stage",
        None,
        STAGES,
        "Stage of the training. Default: encoder_decoder; everything from a network that ships.",
    )
    recipe.define_flags(workdir="runs/dim", model="dim_vgg16", learning_rate=None)
    sources.define_flags()
    sources.define_photograph_flags()


def defaults(options):
    if pretrained.is_named(options.weights):
        return FINE_TUNING
    length = PUBLISHED[row(options)] if options.foregrounds else SYNTHETIC
    return length | {"stage": STAGES[0]}


def main(options, strategy):
    terms = losses(options)
    data = composed(options, functools.partial(trimap_targets, outputs=terms))
    with strategy.scope():
        model = run.transformed(build(options), options)
        if options.stage == "refinement":
            for layer in model.layers:
                layer.trainable = layer.name.startswith("refine")
        metrics = {"alpha": [SAD("unknown"), MSE("unknown")]}
        model.compile(optimizer(options, data), loss=terms, metrics=metrics)
    run.fit(model, options, data, "val_alpha_sad", strategy)


def composed(options, targets):
    """Return data of composites, or with --photographs of photographs."""
    validation = presets.validation_with_trimap(options.size)
    if not options.photographs:
        return sources.composites(options, augmentation(options.size), validation, targets)
    validation.append(compositing.select(*KEPT))
    return sources.photographed(options, of_photographs, validation, targets)


def optimizer(options, data):
    if options.photographs or pretrained.is_named(options.weights):
        return cosine_adam(options.learning_rate or 1e-3, options.epochs * data.steps)
    return Adam(options.learning_rate or (RATES[row(options)] if options.foregrounds else 5e-4))


def of_photographs(size):
    return [*photographs.training_with_trimap(size), compositing.select(*KEPT)]


def augmentation(size):
    return [
        geometry.random_crop_unknown(size, SIDES),
        compositing.composite(),
        trimaps.random_repeated_trimap(size / 320),
    ]


def losses(options):
    """Return {output: loss} of the stage."""
    coarse, refined = LOSSES["photographs" if options.photographs else row(options)]
    return {
        "encoder_decoder": {"alpha": coarse},
        "refinement": {"alpha": refined},
        "everything": {"alpha": refined, "alpha_raw": coarse},
    }[options.stage]


def row(options):
    """Return the key of the tables above; networks without a published training use the first."""
    return "dim_vgg16_bilinear" if "bilinear" in options.model else "dim_vgg16"


def build(options):
    """Return the stage's network; the second stage starts from a weights file of the first."""
    side = None if options.sizes else options.size
    shape, weights = (side, side, 3), options.weights
    refinement = options.stage != "encoder_decoder"
    if options.stage != "refinement" or weights is None or options.quantize:
        return create_model(options.model, shape, True, weights, refinement=refinement)
    coarse = create_model(options.model, shape, True, weights, refinement=False)
    return copy_layers(coarse, create_model(options.model, shape, True))


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
