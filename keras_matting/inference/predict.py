"""Predict the alpha matte of a photograph of any size with a Keras model or a .tflite file.

alpha = predict_alpha(create_model("modnet_mobilenetv2", (None, None, 3), weights=path), image)
alpha = predict_alpha(create_model("gca", (None, None, 3), weights=path), image, trimap=trimap)
alpha = predict_alpha(load_tflite("modnet_mobilenetv2_512x512_int8.tflite"), image)
"""

from fnmatch import fnmatch

import cv2
import numpy as np

from keras_matting import colour_profiles
from keras_matting.inference import gfm_hybrid, input_sizes, tiles
from keras_matting.inference.edges import enlarge_along_edges
from keras_matting.inference.tflite import TFLiteModel, batched

BORDER = 32  # pixels on each side in GCA's demo
LARGE = 1 << 21  # pixels; larger images are reduced as bytes


def predict_alpha(
    model,
    image,
    reference_size: int | None = None,
    *,
    trimap=None,
    background=None,
    profile: bytes | None = None,
    refine_edges: bool | None = None,
    tiled: bool | None = None,
    mode: str | None = None,
):
    """Predict the alpha matte of an image.

    A model of any size gets the image scaled as in its published test code (`input_sizes.WAYS`). A
    model of fixed size gets the whole image, scaled to fit without distortion and padded by
    reflection on both sides; the padding is cropped off the matte. Squeezed faces and hair would
    differ from the training data, and constant bars would look like an object's edge. Downscaling
    averages areas, upscaling is bilinear or, if the network saw less than half of the image's
    resolution, follows its edges.

    Args:
        model: a Keras model from `create_model`, or a `TFLiteModel` from `load_tflite`.
        image: (H, W, 3) RGB, uint8 or float in [0, 1].
        reference_size: replaces the published side in pixels, for models of any size.
        trimap: (H, W) or (H, W, 1), uint8 {0, 128, 255}, if the model takes one. Known pixels get
            alpha 0 and 1, as in the published tests.
        background: like `image`, in sRGB, if the model takes one.
        profile: ICC profile of a uint8 image; the network sees sRGB.
        refine_edges: enlarge the matte along the image's edges (`enlarge_along_edges`). None: only
            that of a model of fixed size, to more than twice its size.
        tiled: run a trimap-based model at the image's resolution in overlapping tiles, where the
            trimap is unknown (`tiles`). None: only if the whole image would take too much memory.
        mode: the second mode of a published script: "border" for GCA's demo, which adds 32 pixels
            on each side, "hybrid" for GFM's, which takes semantics from a third of the resolution
            and detail from half; the model needs its training heads.

    Returns:
        float32 (H, W) in [0, 1].

    Raises:
        ValueError: inputs are missing, unexpected or of another shape, type or range, or the matte
            is not finite; the model has no such mode, or the image is too large for it.
    """
    inputs = {"image": _checked_image(image, "image")}
    if trimap is not None:
        inputs["trimap"] = _float_trimap(trimap)
    if background is not None:
        inputs["background"] = _checked_image(background, "background")
    check_call(model, inputs.keys() - {"image"}, reference_size)
    height, width = inputs["image"].shape[:2]
    for name, x in inputs.items():
        if x.shape[:2] != (height, width):
            raise ValueError(
                f"{name} is {x.shape[0]}x{x.shape[1]}, but image is {height}x{width} "
                "(height x width); sizes must match"
            )
    _check_mode(model, mode)
    if _needs_tiles(model, height, width, tiled):
        alpha = _through_tiles(model, inputs, profile)
    elif mode == "hybrid":
        alpha = gfm_hybrid.hybrid_alpha(model, _as_float(_in_srgb(inputs["image"], profile)))
    else:
        alpha = _through(model, inputs, reference_size, profile, refine_edges, mode)
    if not np.isfinite(alpha).all():
        raise ValueError("the matte is not finite; the model's weights are damaged or untrained")
    alpha = np.clip(alpha, 0.0, 1.0)
    if trimap is not None:
        alpha[inputs["trimap"] == 0.0] = 0.0
        alpha[inputs["trimap"] == 1.0] = 1.0
    return alpha


