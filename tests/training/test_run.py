"""Variables exist before the first step, so that Keras traces a step once."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from keras_matting import weights_files
from keras_matting.metrics.streaming import SAD
from keras_matting.quantization import qat
from keras_matting.training import recipe, run
from keras_matting.training.run import make_variables
from keras_matting.training.sources import Data


class Counting(keras.Model):
    """Count how often the steps are traced."""

    traced = ()

    def train_step(self, data):
        self.traced += ("training",)
        return super().train_step(data)

    def test_step(self, data):
        self.traced += ("validation",)
        return super().test_step(data)


def counting():
    image = keras.Input((8, 8, 3), name="image")
    alpha = keras.layers.Conv2D(1, 3, padding="same", name="alpha")(image)
    detail = keras.layers.Conv2D(1, 3, padding="same", name="detail")(image)
    model = Counting({"image": image}, {"alpha": alpha, "detail": detail})
    model.compile("adam", loss={"alpha": "mae", "detail": "mse"}, metrics={"alpha": [SAD()]})
    make_variables(model)
    return model


def test_steps_are_traced_once():
    model = counting()
    images, truth = np.ones((4, 8, 8, 3), np.float32), np.ones((4, 8, 8, 1), np.float32)
    data = {"image": images}, {"alpha": truth, "detail": truth}
    history = model.fit(*data, 2, 3, verbose=0, validation_data=data, validation_batch_size=2)
    assert sorted(model.traced) == ["training", "validation"]
    assert {"alpha_loss", "detail_loss", "alpha_sad", "val_alpha_sad"} <= history.history.keys()
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_the_step_whose_operations_were_listed_is_not_traced_again():
    model = counting()
    images, truth = np.ones((8, 8, 8, 3), np.float32), np.ones((8, 8, 8, 1), np.float32)
    batches = ({"image": images}, {"alpha": truth, "detail": truth})
    batches = tf.data.Dataset.from_tensor_slices(batches).batch(2, drop_remainder=True).repeat()
    data = Data(lambda start, worker: batches, None, 4, None)
    graph = run.traced(model, data, tf.distribute.get_strategy())
    operations = {node.op for node in graph.node}
    operations |= {node.op for function in graph.library.function for node in function.node_def}
    assert {"Conv2D", "Conv2DBackpropFilter"} <= operations
    model.fit(batches, steps_per_epoch=4, verbose=0)
    assert model.traced == ("training",)
    assert int(model.optimizer.iterations) == 4


def small():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(1, 3, name="logit")(layers.Rescaling(2.0, -1.0, name="normalise")(image))
    alpha = layers.Activation("sigmoid", name="alpha")(x)
    return weights_files.Network({"image": image}, {"alpha": alpha}, name="toy")


def test_quantize_starts_from_float_weights_or_goes_on(tmp_path, capsys):
    inputs = {"image": np.random.default_rng(0).random((2, 8, 8, 3), np.float32)}
    trained = qat.quantize(small(), [inputs])
    files = {}
    for kind, model in (("float", small()), ("qat", trained)):
        files[kind] = str(tmp_path / f"{kind}.weights.h5")
        model.save_weights(files[kind])
    given = dict(size=32, batch_size=1, weights=None, sync_batch_norm=False)
    chosen = [
        recipe.resolved(SimpleNamespace(**given, quantize=path), {}) for path in files.values()
    ]
    assert [options.weights for options in chosen] == [files["float"], None]
    run.transformed(small(), chosen[0])
    assert f"Quantizing the float weights {files['float']}.\n" == capsys.readouterr().out
    again = run.transformed(small(), chosen[1])
    words = f"Going on with the quantization-aware weights {files['qat']}.\n"
    assert words == capsys.readouterr().out
    np.testing.assert_array_equal(again(inputs)["alpha"], trained(inputs)["alpha"])
    with pytest.raises(ValueError, match="holds quantization-aware weights of toy; give it to --q"):
        weights_files.load(small(), files["qat"])


def test_the_rate_of_an_optimizer():
    adam = keras.optimizers.Adam(0.5)
    assert run.rate(adam) == run.rate(keras.mixed_precision.LossScaleOptimizer(adam)) == 0.5
    cosines = [keras.optimizers.schedules.CosineDecay(0.5, steps) for steps in (10, 20)]
    first, second = (run.rate(keras.optimizers.Adam(cosine)) for cosine in cosines)
    assert first != second and first == run.rate(keras.optimizers.Adam(cosines[0]))
