"""Every network by name: `create_model("modnet_mobilenetv2")`, `list_models()`."""

import inspect
from functools import partial
from pathlib import Path

from tensorflow import keras

from keras_matting.models import bgmv2, bisenetv2, dim, gca, gfm, modnet, ppmatting

METHODS = (bgmv2, bisenetv2, dim, gca, gfm, modnet, ppmatting)
MODELS = {variant: method for method in METHODS for variant in method.VARIANTS}


def list_models():
    """The names that `create_model` knows, sorted."""
    return sorted(MODELS)


def create_model(
    name, input_shape=(512, 512, 3), training_heads=False, weights: str | None = None, **options
):
    """A functional model: dict of images in, dict of maps out, both float32 [0, 1] NHWC.

    `input_shape` (H, W, 3), multiples of the method's stride, or None for any size.
    `training_heads` adds the outputs that only losses see. `weights`: None (random), "imagenet"
    (backbone only), or a .weights.h5 file of this variant, written with its training heads or
    without. `options` are the method's own, such as `width`; its file says which.

    Raises ValueError on an unknown name or option, FileNotFoundError and ValueError on weights that
    are missing or belong to another network.
    """
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}; known are {', '.join(list_models())}.")
    method = MODELS[name]
    known = list(inspect.signature(method.build).parameters)[3:]
    if unknown := set(options) - set(known):
        listed = ", ".join(known) or "none"
        raise ValueError(f"{name} has no option {', '.join(sorted(unknown))}; it has {listed}.")
    build = partial(method.build, name, input_shape, **options)
    if weights is None:
        return build(training_heads)
    if weights != "imagenet":
        return load_weights(build(True), weights, training_heads)
    if not hasattr(method, "load_imagenet"):
        raise ValueError(
            f"keras.applications has no ImageNet weights for {name}; take those of a published "
            "backbone through weights.load_backbone."
        )
    model = build(training_heads)
    method.load_imagenet(model, **options)
    return model


def load_weights(model, path, training_heads=False):
    """Fills a model that has training heads from a .weights.h5 file that may lack theirs.

    Returns it, or its part without heads, which shares every variable.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no weights file {path}.")
    plain = without_heads(model)
    for target in (model, plain):
        try:
            target.load_weights(path)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0]
        else:
            if target is plain and training_heads:
                raise ValueError(f"{path} lacks the training heads of {model.name}.")
            return model if training_heads else plain
    raise ValueError(
        f"{path} does not hold the weights of {model.name} as built here (same variant, same "
        f"options?): {reason}"
    )


def without_heads(model):
    """The part of a model that is exported: the outputs that inference returns, weights shared."""
    outputs = {key: model.output[key] for key in MODELS[model.name].OUTPUTS if key in model.output}
    return keras.Model(model.input, outputs, name=model.name)


def inference_outputs(model) -> list[str]:
    """The names of what is exported: a model's outputs but for its training heads'."""
    known = MODELS[model.name].OUTPUTS if model.name in MODELS else ("alpha", "foreground")
    return [name for name in known if name in model.output]


def copy_layers(source, model):
    """Copies weights into `model` from `source`, a part of the same network, by layer name."""
    for layer in source.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model
