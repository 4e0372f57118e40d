"""Adapts a trained MODNet to unlabelled photographs by sub-objectives consistency (SOC).

    python recipes/modnet_soc.py --weights runs/modnet/best.weights.h5 --images PHOTOGRAPHS
    python recipes/modnet_soc.py            # untrained, on synthetic pictures: see that it works

The released setting: Adam at 1e-5 with betas 0.9 and 0.99, batch 1, 10 epochs of one pass each,
norms on their running statistics, the backup network renewed at every epoch. Only a converged
network can be adapted. Killed and started again, a run goes on after its last whole epoch.
"""

from absl import flags
from keras_matting.data.augment import compositing, geometry
from keras_matting.data.augment.presets import training
from keras_matting.data.pipeline import composition, unlabelled
from keras_matting.data.reading import readers
from keras_matting.training import run, sources
from keras_matting.training.optimizers import Adam
from keras_matting.training.soc import RefreshBackup, SelfSupervised

PUBLISHED = dict(size=512, batch_size=1, epochs=10)
SYNTHETIC = dict(size=128, batch_size=1, epochs=2, steps_per_epoch=50)

flags.DEFINE_string("images", None, "Folder of photographs; without it, synthetic pictures.")
flags.DEFINE_float("width", 1.0, "Width multiplier of the network.")
run.define_flags(workdir="runs/modnet_soc", model="modnet_mobilenetv2", learning_rate=1e-5)
sources.define_flags(kind="portrait")
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare(PUBLISHED if FLAGS.images else SYNTHETIC)
    with strategy.scope():
        network, backup = (run.build(config.size, width=FLAGS.width) for _ in range(2))
        model = SelfSupervised(network, backup)
        model.compile(Adam(FLAGS.learning_rate, beta_2=0.99))
    data = photographs(config)
    run.fit(model, config, data, "loss", strategy, network, callbacks=[RefreshBackup()])


def photographs(config):
    """Crops of photographs; in their place composites of which only the image is kept."""
    size, batch = config.size, config.batch_size
    if FLAGS.images:
        source = readers.images(FLAGS.images)
        crops = [geometry.random_crop("image", size)]
        count = source.size

        def stream(start, worker=(0, 1)):
            return unlabelled(source, crops, batch, FLAGS.seed, start, worker)
    else:
        foregrounds, backgrounds = sources.foregrounds(size)[0], sources.backgrounds(size)[0]
        transforms = [*training(size), compositing.select("image")]
        count = foregrounds.size

        def stream(start, worker=(0, 1)):
            return composition(
                foregrounds, backgrounds, transforms, batch, FLAGS.seed, start, worker
            )

    panel = next(iter(stream(0).unbatch().batch(4)))
    return sources.Data(stream, None, sources.steps_of(config, count), (panel, None))


if __name__ == "__main__":
    run.launch(main)
