"""Train MODNet with its three supervised objectives (Ke et al. 2022).

    python recipes/modnet.py --foregrounds CUTOUTS --backgrounds PICTURES --workdir runs/modnet
    python recipes/modnet.py                       # quick test on synthetic figures
    python recipes/modnet.py --weights pretrained:portrait --photographs --foregrounds MINE
    python recipes/modnet.py --model modnet_mobilenetv2_mobile --workdir runs/int8 \\
        --quantize runs/mobile/best.weights.h5 --learning_rate 1e-4     # quantization-aware

With --foregrounds, the settings of the released code: 512x512, batch 16, SGD with momentum 0.9,
learning rate 0.01, times 0.1 after every quarter of 40 epochs, each of one pass over the
foregrounds (on Adobe's 431, 1,040 steps and about ten minutes on one GPU; docs/training.md says how
that is estimated); `modnet_hrnet_w18` trains with PaddleSeg's losses. From a network that ships:
384x384, batch 4, Adam from 3e-4 along a cosine, 10 epochs. On synthetic figures: 128x128, batch 8,
3 epochs of 50 steps, a cosine. A run that was killed continues from its last epoch when the same
command is started again, and ends with the same weights as without the interruption.
"""

from absl import flags
from keras_matting import pretrained
from keras_matting.data.augment import compositing, photographs, presets
from keras_matting.losses import modnet as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import recipe, run, sources
from keras_matting.training.optimizers import SGD
from tensorflow import keras

KEPT = ("image", "alpha", "trimap")
COLOURS = ("foreground", "background")  # only the paper's losses need them
SOLVER = dict(optimizer="sgd", learning_rate=0.01)
PUBLISHED = dict(size=512, batch_size=16, epochs=40, schedule="step", **SOLVER)
SYNTHETIC = dict(size=128, batch_size=8, epochs=3, steps_per_epoch=50, schedule="cosine", **SOLVER)
# from a network that ships, which a higher rate would undo
FINE_TUNING = dict(size=384, batch_size=4, epochs=10, schedule="cosine", optimizer="adam")
FINE_TUNING |= dict(learning_rate=3e-4, clip=5.0)


def define_flags():
    flags.DEFINE_float("width", 1.0, "Width multiplier of the network.")
    flags.DEFINE_float(
        "branch_width", None, "Width multiplier of detail and fusion branches; default: --width."
    )
    flags.DEFINE_enum(
        "optimizer",
        None,
        ["sgd", "adam"],
        "SGD with momentum 0.9, or Adam. Default: sgd; adam from a network that ships.",
    )
    flags.DEFINE_float("clip", None, "Limit of the global norm of the gradients.")
    flags.DEFINE_enum(
        "schedule",
        None,
        ["step", "cosine"],
        "step: times 0.1 after every quarter. Default: step with --foregrounds; otherwise, and "
        "from a network that ships, cosine.",
    )
    flags.DEFINE_float(
        "closest", 0.5, "Side of the smallest crop, relative to the picture's shorter side."
    )
    recipe.define_losses_flag()
    recipe.define_flags(workdir="runs/modnet", model="modnet_mobilenetv2", learning_rate=None)
    sources.define_flags(kind="portrait")
    sources.define_photograph_flags()


def defaults(options):
    if pretrained.is_named(options.weights):
        return FINE_TUNING
    return PUBLISHED if options.foregrounds else SYNTHETIC


def main(options, strategy):
    data = composed(options)
    version = losses_of(options)
    hrnet = options.model == "modnet_hrnet_w18"
    widths = {} if hrnet else {"width": options.width, "branch_width": options.branch_width}
    side = None if options.sizes else options.size
    with strategy.scope():
        model = create_model(options.model, (side, side, 3), True, options.weights, **widths)
        network = model = run.transformed(model, options)
        if version == "paddle":
            model = keras.Model(model.input, model.output | {"coarse": coarse(model.output)})
        rate = schedule(options, data)
        terms, metrics = losses.LOSSES[version], {"alpha": [SAD(), MSE()]}
        model.compile(optimizer(options, rate), loss=terms, metrics=metrics)
    run.fit(model, options, data, "val_alpha_sad", strategy, network)


def losses_of(options):
    """Return the key of the losses: PaddleSeg released the network with HRNet, with its own."""
    hrnet = options.model == "modnet_hrnet_w18"
    return "paddle" if hrnet and options.losses == "released" else options.losses


def composed(options):
    """Return data of composites, or with --photographs of photographs."""
    size = options.size
    version = losses_of(options)
    targets = paddle_targets if version == "paddle" else losses.targets
    kept = compositing.select(*KEPT, *(COLOURS if version == "paper" else ()))
    if options.photographs:
        kept = [photographs.uncomposed(), kept]
        held_out = [*presets.validation(size), *kept]
        return sources.photographed(
            options, lambda side: [*photographs.training(side), *kept], held_out, targets
        )
    augmentation = [*presets.training(size, options.closest), kept]
    validation = [*presets.validation(size), kept]
    return sources.composites(options, augmentation, validation, targets)


def paddle_targets(sample):
    inputs, truth = losses.targets(sample)
    truth["coarse"] = truth["detail"][..., 1:]
    return inputs, truth


def coarse(outputs):
    """Return the semantic map and the matte at its size, for PaddleSeg's consistency loss."""
    matte = keras.layers.Lambda(losses.coarse, dtype="float32")(outputs["alpha"])
    return keras.layers.Concatenate(dtype="float32", name="coarse")([outputs["semantic"], matte])


def optimizer(options, rate):
    if options.optimizer == "adam":
        return keras.optimizers.Adam(rate, global_clipnorm=options.clip, jit_compile=False)
    return SGD(rate, global_clipnorm=options.clip)


def schedule(options, data):
    rate, steps = options.learning_rate, options.epochs * data.steps
    if options.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    quarters = [steps * quarter // 4 - 1 for quarter in (1, 2, 3)]  # the last step of each, from 0
    rates = [rate * 0.1**quarter for quarter in range(4)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(quarters, rates)


if __name__ == "__main__":
    recipe.start(define_flags, defaults, main)