def check_call(model, given=(), reference_size=None):
    """Raise ValueError unless the model returns alpha and takes an image and the inputs `given`.

    Also raises if a `reference_size` is given but the model's input size cannot be changed.
    """
    needed = set(input_names(model)) - {"image"}
    name = getattr(model, "name", "the model")
    if missing := needed - set(given):
        listed = " and a ".join(sorted(missing))
        raise ValueError(f"{name} needs a {listed} in addition to the image; pass --{min(missing)}")
    if unexpected := set(given) - needed:
        raise ValueError(f"{name} takes no {' and no '.join(sorted(unexpected))}; leave it out")
    if not isinstance(model, TFLiteModel) and "alpha" not in model.output:
        raise ValueError(f"{name} has no output alpha; build BiSeNetV2 with num_classes=2")
    if reference_size is None:
        return
    if None not in _input_size(model) or input_sizes.way(name).get("reference") is None:
        raise ValueError(
            f"the input size of {name} cannot be changed; leave out reference_size (--size)"
        )


def input_names(model):
    """Return the names of the model's inputs: "image" and possibly "trimap" or "background"."""
    return model.input_names if isinstance(model, TFLiteModel) else tuple(model.input)


def _input_size(model):
    if isinstance(model, TFLiteModel):
        return model.input_size
    return tuple(model.input["image"].shape[1:3])


def _check_mode(model, mode):
    if mode is None:
        return
    patterns = {"border": "gca*", "hybrid": "gfm_*"}
    if mode not in patterns:
        raise ValueError(f"unknown mode {mode!r}; use one of {', '.join(patterns)}")
    if not fnmatch(model.name, patterns[mode]) or None not in _input_size(model):
        raise ValueError(f"{model.name} has no {mode} mode; leave it out")
    if mode == "hybrid":
        gfm_hybrid.check_hybrid(model)


def _needs_tiles(model, height, width, tiled):
    """Return whether a model runs in tiles; raise ValueError if it cannot do what is asked for."""
    fixed = _input_size(model)
    if "trimap" not in input_names(model):
        if tiled:
            raise ValueError(f"{model.name} takes no trimap, so it cannot run in tiles")
        return False
    if None not in fixed:
        return bool(tiled) and height >= fixed[0] and width >= fixed[1]
    largest = tiles.tiles_of(model.name)["untiled"]
    too_large = largest is not None and height * width > largest
    if too_large and tiled is False:
        raise ValueError(
            f"{height}x{width} pixels at once take too much memory in {model.name}; use tiles"
        )
    return too_large or bool(tiled)


