"""Trains Background Matting V2 (Lin et al. 2021): a picture and its background shot apart.

    python recipes/bgmv2.py --foregrounds VIDEOMATTE --backgrounds PICTURES --workdir runs/base
    python recipes/bgmv2.py --stage refine --base runs/base/best.weights.h5 --workdir runs/refine \\
        --foregrounds PHOTOMATTE --backgrounds PICTURES
    python recipes/bgmv2.py                        # synthetic figures, small: see that it works

`base` learns the coarse network at 512 pixels, batch 8, Adam at 1e-4 for the backbone and 5e-4 for
the rest; `refine` everything at 2048 pixels, batch 4, at 5e-5 for the backbone and its pyramid,
1e-4 for the decoder, 3e-4 for the refiner, with norms over all replicas (--sync_batch_norm).
--learning_rate is that of the fastest part. Height and width of a batch are drawn from half to all
of the size. The background differs from the one behind the figure by shadow, noise, exposure and a
camera that moved. The released base starts from a DeepLabV3 for VOC.
On synthetic figures 128x128, batch 4, 150 steps; refine 192x192 and, from nothing, at 1.5e-3.
"""

from absl import flags
from keras_matting.data.augment import bgmv2, colour, compositing, draws, geometry, presets
from keras_matting.layers.resize import ResizeLike
from keras_matting.losses import bgmv2 as losses
from keras_matting.metrics.streaming import MSE, SAD
from keras_matting.models import create_model
from keras_matting.training import run, sources
from keras_matting.training.optimizers import Adam
import tensorflow as tf
from tensorflow import keras

PUBLISHED = {
    "base": dict(size=512, batch_size=8, epochs=8),
    "refine": dict(size=2048, batch_size=4, epochs=1),
}
SYNTHETIC = {
    "base": dict(size=128, batch_size=4, epochs=3, steps_per_epoch=50),
    "refine": dict(size=192, batch_size=4, epochs=3, steps_per_epoch=50),
}
# beginning of a variable's name: its share of the learning rate
PARTS = {
    "base": {"backbone": 0.2},
    "refine": {"backbone": 1 / 6, "aspp": 1 / 6, "decoder": 1 / 3},
}
RATES = {"base": 5e-4, "refine": 3e-4}
SYNTHETIC_RATES = {"base": 5e-4, "refine": 1.5e-3}  # refine starts from nothing there
SMALLEST = {"base": 0.4, "refine": 0.3}  # figures, of the size at which they cover the crop
SYNTHETIC_SMALLEST = 0.8  # of those, and of batches: they are small as it is
PICTURES = ("image", "background", "foreground", "alpha")
LOSSES = {
    "alpha": losses.alpha_loss,
    "foreground": losses.foreground_loss,
    "error": losses.error_loss,
}
COARSE_LOSSES = {
    "alpha_coarse": losses.alpha_loss,
    "foreground_coarse": losses.foreground_loss,
}

flags.DEFINE_enum("stage", "base", PUBLISHED, "The coarse network, or all of it.")
flags.DEFINE_string("base", None, "Of --stage refine: weights that --stage base has written.")
run.define_flags(workdir="runs/bgmv2", model="bgmv2_mobilenetv2", learning_rate=None)
sources.define_flags(kind="portrait")
FLAGS = flags.FLAGS


def main(_):
    stage = FLAGS.stage
    strategy, config = run.prepare(sources.defaults(PUBLISHED[stage], SYNTHETIC[stage]))
    with strategy.scope():
        network = build(config.size if fixed_size() else None)
        model = with_error(network)
        refines = "alpha_coarse" in model.output
        rate = FLAGS.learning_rate or sources.defaults(RATES, SYNTHETIC_RATES)[stage]
        known = LOSSES | (COARSE_LOSSES if refines else {})
        model.compile(Adam(rate, PARTS[stage]), loss=known, metrics={"alpha": [SAD(), MSE()]})
    validation = presets.validation(config.size)
    data = sources.composites(config, augmentation(config.size), validation, targets)
    run.fit(model, config, data, "val_alpha_sad", strategy, network)


def fixed_size():
    """Whether the network takes crops of the full size only: those made for integers do."""
    return bool(FLAGS.quantize) or FLAGS.model.endswith("_mobile")


def build(size):
    """The stage's network: for `base` the coarse part of --model, for `refine` all of it."""
    coarse = "bgmv2_base_" + FLAGS.model.removeprefix("bgmv2_").removeprefix("base_")
    if FLAGS.stage == "base":
        return run.build(size, coarse)
    if not FLAGS.base:
        return run.build(size)
    return run.build(size, part=create_model(coarse, (size, size, 3), True, FLAGS.base))


def with_error(network):
    """The network with its error beside the alpha that it is about, as one full-size output.

    The base network's alpha is detached there, as released; the refined one's is not.
    """
    outputs = network.output
    if "alpha_coarse" in outputs:
        pair = [outputs["error_coarse"], outputs["alpha_coarse"]]
        up = ResizeLike(dtype="float32", name="full_size")
        pair = [up([x, network.input["image"]]) for x in pair]
    else:
        detach = keras.layers.Lambda(keras.backend.stop_gradient, dtype="float32")
        pair = [outputs["error"], detach(outputs["alpha"])]
    kept = {key: outputs[key] for key in (*LOSSES, *COARSE_LOSSES) if key in outputs}
    kept["error"] = keras.layers.Concatenate(dtype="float32", name="error_and_alpha")(pair)
    return keras.Model(network.input, kept)


def augmentation(size):
    jitter = dict(brightness=0.15, contrast=0.15, saturation=0.15, hue=0.05)
    smallest = sources.defaults(SMALLEST[FLAGS.stage], SYNTHETIC_SMALLEST)
    return [
        geometry.random_placement("foreground", size, scale=(smallest, 1.0)),
        geometry.random_placement("background", size, scale=(1.0, 2.0)),
        bgmv2.random_focus("foreground", "alpha"),
        bgmv2.random_focus("background"),
        colour.random_jitter("foreground", **jitter),
        colour.random_jitter("background", **jitter),
        bgmv2.random_shadow(),
        compositing.composite(over="scene"),
        bgmv2.random_sensor_noise(),
        colour.random_color(
            "background", brightness=0.18, contrast=0.18, saturation=0.18, hue=0.1, probability=0.8
        ),
        bgmv2.random_misalignment(),
        lambda sample: sample | {"size": draws.draw(sample, "size", 2)},
        compositing.select(*PICTURES, "size"),
    ]


def targets(sample):
    """Of a batch, which in training gets a size of its own."""
    if "size" in sample and not fixed_size():
        smallest = sources.defaults(0.5, SYNTHETIC_SMALLEST)
        sample = geometry.random_size(sample, PICTURES, smallest)
    coarse = tf.shape(sample["alpha"])[1:3] // 4 if FLAGS.stage == "refine" else None
    return losses.targets(sample, coarse)


if __name__ == "__main__":
    run.launch(main)
