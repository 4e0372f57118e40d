"""Adapt a trained MODNet to unlabelled photographs by sub-objectives consistency (SOC).

    python recipes/modnet_soc.py --weights runs/modnet/best.weights.h5 --images PHOTOGRAPHS
    python recipes/modnet_soc.py                   # quick test, untrained, on synthetic pictures

The settings of the released code: Adam at 1e-5 with betas 0.9 and 0.99, batch 1, 10 epochs of one
pass each, norms with their running statistics, and a backup network that is updated before every
epoch. Only a converged network can be adapted.
"""

from absl import flags
from keras_matting.data.augment import compositing, geometry
from keras_matting.data.augment.presets import training
from keras_matting.data.pipeline import composition, unlabelled
from keras_matting.data.reading import readers
from keras_matting.models import create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import Adam
from keras_matting.training.soc import RefreshBackup, SelfSupervised

PUBLISHED = dict(size=512, batch_size=1, epochs=10)
SYNTHETIC = dict(size=128, batch_size=1, epochs=2, steps_per_epoch=50)


def define_flags():
    flags.DEFINE_string("images", None, "Folder of photographs. Default: synthetic composites.")
    flags.DEFINE_float("width", 1.0, "Width multiplier of the network.")
    recipe.define_losses_flag()
    recipe.define_flags(workdir="runs/modnet_soc", model="modnet_mobilenetv2", learning_rate=1e-5)
    sources.define_flags(kind="portrait")


def defaults(options):
    return PUBLISHED if options.images else SYNTHETIC


def main(options, strategy):
    if options.validation:
        raise ValueError("--validation does not apply: SOC is chosen by its training loss.")
    shape = (options.size, options.size, 3)
    with strategy.scope():
        network, backup = (
            create_model(options.model, shape, True, options.weights, width=options.width)
            for _ in range(2)
        )
        network, backup = (run.transformed(each, options) for each in (network, backup))
        model = SelfSupervised(network, backup, options.losses)
        model.compile(Adam(options.learning_rate, beta_2=0.99))
    data = photographs(options)
    run.fit(model, options, data, "loss", strategy, network, callbacks=[RefreshBackup()])


def photographs(options):
    """Return data of crops of photographs, or of the images of synthetic composites."""
    size, batch, seed = options.size, options.batch_size, options.seed
    if options.images:
        source = readers.images(options.images, options.verify)
        crops = [geometry.random_crop("image", size)]
        count = source.size

        def stream(start, worker=(0, 1)):
            return unlabelled(source, crops, batch, seed, start, worker)
    else:
        foregrounds, _ = sources.foregrounds(options)
        backgrounds, _ = sources.backgrounds(options)
        transforms = [*training(size), compositing.select("image")]
        count = foregrounds.size

        def stream(start, worker=(0, 1)):
            return composition(foregrounds, backgrounds, transforms, batch, seed, start, worker)

    panel = next(iter(stream(0).unbatch().batch(4)))
    return sources.Data(stream, None, sources.steps_of(options, count), (panel, None))


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
