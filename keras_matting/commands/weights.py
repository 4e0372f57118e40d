"""Convert a published checkpoint to a weights file for `create_model`.

    keras-matting weights modnet_photographic.ckpt modnet_mobilenetv2 modnet.weights.h5
    keras-matting weights dim.pdparams dim_vgg16_bilinear dim.weights.h5
    keras-matting weights model_final.pth bisenetv2 people.weights.h5 \\
        --option num_classes=2

CHECKPOINT is a file of PyTorch (.pth, .ckpt, .pt), Paddle (.pdparams), safetensors or NumPy (.npz).
Neither PyTorch nor Paddle has to be installed, and a checkpoint cannot run code. MODEL is a name
from list_models(). `keras-matting weights list` shows published checkpoints, `weights fetch NAME`
downloads and converts one; docs/checkpoints.md has the licences.

Tensors that do not match are listed by name, and nothing is written. If the checkpoint has training
heads, so does the weights file, which can then be trained further.
"""

import sys
from pathlib import Path

from absl import flags

from keras_matting.commands.model_flags import parse_options

# arguments of create_model that the command sets itself
CHOSEN = {"name", "input_shape", "training_heads", "weights"}


def convert(checkpoint, name, path, /, **options):
    """Convert a checkpoint to a .weights.h5 file and return the model.

    `options` are passed to `create_model`. Raises ValueError and OSError with one-line messages.
    """
    from keras_matting import weights_files
    from keras_matting.models import create_model
    from keras_matting.weights import checkpoints, load_published

    if not str(path).endswith(".weights.h5"):
        raise ValueError(f"{path} must end with .weights.h5, as Keras requires for weights")
    if chosen := CHOSEN & set(options):
        raise ValueError(f"{', '.join(sorted(chosen))} cannot be set here; leave it out")
    state = checkpoints.read(checkpoint)
    try:
        model = create_model(name, (None, None, 3), training_heads=True, **options)
    except TypeError as error:  # an option of the wrong type fails somewhere in the layers
        raise ValueError(f"{name} cannot be built with {options}: {error}") from error
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
    weights_files.save(model, path)
    return model


def define_flags():
    flags.DEFINE_multi_string(
        "option", [], "name=value for create_model, such as num_classes=2; may be repeated."
    )


def main(argv):
    try:
        if len(argv) != 4:
            raise ValueError("specify CHECKPOINT MODEL OUT.weights.h5; see --help for examples")
        checkpoint, name, path = argv[1:]
        model = convert(checkpoint, name, path, **parse_options(flags.FLAGS.option))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    heads = [key for key in model.output if key not in ("alpha", "foreground")]
    heads = ", ".join(heads) or "none"
    print(f"{path}: {name}, {model.count_params():,} parameters, training heads: {heads}")
