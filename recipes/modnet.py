"""Trains MODNet with its three supervised objectives (Ke et al. 2022).

    python recipes/modnet.py --foregrounds CUTOUTS --backgrounds PICTURES --workdir runs/modnet
    python recipes/modnet.py                       # synthetic figures, small: see that it works
    python recipes/modnet.py --model modnet_mobilenetv2_mobile --workdir runs/int8 \\
        --quantize runs/mobile/best.weights.h5 --learning_rate 1e-4     # quantization-aware

On folders the defaults are the released ones: 512x512, batch 16, SGD with momentum 0.9, learning
rate 0.01 times 0.1 after every quarter of 40 epochs, an epoch being one pass over the foregrounds;
`modnet_hrnet_w18` trains with PaddleSeg's losses. On synthetic figures they are 128x128, batch 8,
3 epochs of 50 steps along a cosine. Killed and started again with the same command, a run goes on
after its last whole epoch and ends with the weights it would have had.
"""

from absl import flags
from keras_matting.data.augment import compositing, photographs
from keras_matting.data.augment.presets import training, validation
from keras_matting.losses import modnet as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.training import run, sources
from keras_matting.training.optimizers import SGD
from tensorflow import keras

KEPT = ("image", "alpha", "trimap")
PUBLISHED = dict(size=512, batch_size=16, epochs=40)
SYNTHETIC = dict(size=128, batch_size=8, epochs=3, steps_per_epoch=50)
LOSSES = {
    "semantic": losses.semantic_loss,
    "detail": losses.detail_loss,
    "alpha": losses.matte_loss,
}
PADDLE_LOSSES = {
    "semantic": losses.paddle_semantic_loss,
    "detail": losses.paddle_detail_loss,
    "alpha": losses.paddle_matte_loss,
    "coarse": losses.paddle_consistency_loss,
}

flags.DEFINE_float("width", 1.0, "Width multiplier of the network.")
flags.DEFINE_float("branch_width", None, "That of the detail and fusion branches alone.")
flags.DEFINE_bool(
    "photographs",
    False,
    "Augment --foregrounds as photographs: their background is kept in half of the samples.",
)
flags.DEFINE_list(
    "sizes",
    [],
    "With --photographs, sides of successive steps' crops, such as 256,384,256,512. --batch_size "
    "is that at --size; it changes with the area.",
)
flags.DEFINE_enum("optimizer", "sgd", ["sgd", "adam"], "SGD has momentum 0.9.")
flags.DEFINE_float("clip", None, "Largest norm of all gradients together.")
flags.DEFINE_enum(
    "schedule",
    None,
    ["step", "cosine"],
    "step: times 0.1 every quarter, the default on folders; on synthetic figures that is cosine.",
)
flags.DEFINE_float("closest", 0.5, "Smallest crop: this part of the picture's shorter side.")
run.define_flags(workdir="runs/modnet", model="modnet_mobilenetv2", learning_rate=0.01)
sources.define_flags(kind="portrait")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(sources.defaults(PUBLISHED, SYNTHETIC))
    data = composed(config)
    with strategy.scope():
        network = model = run.build((None, None) if FLAGS.sizes else config.size, **options())
        run.start_backbone(network, data)
        if FLAGS.model == "modnet_hrnet_w18":
            model = keras.Model(model.input, model.output | {"coarse": coarse(model.output)})
        rate = schedule(FLAGS.learning_rate, config.epochs * data.steps)
        known = PADDLE_LOSSES if model is not network else LOSSES
        model.compile(optimizer(rate), loss=known, metrics={"alpha": [SAD(), MSE()]})
    run.fit(model, config, data, "val_alpha_sad", strategy, network)


def composed(config):
    size = config.size
    if not FLAGS.photographs:
        return sources.composites(config, augmentation(size), validation(size), targets)
    held_out = [*photographs.validation(size), compositing.select(*KEPT)]
    sizes = [int(side) for side in FLAGS.sizes]
    return sources.photographed(config, of_photographs, held_out, targets, sizes)


def of_photographs(size):
    return [*photographs.training(size), compositing.select(*KEPT)]


def options():
    if FLAGS.model == "modnet_hrnet_w18":
        return {}
    return {"width": FLAGS.width, "branch_width": FLAGS.branch_width}


def augmentation(size):
    return [*training(size, FLAGS.closest), compositing.select(*KEPT)]


def targets(sample):
    inputs, truth = losses.targets(sample)
    if FLAGS.model == "modnet_hrnet_w18":
        truth["coarse"] = truth["detail"][..., 1:]
    return inputs, truth


def coarse(outputs):
    """The semantic map beside the matte brought to its size, for PaddleSeg's consistency."""
    matte = keras.layers.Lambda(losses.coarse, dtype="float32")(outputs["alpha"])
    return keras.layers.Concatenate(dtype="float32", name="coarse")([outputs["semantic"], matte])


def optimizer(rate):
    if FLAGS.optimizer == "adam":
        return keras.optimizers.Adam(rate, global_clipnorm=FLAGS.clip)
    return SGD(rate, global_clipnorm=FLAGS.clip)


def schedule(rate, steps):
    if (FLAGS.schedule or sources.defaults("step", "cosine")) == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    quarters = [steps * quarter // 4 - 1 for quarter in (1, 2, 3)]  # the last of each, from 0
    rates = [rate * 0.1**quarter for quarter in range(4)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(quarters, rates)


if __name__ == "__main__":
    run.launch(main)
