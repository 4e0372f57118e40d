"""Train BiSeNetV2 (Yu et al. 2021): segmentation, the first step towards a trimap.

    python recipes/bisenetv2.py --cityscapes CITYSCAPES --workdir runs/city
    python recipes/bisenetv2.py --foregrounds CUTOUTS --backgrounds PICTURES    # figure, background
    python recipes/bisenetv2.py                    # quick test on synthetic figures

Cross entropy over the hardest pixels (OHEM: probability below 0.7, at least one pixel in 16) of the
main head and the four booster heads; SGD with momentum 0.9, weight decay 5e-4 except on norms and
biases, 1,000 steps of exponential warm-up to 0.005 per 16 images, ten times that for the heads (as
in CoinCheung/BiSeNet, not in the paper), then polynomial decay of power 0.9 to step 150,000; norms
over all replicas (--sync_batch_norm). The released run starts from a backbone trained on ImageNet.
Cityscapes: crops of 512x1024 at 0.25 to 2 times the resolution, mirrored, with colour jitter, batch
16, about 24 hours on one GPU (docs/training.md says how hours are estimated); its 500 validation
pictures choose the best weights. On synthetic figures: 96x96, batch 8, 300 steps of Adam at 1e-3,
from small logits.
"""

from absl import flags
from keras_matting.data.augment import colour, compositing, geometry, photographs, presets
from keras_matting.data.reading import datasets
from keras_matting.losses import bisenetv2 as losses
from keras_matting.metrics.streaming import IoUError
from keras_matting.models import create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import SGD, Adam, WarmUpPoly, cosine_adam, poly

PUBLISHED = dict(size=512, batch_size=16, epochs=150, steps_per_epoch=1000)
SYNTHETIC = dict(size=96, batch_size=8, epochs=4, steps_per_epoch=75)
CLASSES = 19
WARM_UP = 1000 / 150_000
JITTER = dict(brightness=0.4, contrast=0.4, saturation=0.4)
# prefix of a variable's name: factor on the learning rate
HEADS = {"semantic_head": 10.0, "semantic_fine": 10.0, "semantic_logit": 10.0, "auxiliary": 10.0}


def define_flags():
    flags.DEFINE_string("cityscapes", None, "Folder with leftImg8bit/ and gtFine/.")
    recipe.define_flags(workdir="runs/bisenetv2", model="bisenetv2", learning_rate=None)
    sources.define_flags(kind="portrait")
    sources.define_photograph_flags()


def defaults(options):
    return SYNTHETIC if on_synthetic(options) else PUBLISHED


def main(options, strategy):
    data = cityscapes(options) if options.cityscapes else figures(options)
    classes = CLASSES if options.cityscapes else 2
    shape = (options.size, (2 if options.cityscapes else 1) * options.size, 3)
    if options.sizes:
        shape = (None, None, 3)
    with strategy.scope():
        model = create_model(options.model, shape, True, options.weights, num_classes=classes)
        model = run.transformed(model, options)
        if not options.weights and (on_synthetic(options) or options.photographs):
            lower_logits(model)
        model.compile(
            optimizer(options, data),
            loss=dict.fromkeys(losses.OUTPUTS, losses.ohem_cross_entropy),
            metrics={"semantic": IoUError(classes)},
        )
    run.fit(model, options, data, "val_semantic_iou_error", strategy)


def on_synthetic(options):
    return not options.cityscapes and not options.foregrounds


def lower_logits(model):
    """Shrink the initial logits, which are near 20 and would take a short run long to unlearn."""
    for layer in model.layers:
        if layer.name.endswith("_logit_conv"):
            layer.kernel.assign(0.03 * layer.kernel)


def optimizer(options, data):
    steps = options.epochs * data.steps
    if options.photographs:
        return cosine_adam(options.learning_rate or 2e-3, steps)
    if on_synthetic(options):
        return Adam(poly(options.learning_rate or 1e-3, steps))
    rate = options.learning_rate or 5e-3 * options.batch_size / 16
    schedule = WarmUpPoly(rate, steps, max(1, int(WARM_UP * steps)))
    return SGD(schedule, decay=5e-4, decays=["kernel"], parts=HEADS)


def figures(options):
    """Return data of composites, or with --photographs of photographs; alpha gives the class."""
    if options.photographs:
        held_out = [*presets.validation(options.size), compositing.select("image", "alpha")]
        return sources.photographed(options, of_photographs, held_out, losses.targets)
    augmentation = [
        geometry.random_crop_affine(options.size, scale=(0.5, 2.0)),
        geometry.random_crop("background", options.size),
        compositing.composite(),
        colour.random_jitter("image", **JITTER),
        compositing.select("image", "alpha"),
    ]
    validation = presets.validation(options.size)
    return sources.composites(options, augmentation, validation, losses.targets)


def of_photographs(size):
    return [*photographs.training(size), compositing.select("image", "alpha")]


def cityscapes(options):
    if options.validation or options.hold_out is not None:
        raise ValueError("--cityscapes validates on its own 500 pictures: leave the others out.")
    height, width = options.size, 2 * options.size
    training, held_out = (
        datasets.read("cityscapes", options.cityscapes, split, verify=options.verify)
        for split in ("train", "validation")
    )
    augmentation = [
        geometry.random_scaled_crop(height, width),
        colour.random_jitter("image", **JITTER),
    ]
    validation = [geometry.random_scaled_crop(height, width, scale=(0.5, 0.5), flip=0.0)]
    data = sources.pictures(options, training, held_out, augmentation, validation, losses.targets)
    return data._replace(panel=None)  # a panel shows alpha, which 19 classes do not have


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
