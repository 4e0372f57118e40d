"""Train GFM (Li et al. 2022): an image in; glance, focus and their fusion out.

    python recipes/gfm.py --foregrounds AM2K --backgrounds BG20K --workdir runs/gfm
    python recipes/gfm.py --track ori --foregrounds AM2K      # on photographs, not on composites
    python recipes/gfm.py                          # quick test on synthetic figures

The name of --model ends in the representation: tt, ft, bt, or rim, which learns all three. With
--foregrounds, the settings of the released code: cross entropy of the glance, alpha and Laplacian
losses inside the transition region, alpha, Laplacian and composition losses of the result, with
weights of a quarter (for rim, 1); Adam at 1e-5, batch 32, 100 epochs with five backgrounds for each
foreground, or 500 on photographs, which is about 8 hours on one GPU (docs/training.md says how
hours are estimated); crops of 640, 960 or 1280 pixels, half of them around an unknown pixel,
resized to 320; composites by RSSN, with denoised pictures where both folders have them
(--composition plain: without RSSN). The released encoders start from ImageNet. Three mistakes of
the released code are fixed: the glances of ft and bt are trained on the targets that the paper
describes, bt of rim by its own outputs, and a crop is centred on its transition pixel instead of
starting there. On synthetic figures: 64x64, batch 4, Adam at 1e-4, 150 steps.
"""

import functools
import re

from absl import flags
from keras_matting.data.augment import compositing, geometry, gfm, photographs, presets, trimaps
from keras_matting.losses import gfm as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import Adam, cosine_adam
from tensorflow import keras

PUBLISHED = {
    "comp": dict(size=320, batch_size=32, epochs=100, backgrounds_each=5),
    "ori": dict(size=320, batch_size=32, epochs=500),
}
SYNTHETIC = dict(size=64, batch_size=4, epochs=3, steps_per_epoch=50)
SIDES = (2.0, 3.0, 4.0)
# of kernels of 25 and 50 pixels at the photographs' resolution, for crops of 320
RADII = {"trimap": 12 / 320, "trimap_wide": 24.5 / 320}


def define_flags():
    flags.DEFINE_enum("track", "comp", ["comp", "ori"], "Train on composites or on photographs.")
    flags.DEFINE_enum(
        "composition",
        "rssn",
        ["plain", "rssn"],
        "RSSN, or plain composites, the baseline that the paper compares with.",
    )
    recipe.define_losses_flag()
    recipe.define_flags(workdir="runs/gfm", model="gfm_resnet34_tt", learning_rate=None)
    sources.define_flags(kind="animal")
    sources.define_photograph_flags()


def defaults(options):
    return PUBLISHED[options.track] if options.foregrounds else SYNTHETIC


def main(options, strategy):
    if options.quantize and options.losses == "paper":
        raise ValueError("--losses=paper needs the glance's logits, which --quantize leaves out.")
    kind = re.search("_(tt|ft|bt|rim)", options.model)[1]
    targets = functools.partial(losses.targets, representation=kind, version=options.losses)
    data = composed(options, targets)
    side = None if options.sizes else options.size
    with strategy.scope():
        model = create_model(options.model, (side, side, 3), True, options.weights)
        network = model = run.transformed(model, options)
        if options.losses == "paper":
            model = with_logits(network)
        terms, metrics = losses.losses(kind), {"alpha": [SAD(), MSE()]}
        model.compile(optimizer(options, data), loss=terms, metrics=metrics)
    run.fit(model, options, data, "val_alpha_sad", strategy, network)


def with_logits(network):
    """Return the network with the logits of its glances, of which it returns the sigmoids."""
    logits = {
        name: keras.layers.Activation("linear", dtype="float32", name=f"{name}_logits")(
            network.get_layer(name).input
        )
        for name in network.output
        if name.startswith("glance")
    }
    return keras.Model(network.input, network.output | logits)


def optimizer(options, data):
    if options.photographs:
        return cosine_adam(options.learning_rate or 1e-3, options.epochs * data.steps)
    return Adam(options.learning_rate or (1e-5 if options.foregrounds else 1e-4))


def composed(options, targets):
    """Return data of composites, of photographs (--track ori), or of both (--photographs)."""
    size = options.size
    if options.photographs:
        held_out = [*presets.validation(size), photographs.uncomposed(), *masks(size)]
        return sources.photographed(options, of_photographs, held_out, targets)
    if options.track == "ori":
        transforms = photograph_augmentation(size), photograph_validation(size)
        return sources.pictures(options, *sources.photographs(options), *transforms, targets)
    transforms = augmentation(size, options.composition == "rssn"), validation(size)
    return sources.composites(options, *transforms, targets)


def of_photographs(size):
    return [*photographs.training(size), photographs.uncomposed(), *masks(size)]


def photograph_augmentation(size):
    crop = geometry.random_crop_unknown(size, SIDES, anywhere=0.5)
    return [crop, *masks(size, reduced=True)]


def photograph_validation(size):
    return [geometry.whole(size), *masks(size / 3)]


def augmentation(size, rssn):
    crop = geometry.random_crop_unknown(size, SIDES, anywhere=0.5)
    if not rssn:
        return [crop, compositing.composite(), *masks(size, reduced=True)]
    return [
        gfm.random_denoised(),
        crop,
        gfm.random_box_blur(),
        compositing.composite(),
        gfm.random_shared_noise(),
        *masks(size, reduced=True),
    ]


def validation(size):
    return [*presets.validation(size)[:-1], *masks(size / 3)]


def masks(size, reduced=False):
    """Return the transforms that make the trimaps from which glance and focus are made."""
    return [trimaps.trimap(max(1.0, size * r), key, reduced) for key, r in RADII.items()]


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
