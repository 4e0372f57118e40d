r"""Convert a Keras model to .tflite files, each checked in an interpreter before it is written.

    keras-matting export --weights float.weights.h5 --format int8 --images photographs
    keras-matting export --model bgmv2_mobilenetv2 --weights refined.weights.h5 --size 720x1280 \
        --format float32,int8 --option refine_mode=sampling --option refine_sample_pixels=80000
    keras-matting export --model modnet_mobilenetv2_mobile --weights float.weights.h5 \
        --size 512x512 --format all --qat-weights qat.weights.h5 --out build

Writes modnet_mobilenetv2_mobile_512x512_<format>.tflite, signature image (and trimap, or
background) -> alpha (and foreground, or semantic), for

    float32   as Keras computes it, reordered where that is faster (`export.premix_upsampling`)
    float16   float16 weights, the smallest 8 % of them float32
    dynamic   int8 weights, float arithmetic
    int8      full integers, ranges from calibration (--images, or synthetic composites)
    int8_qat  full integers, ranges and weights from quantization-aware training (--qat_weights)
    int16x8   int8 weights, 16-bit activations; in networks that choose between values, inputs,
              outputs and operations without a 16-bit kernel, such as selections, stay float
    int8_float_ends  int8_qat with float32 inputs and outputs, for hosts without int8 tensors
              (browsers); the file quantises and dequantises, and stretches its alpha to 1

The int8 formats take the bytes of a bitmap minus 128 (scale 1/255, zero point -128) and return an
alpha of scale 1/256; they contain no float tensors except those in `export.promises.FLOAT_PARTS`.
The bytes of a trimap are 0, 128 and 255: unknown is 128/255 instead of 1/2, which every network
treats alike.

Each file has metadata that describe it and its inputs and outputs (`export.metadata`), and a
checksum (`keras_matting.inference.checksum`).
"""

import logging as python_logging
import sys
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags, logging

from export import flatbuffer, metadata, network, samples
from export.float16 import halve_large_weights
from export.interpreters import Exported, structure
from export.io_scales import set_io_scales, stretch_float_alpha
from export.premix_upsampling import mixed_before_upsampling
from export.promises import (
    LARGEST_MEAN,
    ROUNDING,
    differences,
    exceeded,
    has_float_parts,
    is_discontinuous,
    kernels_differ,
    may_be_float,
    promises_broken,
)
from keras_matting import native_messages
from keras_matting.atomic import write_bytes
from keras_matting.commands import start
from keras_matting.models import inference_outputs, without_heads

FORMATS = ("float32", "float16", "dynamic", "int8", "int8_qat", "int8_float_ends", "int16x8")
FROM_QAT = ("int8_qat", "int8_float_ends")  # formats of the quantization-aware model
# the inputs' and outputs' types of files with integers inside
INTEGER = dict(int8=tf.int8, int8_qat=tf.int8, int8_float_ends=tf.float32, int16x8=tf.int16)
FEW = 16  # photographs to calibrate with
# Passes over the converter's file, parsed once; `metadata.describe` always comes last.
PASSES = {
    "float16": [halve_large_weights],
    "int8": [set_io_scales],
    "int8_float_ends": [stretch_float_alpha],
}


