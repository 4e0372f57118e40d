"""Registry of all networks: `create_model("modnet_mobilenetv2")`, `list_models()`."""

import inspect
import json
from functools import partial

from keras_matting import pretrained, published, weights_files
from keras_matting.models import bgmv2, bisenetv2, dim, gca, gfm, modnet, ppmatting

METHODS = (bgmv2, bisenetv2, dim, gca, gfm, modnet, ppmatting)
TWINS = ("_bt", "_ft")  # GFM's networks of these have the same tensors
MODELS = {variant: method for method in METHODS for variant in method.VARIANTS}


def list_models():
    """Return the names that `create_model` accepts, sorted."""
    return sorted(MODELS)


def create_model(
    name, input_shape=(512, 512, 3), training_heads=False, weights: str | None = None, **options
):
    """Build a functional model that maps a dict of images to a dict of maps.

    All inputs and outputs are float32 in [0, 1], NHWC.

    Args:
        name: one of `list_models()`.
        input_shape: (H, W, 3); H and W are multiples of the method's stride, or None for any size.
        training_heads: also return the outputs that only the losses use.
        weights: None (random initialisation), "imagenet" (backbone only), "pretrained" or
            "pretrained:NAME" (weights that ship with the package, see
            `keras_matting.list_pretrained`; `options` default to theirs), "published:NAME" (fetched
            by `keras-matting weights fetch NAME`; `options` likewise), or the path of a .weights.h5
            file of this variant, saved with or without its training heads.
        options: options of the method, such as `width`, documented in the method's `build`.

    Raises:
        ValueError: unknown name or option, or weights that do not belong to this network.
        FileNotFoundError: the weights file does not exist, or has not been fetched.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; available: {', '.join(list_models())}")
    method = MODELS[name]
    known = {p.name: p.default for p in [*inspect.signature(method.build).parameters.values()][3:]}
    if unknown := set(options) - set(known):
        listed = ", ".join(known) or "none"
        raise ValueError(
            f"{name} does not take {', '.join(sorted(unknown))}; its options: {listed}"
        )
    if pretrained.is_named(weights):
        network = pretrained.of_variant(name, str(weights).partition(":")[2] or None)
        options = network["options"] | {k: v for k, v in options.items() if v is not None}
        weights = pretrained.weights_file(network)
    elif str(weights).startswith(published.PREFIX):
        source = str(weights).removeprefix(published.PREFIX)
        weights = published.weights_file(source, name)
        options = published.checkpoint(source).options | options
    build = partial(_network, method, name, input_shape, known | options)
    if weights is None:
        return build(training_heads)
    if weights != "imagenet":
        return load_weights(build(True), weights, training_heads)
    if not hasattr(method, "load_imagenet"):
        raise ValueError(
            f"keras.applications has no ImageNet weights for {name}; use weights.load_backbone "
            "with a published backbone checkpoint"
        )
    model = build(training_heads)
    method.load_imagenet(model, **options)
    return model


def _built(method, name, input_shape, training_heads, options):
    try:
        return method.build(name, input_shape, training_heads, **options)
    except ValueError as error:
        sides = [side for side in input_shape[:2] if side is not None]
        if any(side < 1 or side % method.STRIDE for side in sides):
            size = "x".join(map(str, sides))
            raise ValueError(
                f"{name} cannot be built for {size}: height and width have to be a multiple of "
                f"{method.STRIDE}"
            ) from error
        raise


def _network(method, name, input_shape, options, training_heads):
    model = _built(method, name, input_shape, training_heads, options)
    model = weights_files.derived(model, model.input, model.output)
    model.options = json.dumps(options, default=float)
    return model


def load_weights(model, path, training_heads=False):
    """Load a .weights.h5 file, saved with or without training heads, into a model that has them.

    Returns the model itself if `training_heads` is set, else the part without heads, which shares
    all variables. Raises FileNotFoundError if there is no such file, and ValueError if it cannot be
    read, belongs to another network or has no weights for the requested training heads.
    """
    content = weights_files.read(path)
    if content.variant is None and (twin := _twin(model.name)):
        raise ValueError(
            f"{path} does not say which variant it is of, and fits {model.name} and {twin} alike; "
            f"if it is of {model.name}, load it with model.load_weights and save it again with "
            "model.save_weights"
        )
    plain = without_heads(model)
    if content.mismatch(model) is None or content.mismatch(plain) is not None:
        weights_files.load(model, path)
    elif training_heads:
        raise ValueError(f"{path} has no weights for the training heads of {model.name}")
    else:
        weights_files.load(plain, path)
    return model if training_heads else plain


def _twin(name):
    """Return the variant whose network has the same tensors, or None."""
    for ending, other in (TWINS, TWINS[::-1]):
        if ending in name and name.replace(ending, other) in MODELS:
            return name.replace(ending, other)
    return None


def without_heads(model):
    """Return the model that is exported: inference outputs only, variables shared."""
    outputs = {name: model.output[name] for name in inference_outputs(model)}
    return weights_files.derived(model, model.input, outputs)


def inference_outputs(model) -> list[str]:
    """Return the names of the model's outputs, without those of its training heads."""
    known = MODELS[model.name].OUTPUTS if model.name in MODELS else ("alpha", "foreground")
    return [name for name in known if name in model.output]


def copy_layers(source, model):
    """Copy weights by layer name from `source`, a part of the same network, into `model`."""
    for layer in source.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model
