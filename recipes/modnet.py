"""Trains MODNet with its three supervised objectives (Ke et al. 2022).

    python recipes/modnet.py --foregrounds CUTOUTS --backgrounds PICTURES --workdir runs/modnet
    python recipes/modnet.py                       # synthetic figures, small: see that it works
    python recipes/modnet.py --model modnet_mobilenetv2_mobile --workdir runs/int8 \\
        --quantize runs/mobile/best.weights.h5 --learning_rate 1e-4     # quantization-aware

On folders the defaults are the released ones: 512x512, batch 16, SGD with momentum 0.9, learning
rate 0.01 times 0.1 after every quarter of 40 epochs, an epoch being one pass over the foregrounds.
On synthetic figures they are 128x128, batch 8, 8 epochs of 50 steps. Killed and started again with
the same command, a run goes on after its last whole epoch and ends with the weights it would have
had.
"""

from absl import flags
from tensorflow import keras

from keras_matting.data import ops
from keras_matting.data.pipeline import composition, training, validation
from keras_matting.losses.modnet import detail_loss, matte_loss, semantic_loss, targets
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import run, sources
from keras_matting.training.callbacks import Checkpoints, standard

PUBLISHED = dict(size=512, batch_size=16, epochs=40)
SYNTHETIC = dict(size=128, batch_size=8, epochs=8, steps_per_epoch=50)
LOSSES = {"semantic": semantic_loss, "detail": detail_loss, "alpha": matte_loss}

flags.DEFINE_string("model", "modnet_mobilenetv2", "A modnet_... name of list_models().")
flags.DEFINE_float("width", 1.0, "Width multiplier of the network.")
flags.DEFINE_string("weights", None, "Start from this .weights.h5 file, or imagenet.")
flags.DEFINE_string("quantize", None, "Fine-tune these float weights quantization-aware.")
flags.DEFINE_enum("optimizer", "sgd", ["sgd", "adam"], "SGD has momentum 0.9.")
flags.DEFINE_enum("schedule", "step", ["step", "cosine"], "step: times 0.1 every quarter.")
flags.DEFINE_float("learning_rate", 0.01, "At the start.")
flags.DEFINE_float("closest", 0.5, "Smallest crop: this part of the picture's shorter side.")
run.define_flags(workdir="runs/modnet")
sources.define_flags(kind="portrait")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(SYNTHETIC if not FLAGS.foregrounds else PUBLISHED)
    size, batch = config["size"], config["batch_size"]
    foregrounds, held_out = sources.foregrounds(size)
    backgrounds, held_out_backgrounds = sources.backgrounds(size)
    steps = config["steps_per_epoch"] or max(1, foregrounds.size // batch)

    with strategy.scope():
        model = build(size)
        rate = schedule(FLAGS.learning_rate, config["epochs"] * steps)
        model.compile(optimizer(rate), loss=LOSSES, metrics={"alpha": [SAD(), MSE()]})
    checkpoints = Checkpoints(model, FLAGS.workdir, monitor="val_alpha_sad")

    start = checkpoints.epoch * steps * batch
    transforms = [*training(size, FLAGS.closest), ops.keep("image", "alpha", "trimap")]
    data = composition(foregrounds, backgrounds, transforms, batch, FLAGS.seed, start)
    held_out_data = (
        composition(held_out, held_out_backgrounds, validation(size), batch, FLAGS.seed)
        .map(targets)
        .take(max(1, held_out.size // batch))
        .cache()
    )
    model.fit(
        data.map(targets),
        epochs=config["epochs"],
        initial_epoch=checkpoints.epoch,
        steps_per_epoch=steps,
        validation_data=held_out_data,
        callbacks=standard(FLAGS.workdir, checkpoints, panel=next(iter(held_out_data))),
        verbose=run.verbosity(),
    )


def build(size):
    weights = FLAGS.quantize or FLAGS.weights
    model = create_model(FLAGS.model, (size, size, 3), True, weights, width=FLAGS.width)
    if not FLAGS.quantize:
        return model
    from export import qat  # needs tensorflow-model-optimization, which training does not

    return qat.quantize(model)


def optimizer(rate):
    if FLAGS.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=0.9)


def schedule(rate, steps):
    if FLAGS.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    quarters = [steps * quarter // 4 for quarter in (1, 2, 3)]
    rates = [rate * 0.1**quarter for quarter in range(4)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(quarters, rates)


if __name__ == "__main__":
    run.launch(main)