def _through_tiles(model, inputs, profile):
    """Return alpha (H, W) of the model, run at the inputs' resolution in tiles."""
    height, width = inputs["image"].shape[:2]
    fixed, margin = _input_size(model), tiles.tiles_of(model.name)["margin"]
    sides = (tiles.SIDE, tiles.SIDE)
    if None not in fixed:
        sides, margin = fixed, min(margin, min(fixed) // 4)
    inputs["image"] = _in_srgb(inputs["image"], profile)
    borders = (0, -height % tiles.STRIDE, 0, -width % tiles.STRIDE)
    border = cv2.BORDER_REFLECT_101
    padded = {name: cv2.copyMakeBorder(x, *borders, border) for name, x in inputs.items()}

    def run(tile):
        return _run(model, {name: _as_float(x) for name, x in tile.items()})

    return tiles.run_tiled(run, padded, sides, margin)[:height, :width]


def _through(model, inputs, reference_size, profile, refine_edges, mode):
    """Scale or pad inputs of one size for the model; return alpha (H, W) at their size."""
    original = inputs["image"]
    height, width = original.shape[:2]
    fixed, way = _input_size(model), input_sizes.way(model.name)
    window, borders, shrink = (height, width), (0, 0, 0, 0), way.get("shrink")
    if None not in fixed:
        window, borders = letterbox(height, width, *fixed)
        shrink = cv2.INTER_AREA
        if window[0] < height and height * width > LARGE:
            # as bytes: several times as fast, and within half a byte of averages of floats
            inputs = {name: _resize(x, *window, shrink) for name, x in inputs.items()}
    elif "size" in way:
        window = way["size"](height, width, reference_size or way["reference"])
    if None in fixed and "multiple" in way:
        extra = BORDER if mode == "border" else 0
        below, right = (-side % way["multiple"] for side in window)
        borders = (extra, below + extra, extra, right + extra)
    inputs["image"] = _in_srgb(inputs["image"], profile)
    inputs = {name: _resize(_as_float(x), *window, shrink) for name, x in inputs.items()}
    if None not in fixed and "trimap" in inputs:
        # keeps unknown strips that are now narrower than a pixel
        level = np.rint(255.0 * inputs["trimap"])
        known = (level == 0) | (level == 255)
        inputs["trimap"] = np.where(known, level, 128.0).astype(np.float32) / np.float32(255)
    border = cv2.BORDER_REFLECT_101
    inputs = {name: cv2.copyMakeBorder(x, *borders, border) for name, x in inputs.items()}
    top, left = borders[0], borders[2]
    alpha = _run(model, inputs)[top : top + window[0], left : left + window[1]]
    if refine_edges is None:
        # published test code enlarges bilinearly
        ours = None not in fixed or model.name.endswith("_mobile")
        refine_edges = ours and 2 * window[0] < height and 2 * window[1] < width
    if refine_edges and window[0] < height and window[1] < width:
        return enlarge_along_edges(alpha, original)
    return _resize(alpha, height, width, shrink)


def _in_srgb(image, profile):
    if colour_profiles.is_srgb(profile):
        return image
    return colour_profiles.to_srgb(image, profile)


def letterbox(height, width, fixed_height, fixed_width):
    """Return the largest size of this shape that fits, and padding (top, bottom, left, right)."""
    scale = min(fixed_height / height, fixed_width / width)
    window = (
        min(max(round(height * scale), 1), fixed_height),
        min(max(round(width * scale), 1), fixed_width),
    )
    rows, columns = fixed_height - window[0], fixed_width - window[1]
    return window, (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)


def _run(model, inputs):
    if isinstance(model, TFLiteModel):
        return model(inputs)
    from keras_matting.inference import compiled  # imports TensorFlow

    return compiled.predict(model, batched(inputs))[0, ..., 0]


def _checked_image(image, name):
    """Return an image as uint8 or float32; raise ValueError on other values."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"{name} has shape {image.shape}; pass RGB of shape (H, W, 3)")
    if image.dtype == np.uint8:
        return image
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"{name} is {image.dtype}; pass uint8, or float in [0, 1]")
    if not (image.min() >= 0.0 and image.max() <= 1.0):
        raise ValueError(f"{name} is float up to {image.max()}; pass values in [0, 1]")
    return image.astype(np.float32)


def _as_float(x):
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x


def _float_trimap(trimap):
    """Convert to float; 128/255 counts as 0.5 in networks and scales as published trimaps do."""
    trimap = np.asarray(trimap)
    if trimap.ndim == 3 and trimap.shape[2] == 1:
        trimap = trimap[..., 0]
    if trimap.ndim != 2 or trimap.size == 0:
        raise ValueError(f"trimap has shape {trimap.shape}; pass (H, W) or (H, W, 1)")
    if trimap.dtype != np.uint8 or not np.isin(trimap, (0, 128, 255)).all():
        raise ValueError("trimap must be uint8 with values 0, 128 and 255; convert it first")
    return trimap.astype(np.float32) / np.float32(255)


def _resize(x, height, width, shrink):
    if x.shape[:2] == (height, width):
        return x
    shrinks = height <= x.shape[0] and width <= x.shape[1]
    return cv2.resize(x, (width, height), interpolation=shrink if shrinks else cv2.INTER_LINEAR)