def convert(model, format, representative=None) -> bytes:
    """Convert a model of fixed size to a .tflite file.

    `model` is float, or for `FROM_QAT` what `quantization.deployment` returns. The signature has
    its inputs' and outputs' names. `representative`: {input: (N, H, W, C) in [0, 1]} calibrates
    int8 and int16x8, and each input has to reach from 0 to 1; default: `representative_inputs`.
    ValueError: unknown format, open size.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    size = size_of(model)
    if format in ("int8", "int16x8"):
        if representative is None:
            representative = representative_inputs(model.input, *size)
        _check_representative(representative)
    # it transposes maps, which suits CPUs; float16 is for GPUs, mobile variants for accelerators
    if format == "float32" and not model.name.endswith("_mobile"):
        model = mixed_before_upsampling(model)
    with native_messages.hidden(1, 2, shown_on_error=True):
        data = _converted(model, format, representative)
    calibrated = len(representative["image"]) if format in ("int8", "int16x8") else None
    describe = partial(metadata.describe, model=model, calibrated=calibrated)
    passes = [*PASSES.get(format, []), describe]
    return flatbuffer.edit(data, *passes, attached=metadata.attachments(model))


def _converted(model, format, representative):
    converter = _converter(model, format, representative)
    if format == "int8" and has_float_parts(model):
        return _with_float_parts(converter)
    try:
        return converter.convert()
    except RuntimeError as error:
        if format != "int16x8" or "not yet supported" not in str(error):
            raise
    return _partly_float(_converter(model, format, representative)).convert()


def representative_inputs(names, height, width, folder=None, count=32, kind=None) -> dict:
    """Return {name: (N, H, W, C) float32 in [0, 1]}, each with a 0 and a 1, to calibrate with.

    They come from the photographs of `folder`, which are behind drawn figures if the network needs
    a trimap or background, or from `count` synthetic composites (`kind` as in `samples.synthetic`).
    ValueError as `samples.photographs`, and if the photographs have a single colour. Logs when
    there are few photographs.
    """
    if folder and set(names) == {"image"}:
        chosen = samples.photographs(height, width, folder)
    elif folder:
        chosen = samples.behind_figures(height, width, folder, kind=kind)
    else:
        chosen = samples.synthetic(height, width, count, 0, kind)
    if folder:
        _check_photographs(chosen, folder)
    inputs = samples.stacked(samples.usable(chosen, names), names)
    for values in inputs.values():
        values[:, 0, 0], values[:, 0, 1] = 0.0, 1.0  # so that the input's scale is 1/255
    return inputs


def check(data, model, format, inputs):
    """Compare a file with Keras `model` on `inputs` {name: (N, H, W, C)}; ValueError if it is bad.

    For `FROM_QAT` `model` is the quantization-aware one, and XNNPACK and TFLite's own kernels have
    to agree on the file. `export.promises` has the limits.
    """
    problems = promises_broken(data, format)
    if not problems:
        # eager, because tracing takes longer for so few images
        expected = model(inputs, training=False)
        found = Exported(data)(inputs)
        for name, values in found.items():
            reference = expected[name].numpy()
            problems += _output_problems(values, reference, name, format, is_discontinuous(model))
        if format in FROM_QAT:
            problems += kernels_differ(data, format, inputs, is_discontinuous(model))
    if problems:
        raise ValueError(
            f"the {format} file of {model.name} was not written because {' and '.join(problems)}; "
            "try another format, or a variant made for integers"
        )


def size_of(model) -> tuple[int, int]:
    """Return (height, width) of a model; ValueError if they are not fixed."""
    height, width = model.input["image"].shape[1:3]
    if None in (height, width):
        raise ValueError(f"{model.name} has no fixed size; build it with input_shape=(H, W, 3)")
    return height, width


def export(model, format, folder, inputs, representative=None) -> Path:
    """Convert, check on `inputs` and write `<name>_<HxW>_<format>.tflite` into `folder`."""
    data = convert(model, format, representative)
    check(data, model, format, inputs)
    height, width = size_of(model)
    path = Path(folder) / f"{model.name}_{height}x{width}_{format}.tflite"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    return path


def parse_size(text) -> tuple[int, int]:
    """Parse a size, height first: '512x384' -> (512, 384)."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdigit() and int(side) > 0 for side in sides):
        raise ValueError(f"invalid size {text!r}; write it HxW, such as 512x512")
    return int(sides[0]), int(sides[1])


def _converter(model, format, representative):
    """Return a converter, which can be used only once."""
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
    """Keep operations without an integer kernel in float, and inputs and outputs with them."""
    converter.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    converter.inference_input_type = converter.inference_output_type = tf.float32
    return converter


