"""Export small untrained .tflite files of every kind, with golden vectors, for the app's tests.

    python android_demo/tools/small_files.py OUT

`make android-test` runs on these, and on the files of `make demo` if there are any: the demo's
model at a small width as float32, int8_qat and int8_float_ends, and a few convolutions in the other
formats, also with a trimap and with a background. OUT/photograph.bin is a small picture,
OUT/<file>.alpha.bin its alpha from `keras_matting.inference`. Takes about a minute.
"""

import sys
from pathlib import Path

import keras_matting  # noqa: F401  before TensorFlow, whose Keras and log level it sets

# isort: split
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from export import golden
from export.convert import convert, representative_inputs
from export.promises import reference_limit
from export.samples import stacked, synthetic
from keras_matting.inference import load_tflite, predict_alpha
from keras_matting.layers.blocks import batch_norm, conv, upsample
from keras_matting.models import create_model
from keras_matting.quantization import qat

SIZE = (96, 128)
PHOTOGRAPH = (75, 130)


def write(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)
    mobile = _with_statistics(create_model("modnet_mobilenetv2_mobile", (*SIZE, 3), width=0.35))
    plain, by_trimap, by_background = (
        _with_statistics(_few_convolutions(*extra)) for extra in ((), ("trimap",), ("background",))
    )
    inputs = representative_inputs(mobile.input, *SIZE, count=8)
    mobile_qat = qat.deployment(qat.quantize(mobile, [inputs]))
    wanted = [(mobile, "float32"), (mobile_qat, "int8_qat"), (mobile_qat, "int8_float_ends")]
    wanted += [(plain, "float16"), (plain, "int8")]
    wanted += [(model, f) for model in (by_trimap, by_background) for f in ("float32", "int8")]

    entries = []
    for model, format in wanted:
        path = folder / f"{model.name}_{SIZE[0]}x{SIZE[1]}_{format}.tflite"
        representative = representative_inputs(model.input, *SIZE, count=8)
        path.write_bytes(convert(model, format, representative))
        entries.append((path, format, model, reference_limit(format)))
    _write_photograph(folder, [path for path, _, model, _ in entries if len(model.input) == 1])
    golden.write(folder, entries, synthetic(*SIZE, 3))


def _few_convolutions(*extra):
    """Build image and `extra` inputs -> alpha, with a layer at half the size."""
    channels = {"image": 3, "trimap": 1, "background": 3}
    inputs = {
        name: keras.Input((*SIZE, channels[name]), name=name) for name in ("image", *extra)
    }  # fmt: skip
    # normalised as in real models: otherwise input and joined features would share one int8 scale
    scaled = [layers.Rescaling(2.0, -1.0, name=f"scaled_{name}")(x) for name, x in inputs.items()]
    x = skip = layers.Concatenate(name="inputs")(scaled) if extra else scaled[0]
    for i, strides in enumerate((2, 1)):
        x = conv(x, 12, 3, strides=strides, symmetric=False, name=f"block{i}")
        x = layers.ReLU(name=f"block{i}_relu")(batch_norm(x, name=f"block{i}"))
    x = layers.Concatenate(name="join")([upsample(x, 2, interpolation="nearest", name="up"), skip])
    alpha = conv(x, 1, 3, symmetric=False, name="alpha_logit")
    alpha = layers.Activation("sigmoid", name="alpha")(alpha)
    name = "_".join(("convolutions", *extra))
    return keras.Model(inputs, {"alpha": alpha}, name=name)


def _with_statistics(model):
    """Give batch norms the statistics of images, so that activations have a realistic range."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    model(representative_inputs(model.input, *SIZE, count=8), training=True)
    # Normalising nearly constant features amplifies rounding errors, unlike in trained models.
    logit = next(layer for layer in reversed(model.layers) if isinstance(layer, layers.Conv2D))
    logit.kernel.assign(logit.kernel / 4)
    return model


def _write_photograph(folder, paths):
    height, width = PHOTOGRAPH
    image = stacked(synthetic(2 * height, 2 * width, 1, seed=7), ["image"])["image"][0]
    image = np.rint(255 * image[:height, :width]).astype(np.uint8)
    (folder / "photograph.bin").write_bytes(image.tobytes())
    for path in paths:
        alpha = predict_alpha(load_tflite(path, threads=1), image)
        path.with_suffix(".alpha.bin").write_bytes(alpha.astype("<f4").tobytes())


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    write(sys.argv[1])
