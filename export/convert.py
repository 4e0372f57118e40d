r"""Keras model -> .tflite files, each checked in an interpreter before it gets its name.

    python -m export.convert --model modnet_mobilenetv2_mobile --weights float.weights.h5 \
        --size 512x512 --format all --qat_weights qat.weights.h5 --out build

writes modnet_mobilenetv2_mobile_512x512_<format>.tflite, signature image (and trimap, or
background) -> alpha (and foreground, or semantic), for

    float32   as Keras computes it, reordered where that is faster (`export.premix_upsampling`)
    float16   float16 weights, the smallest twentieth of them float32
    dynamic   int8 weights, float arithmetic
    int8      full integers, ranges from calibration (--images, or synthetic composites)
    int8_qat  full integers, ranges and weights from quantization-aware training (--qat_weights)
    int16x8   int8 weights, 16-bit activations; ends and what the converter has not in 16 bits, such
              as selections, stay float in networks that choose

The int8 formats take a byte of a bitmap minus 128 (scale 1/255, zero point -128) and give an alpha
of scale 1/256; no float tensor remains in them, but for what `FLOAT_PARTS` names. A trimap's bytes
are 0, 128 and 255: what is unknown is 128/255 and not 1/2, which every network takes for the same.

Every file says in its metadata (`export.metadata`) what it is and what its ends hold.
"""

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags, logging

from export import samples
from export.float16 import halve_large_weights
from export.interpreters import Exported, structure
from export.io_scales import set_io_scales
from export.metadata import described
from export.premix_upsampling import mixed_before_upsampling
from keras_matting.atomic import replacing
from keras_matting.layers.class_selection import FuseByClass
from keras_matting.layers.patches import SampleCells
from keras_matting.layers.unpooling import PoolWithPositions
from keras_matting.models import create_model, inference_outputs, load_weights, without_heads

FORMATS = ("float32", "float16", "dynamic", "int8", "int8_qat", "int16x8")
INTEGER = {"int8": tf.int8, "int8_qat": tf.int8, "int16x8": tf.int16}

# What remains float in int8 files, by the names of tensors: GCA's attention, whose scores are
# squares of features next to a penalty of 1e4 (eight bits hold one or the other), with the mask of
# unknown pixels that goes into it, and the mask of the cells that Background Matting refines, a
# bool that is cast to multiply.
FLOAT_PARTS = r"_attention(_float)?/|^gca\w*/tf\.split(_\d+)?/|/cells/"

# The scales of an int8 file's ends that stand for pixels; their zero points are -128.
SCALES = {"image": 1 / 255, "background": 1 / 255, "trimap": 1 / 255, "alpha": 1 / 256}

# Largest differences to Keras that the arithmetic explains; of a network that chooses between
# values, of `most_pixels`.
LARGEST = {"float32": 1e-4, "float16": 1e-2}
CHOOSING = (PoolWithPositions, FuseByClass, SampleCells)
# For the coarser formats: largest mean difference. It tells a broken file, not a bad one.
LARGEST_MEAN = 0.05


def convert(model, format, representative=None) -> bytes:
    """A model of fixed size -> a .tflite file as bytes.

    `model` is float, or for int8_qat what `quantization.qat.deployment` returns. The signature has
    its inputs' and outputs' names. `representative`: {input: (N, H, W, C) in [0, 1]} that
    calibrates int8 and int16x8, in which every input reaches from 0 to 1; by default
    `representative_inputs`. ValueError: unknown format, open size.
    """
    if format not in FORMATS:
        raise ValueError(f"There is no format {format!r}; known are {', '.join(FORMATS)}.")
    size = size_of(model)
    if format in ("int8", "int16x8"):
        if representative is None:
            representative = representative_inputs(model.input, *size)
        _check_representative(representative)
    # its transpositions are for processors: float16 is for GPUs, mobile variants for accelerators
    if format == "float32" and not model.name.endswith("_mobile"):
        model = mixed_before_upsampling(model)
    with _quietly():
        try:
            data = _converter(model, format, representative).convert()
        except RuntimeError as error:
            if format != "int16x8" or "not yet supported" not in str(error):
                raise
            data = _partly_float(_converter(model, format, representative)).convert()
        if format == "int8":
            data = _reconvert_with_float_ops(data, model, representative)
    if format == "int8":
        data = set_io_scales(data, SCALES)
    if format == "float16":
        data = halve_large_weights(data)
    return described(data, model)


