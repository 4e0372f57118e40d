r"""Keras model -> .tflite files, each checked in an interpreter before it gets its name.

    python -m export.convert --model modnet_mobilenetv2_mobile --weights float.weights.h5 \
        --size 512x512 --format all --qat_weights qat.weights.h5 --out build

writes modnet_mobilenetv2_mobile_512x512_<format>.tflite, signature image -> alpha, for

    float32   as Keras computes it
    float16   float16 weights, small kernels and biases float32
    dynamic   int8 weights, float arithmetic
    int8      full integers, ranges from calibration (--images, or synthetic composites)
    int8_qat  full integers, ranges and weights from quantization-aware training (--qat_weights)
    int16x8   int8 weights, 16-bit activations

The int8 formats take a byte of a bitmap minus 128 (scale 1/255, zero point -128) and give an alpha
of scale 1/256; no float tensor remains in them.
"""

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags, logging

from export import samples
from export.float16 import keep_small_weights
from export.interpreters import AlphaModel, structure

FORMATS = ("float32", "float16", "dynamic", "int8", "int8_qat", "int16x8")
INTEGER = {"int8": tf.int8, "int8_qat": tf.int8, "int16x8": tf.int16}

# Largest differences to Keras that the arithmetic explains.
LARGEST = {"float32": 1e-4, "float16": 1e-2}
# For the coarser formats: largest mean difference. It tells a broken file, not a bad one.
LARGEST_MEAN = 0.05


def convert(model, format, representative=None) -> bytes:
    """A model of fixed size -> a .tflite file as bytes.

    `model` is float, or for int8_qat what `export.qat.quantize` returns; other outputs than alpha
    are left out. `representative`: images (N, H, W, 3) in [0, 1] that calibrate int8 and int16x8
    and must contain 0 and 1; by default `representative_images`. ValueError: unknown format, open
    size.
    """
    if format not in FORMATS:
        raise ValueError(f"There is no format {format!r}; known are {', '.join(FORMATS)}.")
    height, width = model.input["image"].shape[1:3]
    if None in (height, width):
        raise ValueError(f"{model.name} has no fixed size; build it with input_shape=(H, W, 3).")
    converter = tf.lite.TFLiteConverter.from_concrete_functions(*_traced(model, height, width))
    if format != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if format == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if format in ("int8", "int16x8"):
        if representative is None:
            representative = representative_images(height, width)
        _check_representative(representative)
        converter.representative_dataset = lambda: (
            {"image": np.asarray(image, np.float32)[None]} for image in representative
        )
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
            if format == "int8"
            else tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    if format in INTEGER:
        converter.inference_input_type = converter.inference_output_type = INTEGER[format]
    with _quietly():
        data = converter.convert()
    if format == "float16":
        return keep_small_weights(data, convert(model, "float32"))
    return data


def representative_images(height, width, folder=None, count=32):
    """Images (N, H, W, 3) float32 in [0, 1], each with a 0 and a 1 in it, to calibrate with.

    The photographs of `folder`, or by default `count` synthetic composites. ValueError as
    `samples.photographs`.
    """
    chosen = samples.photographs(height, width, folder) if folder else None
    chosen = chosen or samples.synthetic(height, width, count, seed=0)
    images = np.stack([sample["image"] for sample in chosen])
    images[:, 0, 0], images[:, 0, 1] = 0.0, 1.0  # so that the input's scale is 1/255
    return images


def check(data, model, format, images):
    """Runs a file on `images` (N, H, W, 3) against Keras `model`; ValueError says what is wrong.

    For int8_qat `model` is the quantization-aware one. Limits: `LARGEST`, `LARGEST_MEAN`, and what
    the module's docstring promises of the int8 formats.
    """
    problems = promises_broken(data, format)
    if not problems:
        # called as it is: tracing it for so few images takes longer
        expected = model({"image": np.asarray(images)}, training=False)["alpha"].numpy()
        difference = np.abs(AlphaModel(data)(images) - expected)
        if not np.isfinite(difference).all():
            problems.append("its alpha is not finite")
        elif difference.max() > LARGEST.get(format, np.inf):
            problems.append(f"it differs from Keras by {difference.max():.2g}")
        elif difference.mean() > LARGEST_MEAN:
            problems.append(f"it differs from Keras by {difference.mean():.2g} on average")
    if problems:
        raise ValueError(
            f"The {format} file of {model.name} was not written because {' and '.join(problems)}; "
            "try another format, or a variant made for integers."
        )


