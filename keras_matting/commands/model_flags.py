"""Flags that specify a network: a Keras model with its weights, or a .tflite file."""

import ast

from absl import flags

from keras_matting.inference import load_tflite


def define_model_flags():
    """Define --model, --weights, --width, --option, --tflite and --size."""
    flags.DEFINE_string("model", None, "Name of a Keras model, see list_models().")
    flags.DEFINE_string("weights", None, "Weights of the Keras model, a .weights.h5 file.")
    flags.DEFINE_float("width", None, "Width multiplier that the model was trained with.")
    flags.DEFINE_multi_string(
        "option", [], "NAME=VALUE, a further option of create_model; may be repeated."
    )
    flags.DEFINE_string("tflite", None, "Exported .tflite file, instead of --model and --weights.")
    flags.DEFINE_integer(
        "size", None, "Side to which a Keras model scales photographs; default: as published.",
        lower_bound=32,
    )  # fmt: skip


def check_model_flags(options):
    """Raise ValueError unless the flags specify exactly one model."""
    if bool(options.tflite) == bool(options.model) or bool(options.model) != bool(options.weights):
        raise ValueError(
            "specify either --model with --weights, or --tflite; see --help for examples"
        )
    if options.tflite and (options.size or options.width is not None or options.option):
        raise ValueError(
            "--size, --width and --option apply to --model only; they are fixed in a .tflite file"
        )
    _model_options(options)


def load_model(options):
    """Build or load the model that the flags specify."""
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
    return values | parse_options(options.option)


def parse_options(texts):
    """Parse ["num_classes=2"] to {"num_classes": 2}; ValueError unless all are name=value."""
    options = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.isidentifier():
            raise ValueError(f"invalid option {text!r}; write name=value")
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            if not value.isidentifier():
                raise ValueError(f"invalid option {text!r}; write name=value") from None
            options[name] = value
    return options
