"""Trains BiSeNetV2 (Yu et al. 2021): segmentation, from which trimaps can be made.

    python recipes/bisenetv2.py --cityscapes CITYSCAPES --workdir runs/city
    python recipes/bisenetv2.py --foregrounds CUTOUTS --backgrounds PICTURES    # figure or not
    python recipes/bisenetv2.py                    # synthetic figures, small: see that it works

Cross entropy over the hardest pixels (OHEM: below 0.7, at least one in 16) of the main and the four
booster heads; SGD with momentum 0.9, weight decay 5e-4 except on norms and biases, 1,000 steps of
exponential warm-up to 0.005 per 16 images, ten times that for the heads (as in CoinCheung/BiSeNet,
not in the paper), then power 0.9 to 150,000; norms over all replicas (--sync_batch_norm). The
released run starts from a backbone trained on ImageNet. Cityscapes: crops twice as
wide as high, 512x1024, batch 16, at 0.25 to 2 times the size, colours, mirror. On synthetic figures
96x96, batch 8, 300 steps of Adam at 1e-3, from small logits.
"""

from absl import flags
from keras_matting.data.augment import colour, compositing, geometry, presets
from keras_matting.data.reading import datasets
from keras_matting.losses import bisenetv2 as losses
from keras_matting.metrics.streaming import IoUError
from keras_matting.training import run, sources
from keras_matting.training.optimizers import SGD, Adam, WarmUpPoly, poly

PUBLISHED = dict(size=512, batch_size=16, epochs=150, steps_per_epoch=1000)
SYNTHETIC = dict(size=96, batch_size=8, epochs=4, steps_per_epoch=75)
CLASSES = 19
WARM_UP = 1000 / 150_000
JITTER = dict(brightness=0.4, contrast=0.4, saturation=0.4)
# beginning of a variable's name: its share of the learning rate
HEADS = {"semantic_head": 10.0, "semantic_fine": 10.0, "semantic_logit": 10.0, "auxiliary": 10.0}

flags.DEFINE_string("cityscapes", None, "Its folder, with leftImg8bit/ and gtFine/ in it.")
run.define_flags(workdir="runs/bisenetv2", model="bisenetv2", learning_rate=None)
sources.define_flags(kind="portrait")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(
        PUBLISHED if FLAGS.cityscapes else sources.defaults(PUBLISHED, SYNTHETIC)
    )
    data = cityscapes(config) if FLAGS.cityscapes else figures(config)
    classes = CLASSES if FLAGS.cityscapes else 2
    wide = 2 if FLAGS.cityscapes else 1
    with strategy.scope():
        model = run.build((config.size, wide * config.size), num_classes=classes)
        if on_synthetic() and not FLAGS.weights and not FLAGS.quantize:
            lower_logits(model)
        model.compile(
            optimizer(config, data),
            loss=dict.fromkeys(losses.OUTPUTS, losses.ohem_cross_entropy),
            metrics={"semantic": IoUError(classes)},
        )
    run.fit(model, config, data, "val_semantic_iou_error", strategy)


def on_synthetic():
    return not FLAGS.cityscapes and not FLAGS.foregrounds


def lower_logits(model):
    """Two classes begin with logits of 20, which a short run would spend its time unlearning."""
    for layer in model.layers:
        if layer.name.endswith("_logit_conv"):
            layer.kernel.assign(0.03 * layer.kernel)


def optimizer(config, data):
    steps = config.epochs * data.steps
    if on_synthetic():
        return Adam(poly(FLAGS.learning_rate or 1e-3, steps))
    rate = FLAGS.learning_rate or 5e-3 * config.batch_size / 16
    schedule = WarmUpPoly(rate, steps, max(1, int(WARM_UP * steps)))
    return SGD(schedule, decay=5e-4, decays=["kernel"], parts=HEADS)


def figures(config):
    """Composites, whose alpha says what is figure."""
    augmentation = [
        geometry.random_crop_affine(config.size, scale=(0.5, 2.0)),
        geometry.random_crop("background", config.size),
        compositing.composite(),
        colour.random_jitter("image", **JITTER),
        compositing.select("image", "alpha"),
    ]
    validation = presets.validation(config.size)
    return sources.composites(config, augmentation, validation, losses.targets)


def cityscapes(config):
    height, width = config.size, 2 * config.size
    training, held_out = (
        datasets.read("cityscapes", FLAGS.cityscapes, split) for split in ("train", "validation")
    )
    augmentation = [
        geometry.random_scaled_crop(height, width),
        colour.random_jitter("image", **JITTER),
    ]
    validation = [geometry.random_scaled_crop(height, width, scale=(0.5, 0.5), flip=0.0)]
    data = sources.pictures(config, training, held_out, augmentation, validation, losses.targets)
    return data._replace(panel=None)  # which would show alpha, and 19 classes have none


if __name__ == "__main__":
    run.launch(main)
