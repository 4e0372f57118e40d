"""Train PP-Matting (Chen et al. 2022): an image in, no trimap.

    python recipes/ppmatting.py --foregrounds ADOBE --backgrounds COCO --workdir runs/ppmatting
    python recipes/ppmatting.py                    # quick test on synthetic figures

With --foregrounds, the settings of the released code: losses of semantic likelihood, of detail in
the transition region and of the fusion, a quarter each; SGD with momentum 0.9 and weight decay
4e-5, learning rate 0.01 with polynomial decay of power 0.9 over 300,000 steps, batch 4, about 45
hours on one GPU, 80 with W48 (docs/training.md says how hours are estimated); random crops of 512,
640 or 800 pixels resized to 512 and mirrored. As released, the colours of image, foreground and
background are distorted independently, and alpha is blurred with them. The released encoder starts
from ImageNet. `keras-matting evaluate` shows pictures to HRNet-W18 at a side of at most 512, as
PaddleSeg's portraits, and to W48 at 1536: for its test sets, add --size 1536 with W18. On synthetic
portraits: 64x64, batch 4, 120 steps at 0.03.
"""

from absl import flags
from keras_matting.data.augment import (
    colour,
    compositing,
    degradation,
    geometry,
    photographs,
    presets,
    trimaps,
)
from keras_matting.losses import ppmatting as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import SGD, Adam, cosine_adam, poly

PUBLISHED = dict(size=512, batch_size=4, epochs=150, steps_per_epoch=2000)
SYNTHETIC = dict(size=64, batch_size=4, epochs=3, steps_per_epoch=40)
SIDES = (1.0, 1.25, 1.5625)
PICTURES = ("image", "foreground", "background")
JITTER = dict(brightness=0.5, contrast=0.5, saturation=0.5, hue=18 / 255)


def define_flags():
    flags.DEFINE_enum(
        "optimizer", "sgd", ["sgd", "adam"], "SGD with momentum 0.9 and decay 4e-5, or Adam."
    )
    recipe.define_losses_flag()
    recipe.define_flags(workdir="runs/ppmatting", model="ppmatting_hrnet_w18", learning_rate=None)
    sources.define_flags(kind="portrait")
    sources.define_photograph_flags()


def defaults(options):
    return PUBLISHED if options.foregrounds else SYNTHETIC


def main(options, strategy):
    data = composed(options)
    side = None if options.sizes else options.size
    with strategy.scope():
        model = create_model(options.model, (side, side, 3), True, options.weights)
        model = run.transformed(model, options)
        terms, metrics = losses.losses(options.losses), {"alpha": [SAD(), MSE()]}
        model.compile(optimizer(options, data), loss=terms, metrics=metrics)
    run.fit(model, options, data, "val_alpha_sad", strategy)


def optimizer(options, data):
    steps = options.epochs * data.steps
    if options.photographs:
        return cosine_adam(options.learning_rate or 1e-3, steps)
    rate = poly(options.learning_rate or (0.01 if options.foregrounds else 0.03), steps)
    return Adam(rate) if options.optimizer == "adam" else SGD(rate, decay=4e-5)


def composed(options):
    """Return data of composites, or with --photographs of photographs."""
    validation = presets.validation(options.size)
    if not options.photographs:
        return sources.composites(options, augmentation(options.size), validation, losses.targets)
    validation.append(photographs.uncomposed())
    return sources.photographed(options, of_photographs, validation, losses.targets)


def of_photographs(size):
    return [*photographs.training(size), photographs.uncomposed()]


def augmentation(size):
    return [
        geometry.random_crop_unknown(size, SIDES, anywhere=1.0),
        compositing.composite(),
        trimaps.random_repeated_trimap(size / 512, reduced=True),
        *(colour.random_jitter(picture, **JITTER, each=0.5) for picture in PICTURES),
        degradation.random_blur(*PICTURES, "alpha", sigma=(0.8, 1.7), probability=0.1),
    ]


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
