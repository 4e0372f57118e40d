"""Trains PP-Matting (Chen et al. 2022): an image in, no trimap.

    python recipes/ppmatting.py --foregrounds ADOBE --backgrounds COCO --workdir runs/ppmatting
    python recipes/ppmatting.py                    # synthetic figures, small: see that it works

On folders the released setting: semantic likelihood, detail in the transition and fusion losses, a
quarter each; SGD with momentum 0.9 at 0.01, weight decay 4e-5, falling with power 0.9 over 300,000
steps, batch 4; random crops of 512, 640 or 800 pixels resized to 512, mirror, and, as released, the
colours of image, foreground and background distorted each on its own, and alpha blurred with them.
The released encoder starts from ImageNet.
On synthetic figures 64x64, batch 4, 120 steps at 0.03, of portraits.
"""

from absl import flags
from keras_matting.data.augment import colour, compositing, degradation, geometry, presets, trimaps
from keras_matting.losses import ppmatting as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.training import run, sources
from keras_matting.training.optimizers import SGD, Adam, poly

PUBLISHED = dict(size=512, batch_size=4, epochs=150, steps_per_epoch=2000)
SYNTHETIC = dict(size=64, batch_size=4, epochs=3, steps_per_epoch=40)
SIDES = (1.0, 1.25, 1.5625)
PICTURES = ("image", "foreground", "background")
JITTER = dict(brightness=0.5, contrast=0.5, saturation=0.5, hue=18 / 255)
LOSSES = {
    "semantic": losses.semantic_loss,
    "detail": losses.detail_loss,
    "alpha": losses.fusion_loss,
}

run.define_flags(workdir="runs/ppmatting", model="ppmatting_hrnet_w18", learning_rate=None)
sources.define_flags(kind="portrait")
flags.DEFINE_enum("optimizer", "sgd", ["sgd", "adam"], "SGD has momentum 0.9 and decay 4e-5.")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED, SYNTHETIC))
    size, validation = config.size, presets.validation(config.size)
    data = sources.composites(config, augmentation(size), validation, losses.targets)
    with strategy.scope():
        model = run.build(size)
        highest = FLAGS.learning_rate or sources.defaults(0.01, 0.03)
        rate = poly(highest, config.epochs * data.steps)
        model.compile(optimizer(rate), loss=LOSSES, metrics={"alpha": [SAD(), MSE()]})
    run.fit(model, config, data, "val_alpha_sad", strategy)


def optimizer(rate):
    return Adam(rate) if FLAGS.optimizer == "adam" else SGD(rate, decay=4e-5)


def augmentation(size):
    return [
        geometry.random_crop_unknown(size, SIDES, anywhere=1.0),
        compositing.composite(),
        trimaps.random_repeated_trimap(size / 512, reduced=True),
        *(colour.random_jitter(picture, **JITTER, each=0.5) for picture in PICTURES),
        degradation.random_blur(*PICTURES, "alpha", sigma=(0.8, 1.7), probability=0.1),
    ]


if __name__ == "__main__":
    run.launch(main)
