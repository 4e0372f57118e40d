"""Trains GFM (Li et al. 2022): an image in; glance, focus and their fusion out.

    python recipes/gfm.py --foregrounds AM2K --backgrounds BG20K --workdir runs/gfm
    python recipes/gfm.py --track ori --foregrounds AM2K      # on photographs, not on composites
    python recipes/gfm.py                          # synthetic figures, small: see that it works

The name of --model says the representation: tt, ft, bt, or rim, which learns all three. On folders
the released setting: cross entropy of the glance, alpha and Laplacian inside the transition region,
alpha and Laplacian of the whole, composition, a quarter each (of rim, one each); Adam at 1e-5,
batch 32, 100 epochs, on photographs 500; crops of 640, 960 or 1280 pixels, half of them around an
unknown one, resized to 320; composites by RSSN, for which denoised pictures are used where the
folder has them. The released encoders start from ImageNet. Three slips of the released code are
mended: the glances of ft and bt are trained on what the paper says, bt of rim by its own outputs,
and a transition pixel is a crop's middle, not its corner.
On synthetic figures 64x64, batch 4, Adam at 1e-4, 150 steps.
"""

import functools

from absl import flags
from keras_matting.data.augment import compositing, geometry, gfm, presets, trimaps
from keras_matting.losses import gfm as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.training import run, sources
from keras_matting.training.optimizers import Adam

PUBLISHED = {
    "comp": dict(size=320, batch_size=32, epochs=100),
    "ori": dict(size=320, batch_size=32, epochs=500),
}
SYNTHETIC = dict(size=64, batch_size=4, epochs=3, steps_per_epoch=50)
SIDES = (2.0, 3.0, 4.0)
# of kernels of 25 and 50 pixels at the photographs' size, when crops are of 320
RADII = {"trimap": 12 / 320, "trimap_wide": 24.5 / 320}

flags.DEFINE_enum("track", "comp", ["comp", "ori"], "Composites, or photographs as they are.")
run.define_flags(workdir="runs/gfm", model="gfm_resnet34_tt", learning_rate=None)
sources.define_flags(kind="animal")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED[FLAGS.track], SYNTHETIC))
    representation = FLAGS.model.removesuffix("_mobile").split("_")[-1]
    targets = functools.partial(losses.targets, representation=representation)
    transforms = augmentation(config.size), validation(config.size), targets
    if FLAGS.track == "ori":
        data = sources.pictures(config, *sources.photographs(), *transforms)
    else:
        data = sources.composites(config, *transforms)
    with strategy.scope():
        model = run.build(config.size)
        model.compile(
            Adam(FLAGS.learning_rate or sources.defaults(1e-5, 1e-4)),
            loss=losses.losses(representation),
            metrics={"alpha": [SAD(), MSE()]},
        )
    run.fit(model, config, data, "val_alpha_sad", strategy)


def augmentation(size):
    crop = geometry.random_crop_unknown(size, SIDES, anywhere=0.5)
    if FLAGS.track == "ori":
        return [crop, *masks(size, reduced=True)]
    return [
        gfm.random_denoised(),
        crop,
        gfm.random_box_blur(),
        compositing.composite(),
        gfm.random_shared_noise(),
        *masks(size, reduced=True),
    ]


def validation(size):
    if FLAGS.track == "ori":
        return [geometry.whole(size), *masks(size / 3)]
    return [*presets.validation(size)[:-1], *masks(size / 3)]


def masks(size, reduced=False):
    """The trimaps that glance and focus are made of; photographs to validate are reduced by 3."""
    return [trimaps.trimap(max(1.0, size * r), key, reduced) for key, r in RADII.items()]


if __name__ == "__main__":
    run.launch(main)
