"""Adapts a trained MODNet to unlabelled photographs by sub-objectives consistency (SOC).

    python recipes/modnet_soc.py --weights runs/modnet/best.weights.h5 --images PHOTOGRAPHS
    python recipes/modnet_soc.py            # untrained, on synthetic pictures: see that it works

The released setting: Adam at 1e-5 with betas 0.9 and 0.99, batch 1, 10 epochs of one pass each,
norms on their running statistics, the backup network renewed at every epoch. Only a converged
network can be adapted. Killed and started again, a run goes on after its last whole epoch.
"""

from absl import flags
from tensorflow import keras

from keras_matting.data import geometry, ops, readers
from keras_matting.data.pipeline import composition, training, unlabelled
from keras_matting.models import create_model
from keras_matting.training import run, sources
from keras_matting.training.callbacks import Checkpoints, standard
from keras_matting.training.soc import RefreshBackup, SelfSupervised

PUBLISHED = dict(size=512, batch_size=1, epochs=10)
SYNTHETIC = dict(size=128, batch_size=1, epochs=2, steps_per_epoch=50)

flags.DEFINE_string("images", None, "Folder of photographs; without it, synthetic pictures.")
flags.DEFINE_string("weights", None, "The trained network to adapt, a .weights.h5 file.")
flags.DEFINE_string("model", "modnet_mobilenetv2", "A modnet_... name of list_models().")
flags.DEFINE_float("width", 1.0, "Width multiplier of the network.")
flags.DEFINE_float("learning_rate", 1e-5, "Constant.")
run.define_flags(workdir="runs/modnet_soc")
sources.define_flags(kind="portrait")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(PUBLISHED if FLAGS.images else SYNTHETIC)
    size, batch, epochs = config["size"], config["batch_size"], config["epochs"]
    data, pictures = stream(size, batch)
    steps = config["steps_per_epoch"] or max(1, pictures // batch)

    with strategy.scope():
        network, backup = (
            create_model(FLAGS.model, (size, size, 3), True, FLAGS.weights, width=FLAGS.width)
            for _ in range(2)
        )
        model = SelfSupervised(network, backup)
        adam = keras.optimizers.Adam(FLAGS.learning_rate, beta_2=0.99, epsilon=1e-8)
        model.compile(adam)
    checkpoints = Checkpoints(model, FLAGS.workdir, monitor="loss", network=network)
    panel = next(iter(data(0).unbatch().batch(4)))

    model.fit(
        data(checkpoints.epoch * steps * batch),
        epochs=epochs,
        initial_epoch=checkpoints.epoch,
        steps_per_epoch=steps,
        callbacks=[RefreshBackup(), *standard(FLAGS.workdir, checkpoints, panel=(panel, None))],
        verbose=run.verbosity(),
    )


def stream(size, batch):
    """-> (function of the first sample's index that opens the data, pictures in one pass)."""
    if FLAGS.images:
        source = readers.images(FLAGS.images)
        crops = [geometry.random_crop("image", size)]
        return lambda start: unlabelled(source, crops, batch, FLAGS.seed, start), source.size
    foregrounds, backgrounds = sources.foregrounds(size)[0], sources.backgrounds(size)[0]
    transforms = [*training(size), ops.keep("image")]
    return (
        lambda start: composition(foregrounds, backgrounds, transforms, batch, FLAGS.seed, start),
        foregrounds.size,
    )


if __name__ == "__main__":
    run.launch(main)
