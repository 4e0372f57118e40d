"""A recipe of four layers, at a rate at which they move: the same weights to 1e-5, or a fault."""

import keras_matting  # noqa: F401, I001  before TensorFlow, whose Keras it chooses
import tensorflow as tf
from tensorflow import keras

from keras_matting.data.augment import presets
from keras_matting.training import recipe, run, sources
from keras_matting.training.norms import synchronise


def define_flags():
    recipe.define_flags(workdir="runs/tiny", model="tiny", learning_rate=0.03)
    sources.define_flags()


def defaults(options):
    return {}


def main(options, strategy):
    augmentation = presets.training(options.size), presets.validation(options.size)
    data = sources.composites(options, *augmentation, targets)
    with strategy.scope():
        model = synchronise(network(options.size))
        model.compile(keras.optimizers.SGD(options.learning_rate, 0.9), loss="mae")
    run.fit(model, options, data, "val_loss", strategy)


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
    recipe.start(define_flags, defaults, main)
