"""What the backbone of a network starts from: --backbone imagenet, a file, or none."""

import json

import numpy as np

from keras_matting import pretrained, published
from keras_matting.models import MODELS, create_model
from keras_matting.weights import load_backbone

DEFAULT = "default"  # imagenet, where there is a published backbone


def start(model, choice, held_out=None):
    """Load the backbone of `model`: "imagenet", DEFAULT, "none", or the path of a checkpoint.

    "pretrained:NAME" is the backbone of a network that ships, which has to be of the same kind.
    The images of `held_out`, validation batches, set the statistics of a quantised file's norms.
    ValueError or FileNotFoundError that names the file and its address if it cannot be had.
    """
    if choice == "none":
        return
    row = published.backbone_of(model.name)
    if choice == DEFAULT and row is None:
        print(f"No published backbone fits {model.name}: random weights.", flush=True)
    elif choice in (DEFAULT, "imagenet"):
        _imagenet(model, row)
    elif pretrained.is_named(choice):
        _shipped(model, choice)
    else:
        pictures = None
        if held_out:
            pictures = np.concatenate([inputs["image"] for inputs, _ in held_out.take(8)])
        load_backbone(model, choice, pictures)


def _imagenet(model, row):
    if row is None:
        raise ValueError(f"no published backbone fits {model.name}: use --backbone none.")
    if row.file != published.APPLICATIONS:
        raise FileNotFoundError(
            f"{model.name} starts from {row.file}, which keras.applications does not have: "
            f"download it from {row.url} and name it with --backbone, or train from random "
            "weights with --backbone none."
        )
    try:
        MODELS[model.name].load_imagenet(model, **json.loads(getattr(model, "options", "{}")))
    except FileNotFoundError as error:
        message = f"{error}; --backbone none trains from random weights."
        raise FileNotFoundError(message) from error


def _shipped(model, choice):
    name, network = pretrained.start(choice, MODELS)
    source = create_model(
        network["variant"], (None, None, 3), True, weights=name, **network["options"]
    )
    theirs = {layer.name: layer.get_weights() for layer in source.layers}
    ours = [layer for layer in model.layers if layer.weights and layer.name.startswith("backbone_")]
    shapes = [[np.shape(x) for x in theirs.get(layer.name, [])] for layer in ours]
    if not ours or shapes != [[tuple(x.shape) for x in layer.weights] for layer in ours]:
        raise ValueError(
            f"--backbone {choice}: the backbone of {network['variant']} does not fit {model.name}."
        )
    for layer in ours:
        layer.set_weights(theirs[layer.name])