def promises_broken(data, format) -> list[str]:
    """What a file lacks of the promises of its format; [] is good."""
    if not format.startswith("int8"):
        return []
    found, problems = structure(data), []
    if found["float_tensors"]:
        problems.append(f"it has {len(found['float_tensors'])} float tensors")
    for end, scale in (("image", 1 / 255), ("alpha", 1 / 256)):
        if found["dtypes"][end] != "int8":
            problems.append(f"its {end} is {found['dtypes'][end]}")
        elif not np.allclose(found["quantization"][end], [scale, -128], rtol=1e-6):
            problems.append(f"its {end} is quantised by {found['quantization'][end]}")
    return problems


def export(model, format, folder, images, representative=None) -> Path:
    """Converts, checks on `images`, writes `<name>_<HxW>_<format>.tflite` into `folder`."""
    data = convert(model, format, representative)
    check(data, model, format, images)
    height, width = model.input["image"].shape[1:3]
    path = Path(folder) / f"{model.name}_{height}x{width}_{format}.tflite"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def parse_size(text) -> tuple[int, int]:
    """'512x384' -> (512, 384), height first."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdigit() and int(side) > 0 for side in sides):
        raise ValueError(f"{text!r} is no size; write it HxW, such as 512x512.")
    return int(sides[0]), int(sides[1])


def _traced(model, height, width):
    """([batch-1 function image -> alpha], an object that holds its variables and no Keras layer).

    With a dynamic batch some operations stay float, and saving every layer takes minutes.
    """

    @tf.function(
        input_signature=[tf.TensorSpec((1, height, width, 3), tf.float32, name="image")],
        autograph=False,
    )
    def run(image):
        return {"alpha": model({"image": image}, training=False)["alpha"]}

    holder = tf.Module()
    holder.held = model.variables
    return [run.get_concrete_function()], holder


@contextmanager
def _quietly():
    """Keeps back what the converter's C++ part writes to stderr, unless it fails."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _check_representative(images):
    if np.min(images) != 0.0 or np.max(images) != 1.0:
        raise ValueError(
            "The representative images have to reach from exactly 0 to exactly 1, else the input's "
            f"scale is not 1/255; they reach from {np.min(images):.3f} to {np.max(images):.3f}."
        )


def _models(options, formats):
    """{format: model} from the flags; the quantization-aware one only where it is needed."""
    from keras_matting.models import create_model, load_weights

    shape = (*parse_size(options.size), 3)
    build = {} if options.width is None else {"width": options.width}
    heads = create_model(options.model, shape, training_heads=True, **build)
    models = dict.fromkeys(formats, load_weights(heads, options.weights))
    if "int8_qat" in formats:
        if not options.qat_weights:
            raise ValueError("Format int8_qat needs --qat_weights; train them with --quantize.")
        from export.qat import load_quantized

        models["int8_qat"] = load_quantized(heads, options.qat_weights)
    return models


def _chosen(options):
    if options.format == "all":
        return [f for f in FORMATS if f != "int8_qat" or options.qat_weights]
    return options.format.split(",")


def main(_):
    options = flags.FLAGS
    logging.set_verbosity(logging.ERROR)  # the converter tells of every temporary file
    tf.get_logger().setLevel("ERROR")
    try:
        formats = _chosen(options)
        if unknown := set(formats) - set(FORMATS):
            raise ValueError(f"There is no format {', '.join(unknown)}; see --help.")
        models = _models(options, formats)
        images = representative_images(*parse_size(options.size), options.images)
        for format in formats:
            path = export(models[format], format, options.out, images[:4], images)
            print(f"{path}  {path.stat().st_size / 1e6:.2f} MB", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def define_flags():
    flags.DEFINE_string("model", "modnet_mobilenetv2_mobile", "A name of list_models().")
    flags.DEFINE_string("weights", None, "Its float weights, a .weights.h5 file.", required=True)
    flags.DEFINE_string("qat_weights", None, "Quantization-aware weights, for int8_qat.")
    flags.DEFINE_float("width", None, "The width multiplier it was trained with.")
    flags.DEFINE_string("size", "512x512", "HxW of the files, multiples of 32.")
    flags.DEFINE_string("format", "all", f"all, or some of {', '.join(FORMATS)}, with commas.")
    flags.DEFINE_string("images", None, "A folder of photographs to calibrate with.")
    flags.DEFINE_string("out", "build", "Folder to write to.")


if __name__ == "__main__":
    define_flags()
    app.run(main)
