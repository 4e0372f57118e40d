"""A recipe of four layers, at a rate at which they move: the same weights to 1e-5, or a fault."""

import keras_matting  # noqa: F401, I001  before TensorFlow, whose Keras it chooses
import tensorflow as tf
from absl import flags
from tensorflow import keras

from keras_matting.data.augment import presets
from keras_matting.training import run, sources
from keras_matting.training.norms import synchronise

run.define_flags(workdir="runs/tiny", model="tiny", learning_rate=0.03)
sources.define_flags()
FLAGS = flags.FLAGS


def main(_):
    strategy, config = run.prepare({})
    augmentation = presets.training(config.size), presets.validation(config.size)
    data = sources.composites(config, *augmentation, targets)
    with strategy.scope():
        model = synchronise(network(config.size))
        model.compile(keras.optimizers.SGD(FLAGS.learning_rate, 0.9), loss="mae")
    run.fit(model, config, data, "val_loss", strategy)


def targets(sample):
    return {"image": sample["image"]}, {"alpha": sample["alpha"]}


def network(size):
    image = x = keras.Input((size, size, 3), name="image")
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 3, 2, "same", use_bias=False)(x)
        x = tf.nn.relu(keras.layers.BatchNormalization()(x))
    x = keras.layers.UpSampling2D(4, interpolation="bilinear")(x)
    return keras.Model(image, {"alpha": keras.layers.Conv2D(1, 3, 1, "same", name="alpha")(x)})


if __name__ == "__main__":
    run.launch(main)
