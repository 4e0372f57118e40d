"""Turns a published checkpoint into a weights file for `create_model`.

    python -m keras_matting.weights modnet_photographic.ckpt modnet_mobilenetv2 modnet.weights.h5
    python -m keras_matting.weights dim.pdparams dim_vgg16_bilinear dim.weights.h5
    python -m keras_matting.weights model_final.pth bisenetv2 people.weights.h5 \\
        --option num_classes=2

CHECKPOINT is a file of PyTorch (.pth, .ckpt, .pt), Paddle (.pdparams), safetensors or NumPy (.npz);
neither PyTorch nor Paddle has to be installed, and no file can run code. MODEL is a name of
list_models(). docs/checkpoints.md lists where the checkpoints are, and their licences.

Whatever does not fit is listed by name, and then nothing is written. The weights file holds the
training heads where the checkpoint has them, so that training can go on.
"""

import ast
import sys
from pathlib import Path

from absl import flags

from keras_matting.atomic import replacing

# the other arguments of create_model, which the command chooses
CHOSEN = {"name", "input_shape", "training_heads", "weights"}


def convert(checkpoint, name, path, /, **options):
    """Writes the weights file and returns the model. ValueError and OSError in one sentence."""
    from keras_matting.models import create_model
    from keras_matting.weights import checkpoints, load_published

    if not str(path).endswith(".weights.h5"):
        raise ValueError(f"{path} does not end with .weights.h5, which Keras wants of weights.")
    if chosen := CHOSEN & set(options):
        raise ValueError(f"{', '.join(sorted(chosen))} is no option of a network; leave it out.")
    state = checkpoints.read(checkpoint)
    try:
        model = create_model(name, (None, None, 3), training_heads=True, **options)
    except TypeError as error:  # an option of the wrong type fails somewhere in the layers
        raise ValueError(f"{name} cannot be built with {options}: {error}.") from error
    try:
        load_published(model, state)
    except ValueError as error:
        model = create_model(name, (None, None, 3), **options)
        try:
            load_published(model, state)
        except ValueError:
            raise error from None
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        model.save_weights(temporary)
    return model


def parse_options(texts):
    """["num_classes=2"] -> {"num_classes": 2}; ValueError names what is no name=value."""
    options = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.isidentifier():
            raise ValueError(f"{text!r} is no option; write name=value.")
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            if not value.isidentifier():
                raise ValueError(f"{text!r} is no option; write name=value.") from None
            options[name] = value
    return options


def define_flags():
    flags.DEFINE_multi_string(
        "option", [], "name=value for create_model, as often as needed, such as num_classes=2."
    )


def main(argv):
    try:
        if len(argv) != 4:
            raise ValueError("Give CHECKPOINT MODEL OUT.weights.h5; --help shows examples.")
        checkpoint, name, path = argv[1:]
        model = convert(checkpoint, name, path, **parse_options(flags.FLAGS.option))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    heads = [key for key in model.output if key not in ("alpha", "foreground")]
    print(f"{path}: {model.count_params():,} numbers of {name}, heads {', '.join(heads) or 'none'}")