def _with_float_parts(converter):
    """Convert to int8 except the operations of `FLOAT_PARTS`, calibrating once.

    Their names are those in an int8 file, so the calibrated model is quantised twice.
    """
    options = partial(tf.lite.experimental.QuantizationDebugOptions, fully_quantize=True)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=options(),
    )
    names = structure(debugger.get_nondebug_quantized_model())["results"]
    debugger.options = options(denylisted_nodes=[name for name in names if may_be_float(name)])
    return debugger.get_nondebug_quantized_model()


def _output_problems(found, expected, name, format, discontinuous):
    if not np.isfinite(found).all():
        return [f"its {name} is not finite"]
    numbers = differences(found, expected)
    if worst := exceeded(ROUNDING, format, numbers, discontinuous):
        return [f"its {name} differs from Keras by {worst[1]:.2g}"]
    if numbers["mean_difference"] > LARGEST_MEAN:
        mean = numbers["mean_difference"]
        return [f"its {name} differs from Keras by {mean:.2g} on average"]
    return []


def _traced(model):
    """Return [the model as a function of a batch of 1], and an object that holds its variables.

    With a dynamic batch some operations would stay float, and saving every layer takes minutes.
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


def _check_photographs(photographs, folder):
    pixels = np.stack([photograph["image"] for photograph in photographs]).reshape(-1, 3)
    if not np.ptp(pixels, axis=0).any():
        raise ValueError(
            f"the pictures in {folder} have a single colour, which calibrates nothing; specify "
            "photographs as --images"
        )
    if len(photographs) < FEW:
        warning = "pictures in %s to calibrate with: %d; ranges are better from %d or more"
        python_logging.getLogger(__name__).warning(warning, folder, len(photographs), FEW)


def _check_representative(inputs):
    for name, values in inputs.items():
        if np.min(values) != 0.0 or np.max(values) != 1.0:
            raise ValueError(
                f"every representative {name} has to range from exactly 0 to exactly 1, or the "
                f"input's scale is not 1/255; they range from {np.min(values):.3f} to "
                f"{np.max(values):.3f}"
            )


def _models(options, formats):
    """Return {format: model} of the flags, the quantization-aware one for `FROM_QAT`."""
    heads = network.build(options, parse_size(options.size))
    models = dict.fromkeys(formats, without_heads(heads))
    if quantised := [format for format in formats if format in FROM_QAT]:
        if not options.qat_weights:
            wanted = quantised[0]
            raise ValueError(f"format {wanted} needs --qat_weights; train them with --quantize")
        models |= dict.fromkeys(quantised, network.quantized(heads, options.qat_weights))
    return models


def _chosen(options):
    if options.format == "all":
        return [f for f in FORMATS if f not in FROM_QAT or options.qat_weights]
    return options.format.split(",")


def main(_):
    options = flags.FLAGS
    logging.set_verbosity(logging.ERROR)  # the converter reports every temporary file
    tf.get_logger().setLevel("ERROR")
    try:
        formats = _chosen(options)
        if unknown := set(formats) - set(FORMATS):
            raise ValueError(f"unknown format {', '.join(unknown)}; see --help")
        models = _models(options, formats)
        names, size = models[formats[0]].input, parse_size(options.size)
        inputs = representative_inputs(names, *size, options.images)
        few = {name: values[:4] for name, values in inputs.items()}
        for format in formats:
            path = export(models[format], format, options.out, few, inputs)
            print(f"{path}  {path.stat().st_size / 1e6:.2f} MB", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def define_flags():
    network.define_flags()
    flags.adopt_module_key_flags(network)  # so that --help lists them
    used = " and ".join(FROM_QAT)
    flags.DEFINE_string("qat_weights", None, f"Quantization-aware weights, for {used}.")
    flags.DEFINE_string(
        "size", "512x512", "HxW of the files, multiples of 32; with Background Matting, of 4."
    )
    flags.DEFINE_string("format", "all", f"all, or a comma-separated list of {', '.join(FORMATS)}.")
    flags.DEFINE_string("images", None, "Folder of photographs to calibrate with.")
    flags.DEFINE_string("out", "build", "Folder to write to.")


if __name__ == "__main__":
    start(sys.modules[__name__])