def representative_inputs(names, height, width, folder=None, count=32, kind=None) -> dict:
    """{name: (N, H, W, C) float32 in [0, 1]}, each with a 0 and a 1 in it, to calibrate with.

    Of the photographs of `folder`, or by default `count` synthetic composites (`kind` as in
    `samples.synthetic`). ValueError as `samples.photographs`, and if a photograph is not all that
    is needed.
    """
    chosen = samples.photographs(height, width, folder) if folder else None
    chosen = chosen or samples.synthetic(height, width, count, 0, kind)
    inputs = samples.stacked(samples.usable(chosen, names), names)
    for values in inputs.values():
        values[:, 0, 0], values[:, 0, 1] = 0.0, 1.0  # so that the input's scale is 1/255
    return inputs


def check(data, model, format, inputs):
    """Runs a file on `inputs` {name: (N, H, W, C)} against Keras `model`; ValueError if it is bad.

    For int8_qat `model` is the quantization-aware one. Limits: `LARGEST`, `LARGEST_MEAN`, and what
    the module's docstring promises of the int8 formats. Differences of outputs that are no
    pictures, such as logits, count relative to their range.
    """
    problems = promises_broken(data, format)
    if not problems:
        # called as it is: tracing it for so few images takes longer
        expected = model(inputs, training=False)
        found = Exported(data)(inputs)
        for name, values in found.items():
            problems += _output_problems(values, expected[name].numpy(), name, format, model)
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
    floats = [name for name in found["float_results"] if not may_be_float(name)]
    if floats:
        problems.append(f"it has {len(floats)} float tensors, such as {floats[0].split(';')[0]}")
    for end, dtype in found["dtypes"].items():
        if dtype != "int8":
            problems.append(f"its {end} is {dtype}")
        elif end in SCALES and not np.allclose(
            found["quantization"][end], [SCALES[end], -128], rtol=1e-6
        ):
            problems.append(f"its {end} is quantised by {found['quantization'][end]}")
    return problems


def may_be_float(name) -> bool:
    """Whether an operator's result may be float in an int8 file, by the layers fused into it."""
    return all(re.search(FLOAT_PARTS, part) for part in name.split(";"))


def size_of(model) -> tuple[int, int]:
    """(height, width) of a model; ValueError if they are open."""
    height, width = model.input["image"].shape[1:3]
    if None in (height, width):
        raise ValueError(f"{model.name} has no fixed size; build it with input_shape=(H, W, 3).")
    return height, width


def is_discontinuous(model) -> bool:
    """Whether a rounding can make another number of a pixel: it chooses between values."""
    return any(isinstance(layer, CHOOSING) for layer in model.layers)


def most_pixels(difference) -> float:
    """The 99th percentile of differences (N, H, W, C) in the median sample.

    Of nearly equal values another may be chosen; deep in a network that moves all that follows.
    """
    return float(np.median(np.percentile(difference.reshape(len(difference), -1), 99, axis=1)))


def export(model, format, folder, inputs, representative=None) -> Path:
    """Converts, checks on `inputs`, writes `<name>_<HxW>_<format>.tflite` into `folder`."""
    data = convert(model, format, representative)
    check(data, model, format, inputs)
    height, width = size_of(model)
    path = Path(folder) / f"{model.name}_{height}x{width}_{format}.tflite"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def parse_size(text) -> tuple[int, int]:
    """'512x384' -> (512, 384), height first."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdigit() and int(side) > 0 for side in sides):
        raise ValueError(f"{text!r} is no size; write it HxW, such as 512x512.")
    return int(sides[0]), int(sides[1])


def _converter(model, format, representative):
    """A converter, which converts once."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions(*_traced(model))
    if format not in ("float32", "float16"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if format in ("int8", "int16x8"):
        count = len(next(iter(representative.values())))
        converter.representative_dataset = lambda: (
            {name: values[i : i + 1].astype(np.float32) for name, values in representative.items()}
            for i in range(count)
        )
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
            if format == "int8"
            else tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    if format in INTEGER:
        converter.inference_input_type = converter.inference_output_type = INTEGER[format]
    return converter


def _partly_float(converter):
    """Leaves what has no integer kernel in float, and the ends, which may be among that."""
    converter.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    converter.inference_input_type = converter.inference_output_type = tf.float32
    return converter


def _reconvert_with_float_ops(data, model, representative):
    """An int8 file again with what `FLOAT_PARTS` names in float, if it has some of that."""
    names = [name for name in structure(data)["results"] if may_be_float(name)]
    if not names:
        return data
    converter = _converter(model, "int8", representative)
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_nodes=names, fully_quantize=True
    )
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=options,
    )
    return debugger.get_nondebug_quantized_model()


