"""Flags that specify a network: a Keras model with its weights, or a .tflite file."""

import ast

from absl import flags

from keras_matting.inference import load, load_tflite
from keras_matting.pretrained import networks, tflite_file

DEFAULT = "portrait"
TRIMAP, CAPTURED = "trimap", "captured_background"  # with --trimap and --background
GROUP = ["network", "tflite", "model", "weights", "width", "option", "size"]


def define_model_flags():
    """Define --network, --model, --weights, --width, --option, --tflite and --size."""
    flags.DEFINE_string(
        "network",
        None,
        f"Name of a network that ships with the package, such as {DEFAULT}, the default.",
    )
    flags.DEFINE_string("model", None, "Name of a Keras model, see list_models().")
    flags.DEFINE_string("weights", None, "Weights of the Keras model, a .weights.h5 file.")
    flags.DEFINE_float("width", None, "Width multiplier that the model was trained with.")
    flags.DEFINE_multi_string(
        "option", [], "NAME=VALUE, a further option of create_model; may be repeated."
    )
    flags.DEFINE_string("tflite", None, "Exported .tflite file, instead of --model and --weights.")
    flags.DEFINE_integer(
        "size", None,
        "Side to which a Keras model scales photographs; default: as published, which for "
        "PP-Matting is 1536 with HRNet-W48 and 512 with W18.",
        lower_bound=32,
    )  # fmt: skip


def check_model_flags(options, default=DEFAULT):
    """Raise ValueError if the flags specify several models or contradict each other.

    `default` is the network of the package that is used if they specify none.
    """
    named = [flag for flag in ("network", "model", "tflite") if options[flag].value]
    if len(named) > 1:
        raise ValueError(f"--{named[0]} and --{named[1]} both specify a model; use one of them")
    if bool(options.model) != bool(options.weights):
        raise ValueError("specify --model together with --weights; see --help for examples")
    if not options.model and (options.size or options.width is not None or options.option):
        raise ValueError(
            "--size, --width and --option apply to --model only; they are fixed in a .tflite file"
        )
    if not options.model and not options.tflite:
        if not options.network and default not in networks():
            raise ValueError(
                f"the network {default} does not ship with this version; specify --tflite, or "
                "--model with --weights"
            )
        tflite_file(options.network or default)
    model_options(options)


def load_model(options, default=DEFAULT, training_heads=False):
    """Build or load the model that the flags specify."""
    if options.tflite:
        return load_tflite(options.tflite)
    if not options.model:
        return load(options.network or default)
    from keras_matting.models import create_model

    return create_model(
        options.model,
        (None, None, 3),
        training_heads,
        weights=options.weights,
        **model_options(options),
    )


def model_options(options):
    """Return the options of `create_model` that the flags specify."""
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
