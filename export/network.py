"""The flags that specify the network of exported files, and the network itself."""

import sys

from absl import flags

from export import dead_channels
from keras_matting.commands.model_flags import parse_options
from keras_matting.models import create_model, load_weights
from keras_matting.weights_files import named


def define_flags():
    flags.DEFINE_string("model", "modnet_mobilenetv2_mobile", "A name of list_models().")
    flags.DEFINE_string("weights", None, "Its float weights, a .weights.h5 file.", required=True)
    flags.DEFINE_float("width", None, "The width multiplier that it was trained with.")
    flags.DEFINE_integer(
        "num_classes", None, "Of BiSeNetV2: the number of classes that it was trained with."
    )
    flags.DEFINE_multi_string(
        "option", [], "NAME=VALUE, a further option of create_model; may be repeated."
    )


def model_options(options) -> dict:
    """Return the options of `create_model` that the flags specify."""
    chosen = {"width": options.width, "num_classes": options.num_classes}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    return chosen | parse_options(options.option)


def build(options, size):
    """Return the network of the flags with its training heads and weights."""
    heads = create_model(options.model, (*size, 3), training_heads=True, **model_options(options))
    return loaded(heads, options.weights)


def loaded(heads, path):
    """Load weights into a network with training heads, settle its dead channels and return it."""
    load_weights(heads, path)
    if settled := dead_channels.settle(heads):
        print(
            f"{path} has channels with a running variance of 0, which become constant: "
            f"{named(settled)}",
            file=sys.stderr,
        )
    return heads


def quantized(heads, path):
    """Return what `build` returned as int8_qat exports it, with quantization-aware weights."""
    # needs tensorflow-model-optimization, which other formats do not
    from keras_matting.quantization.qat import load_quantized

    return load_quantized(heads, path)
