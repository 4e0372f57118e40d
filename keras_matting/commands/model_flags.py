"""The flags that name a network: a Keras model with its weights, or a .tflite file."""

import ast

from absl import flags

from keras_matting.inference import load_tflite


def define_model_flags():
    flags.DEFINE_string("model", None, "Name of a Keras model, as in create_model.")
    flags.DEFINE_string("weights", None, "Its weights, a .weights.h5 file.")
    flags.DEFINE_float("width", None, "The width multiplier it was trained with.")
    flags.DEFINE_multi_string(
        "option", [], "NAME=VALUE, another option of create_model; may be repeated."
    )
    flags.DEFINE_string("tflite", None, "An exported file, instead of --model and --weights.")
    flags.DEFINE_integer(
        "size", None, "Side at which a Keras model sees photographs; default: the published one.",
        lower_bound=32,
    )  # fmt: skip


def check_model_flags(options):
    """ValueError on flags that name no model, or two."""
    if bool(options.tflite) == bool(options.model) or bool(options.model) != bool(options.weights):
        raise ValueError("Give either --model with --weights, or --tflite; --help shows examples.")
    if options.tflite and (options.size or options.width is not None or options.option):
        raise ValueError(
            "--size, --width and --option are for --model; a .tflite file has its own."
        )
    _model_options(options)


def load_model(options):
    """The model that the flags name."""
    if options.tflite:
        return load_tflite(options.tflite)
    from keras_matting.models import create_model

    return create_model(
        options.model, (None, None, 3), weights=options.weights, **_model_options(options)
    )


def _model_options(options):
    values = {} if options.width is None else {"width": options.width}
    if (options.model or "").startswith("bisenetv2"):
        values["num_classes"] = 2
    for option in options.option:
        name, equals, value = option.partition("=")
        if not equals:
            raise ValueError(f"--option {option} is not of the form NAME=VALUE.")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):  # a word
            values[name] = value
    return values
