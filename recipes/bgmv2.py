"""Train Background Matting V2 (Lin et al. 2021): a picture and a photograph of its background.

    python recipes/bgmv2.py --foregrounds VIDEOMATTE --backgrounds PICTURES --workdir runs/base
    python recipes/bgmv2.py --stage refine --base runs/base/best.weights.h5 --workdir runs/refine \\
        --foregrounds PHOTOMATTE --backgrounds PICTURES
    python recipes/bgmv2.py                        # quick test on synthetic figures
    python recipes/bgmv2.py --weights pretrained --foregrounds MINE --backgrounds PICTURES

The stage `base` trains the coarse network at 512 pixels, batch 8, Adam at 1e-4 for the backbone and
5e-4 for the rest; `refine` trains everything at 2048 pixels, batch 4, at 5e-5 for the backbone and
its pyramid, 1e-4 for the decoder, 3e-4 for the refiner, with norms over all replicas
(--sync_batch_norm). On VideoMatte240K, `base` takes about 7 hours on one GPU (29 with ResNet-50)
and `refine` one (docs/training.md says how hours are estimated). --learning_rate is the rate of the
fastest part. Height and width of a batch are drawn from half to all of the size. The background
input differs from the one in the picture by shadow, noise, exposure and camera movement. The
released base starts from a DeepLabV3 for VOC. From a network that ships: 384 pixels, batch 4, at
3e-4 along a cosine, 10 epochs. On synthetic figures: 128x128, batch 4, 150 steps; refine at 192x192
and 1.5e-3.
"""

import functools

from absl import flags
from keras_matting import pretrained
from keras_matting.data.augment import bgmv2, compositing, draws, geometry, presets
from keras_matting.layers.resize import ResizeLike
from keras_matting.losses import bgmv2 as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import copy_layers, create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import Adam
import tensorflow as tf
from tensorflow import keras

PUBLISHED = {
    "base": dict(size=512, batch_size=8, epochs=8),
    "refine": dict(size=2048, batch_size=4, epochs=1),
}
SYNTHETIC = {
    "base": dict(size=128, batch_size=4, epochs=3, steps_per_epoch=50),
    "refine": dict(size=192, batch_size=4, epochs=3, steps_per_epoch=50),
}
# from a network that ships, which a higher rate would undo
FINE_TUNING = dict(size=384, batch_size=4, epochs=10, learning_rate=3e-4, cosine=True)
# prefix of a variable's name: factor on the learning rate
PARTS = {
    "base": {"backbone": 0.2},
    "refine": {"backbone": 1 / 6, "aspp": 1 / 6, "decoder": 1 / 3},
}
RATES = {"base": 5e-4, "refine": 3e-4}
SYNTHETIC_RATES = {"base": 5e-4, "refine": 1.5e-3}  # there refine trains from scratch
SMALLEST = {"base": 0.4, "refine": 0.3}  # figure, relative to the size at which it fills the crop
SYNTHETIC_SMALLEST = 0.8  # of figures and of batches, which are small already
PICTURES = ("image", "background", "foreground", "alpha")
LOSSES = {
    "alpha": losses.alpha_loss,
    "foreground": losses.foreground_loss,
    "error": losses.error_loss,
}
COARSE_LOSSES = {
    "alpha_coarse": losses.alpha_loss,
    "foreground_coarse": losses.foreground_loss,
}


def define_flags():
    flags.DEFINE_enum("stage", "base", PUBLISHED, "Train the coarse network or all of it.")
    flags.DEFINE_string("base", None, "Weights written by --stage base, for --stage refine.")
    flags.DEFINE_bool(
        "cosine",
        None,
        "Let the learning rate fall to zero along a cosine; default from a network that ships.",
    )
    recipe.define_flags(workdir="runs/bgmv2", model="bgmv2_mobilenetv2", learning_rate=None)
    sources.define_flags(kind="portrait")


def defaults(options):
    if pretrained.is_named(options.weights):
        return FINE_TUNING
    return (PUBLISHED if options.foregrounds else SYNTHETIC)[options.stage]


def main(options, strategy):
    size, stage = options.size, options.stage
    base = "bgmv2_base_" + options.model.removeprefix("bgmv2_").removeprefix("base_")
    side = size if options.quantize else None
    shape = (side, side, 3)
    smallest = SMALLEST[stage] if options.foregrounds else SYNTHETIC_SMALLEST
    kept = compositing.select(*PICTURES, "size")
    transforms = [*bgmv2.training(size, smallest), random_side, kept], presets.validation(size)
    to_targets = functools.partial(targets, options=options)
    data = sources.composites(options, *transforms, to_targets, on_photographs=False)
    rate = options.learning_rate or (RATES if options.foregrounds else SYNTHETIC_RATES)[stage]
    if options.cosine:
        rate = keras.optimizers.schedules.CosineDecay(rate, options.epochs * data.steps)
    with strategy.scope():
        starts_from_base = options.base and not options.quantize
        coarse = create_model(base, shape, True, options.base) if starts_from_base else None
        name = base if stage == "base" else options.model
        network = create_model(name, shape, True, options.weights)
        if coarse:
            copy_layers(coarse, network)
        network = run.transformed(network, options)
        model = with_error(network)
        terms = LOSSES | (COARSE_LOSSES if "alpha_coarse" in model.output else {})
        model.compile(Adam(rate, PARTS[stage]), loss=terms, metrics={"alpha": [SAD(), MSE()]})
    run.fit(model, options, data, "val_alpha_sad", strategy, network)


def with_error(network):
    """Return the network with error and alpha as one full-size output, which the error loss needs.

    As released, the alpha of the base network is detached there; that of the refiner is not.
    """
    outputs = network.output
    if "alpha_coarse" in outputs:
        pair = [outputs["error_coarse"], outputs["alpha_coarse"]]
        up = ResizeLike(dtype="float32", name="full_size")
        pair = [up([x, network.input["image"]]) for x in pair]
    else:
        detach = keras.layers.Lambda(keras.backend.stop_gradient, dtype="float32")
        pair = [outputs["error"], detach(outputs["alpha"])]
    kept = {key: outputs[key] for key in (*LOSSES, *COARSE_LOSSES) if key in outputs}
    kept["error"] = keras.layers.Concatenate(dtype="float32", name="error_and_alpha")(pair)
    return keras.Model(network.input, kept)


def random_side(sample):
    """Add the random numbers that a batch's size is drawn from."""
    return sample | {"size": draws.draw(sample, "size", 2)}


def targets(sample, options):
    """Return inputs and truth of a batch, in training resized to a random size."""
    if "size" in sample and not options.quantize:  # integer networks have a fixed size
        smallest = 0.5 if options.foregrounds else SYNTHETIC_SMALLEST
        multiple = 16 if options.model.endswith("_mobile") else 4
        sample = geometry.random_size(sample, PICTURES, smallest, multiple)
    coarse = tf.shape(sample["alpha"])[1:3] // 4 if options.stage == "refine" else None
    return losses.targets(sample, coarse)


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