def _output_problems(found, expected, name, format, model):
    difference = np.abs(found - expected) / max(1.0, np.ptp(expected))
    if not np.isfinite(difference).all():
        return [f"its {name} is not finite"]
    worst = most_pixels(difference) if is_discontinuous(model) else difference.max()
    if worst > LARGEST.get(format, np.inf):
        return [f"its {name} differs from Keras by {worst:.2g}"]
    if difference.mean() > LARGEST_MEAN:
        return [f"its {name} differs from Keras by {difference.mean():.2g} on average"]
    return []


def _traced(model):
    """([batch-1 function of the model], an object that holds its variables and no Keras layer).

    With a dynamic batch some operations stay float, and saving every layer takes minutes.
    """

    names = inference_outputs(model)

    @tf.function(autograph=False)
    def run(**inputs):
        outputs = model(inputs, training=False)
        return {name: outputs[name] for name in names}

    specs = {
        name: tf.TensorSpec((1, *x.shape[1:]), tf.float32, name=name)
        for name, x in model.input.items()
    }
    holder = tf.Module()
    holder.held = model.variables
    return [run.get_concrete_function(**specs)], holder


@contextmanager
def _quietly():
    """Keeps back what the converter's C++ part writes, unless it fails."""
    sys.stdout.flush()
    own = [os.dup(descriptor) for descriptor in (1, 2)]
    with tempfile.TemporaryFile() as kept:
        for descriptor in (1, 2):
            os.dup2(kept.fileno(), descriptor)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(own[1], kept.read())
            raise
        finally:
            sys.stdout.flush()
            for descriptor, before in zip((1, 2), own, strict=True):
                os.dup2(before, descriptor)
                os.close(before)


def _check_representative(inputs):
    for name, values in inputs.items():
        if np.min(values) != 0.0 or np.max(values) != 1.0:
            raise ValueError(
                f"Every representative {name} has to reach from exactly 0 to exactly 1, else the "
                f"input's scale is not 1/255; they reach from {np.min(values):.3f} to "
                f"{np.max(values):.3f}."
            )


def float_network(options, size):
    """The network of the flags --model, --width, --num_classes and --weights, with its heads."""
    chosen = {"width": options.width, "num_classes": options.num_classes}
    build = {name: value for name, value in chosen.items() if value is not None}
    heads = create_model(options.model, (*size, 3), training_heads=True, **build)
    load_weights(heads, options.weights)
    return heads


def _models(options, formats):
    """{format: model} from the flags; the quantization-aware one only where it is needed."""
    heads = float_network(options, parse_size(options.size))
    models = dict.fromkeys(formats, without_heads(heads))
    if "int8_qat" in formats:
        if not options.qat_weights:
            raise ValueError("Format int8_qat needs --qat_weights; train them with --quantize.")
        # needs tensorflow-model-optimization, which other formats do not
        from keras_matting.quantization.qat import load_quantized

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
        names, size = models[formats[0]].input, parse_size(options.size)
        inputs = representative_inputs(names, *size, options.images)
        few = {name: values[:4] for name, values in inputs.items()}
        for format in formats:
            path = export(models[format], format, options.out, few, inputs)
            print(f"{path}  {path.stat().st_size / 1e6:.2f} MB", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def define_network_flags():
    flags.DEFINE_string("model", "modnet_mobilenetv2_mobile", "A name of list_models().")
    flags.DEFINE_string("weights", None, "Its float weights, a .weights.h5 file.", required=True)
    flags.DEFINE_float("width", None, "The width multiplier it was trained with.")
    flags.DEFINE_integer("num_classes", None, "Of BiSeNetV2: the classes it was trained with.")


def define_flags():
    define_network_flags()
    flags.DEFINE_string("qat_weights", None, "Quantization-aware weights, for int8_qat.")
    flags.DEFINE_string("size", "512x512", "HxW of the files, multiples of 32.")
    flags.DEFINE_string("format", "all", f"all, or some of {', '.join(FORMATS)}, with commas.")
    flags.DEFINE_string("images", None, "A folder of photographs to calibrate with.")
    flags.DEFINE_string("out", "build", "Folder to write to.")


if __name__ == "__main__":
    define_flags()
    app.run(main)
