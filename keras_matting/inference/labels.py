"""Label maps of networks with classes: prediction, palettes and coloured overlays.

labels = predict_labels(create_model("bisenetv2", (None, None, 3), weights=path), image)
"""

import io

import cv2
import numpy as np
from PIL import Image

from keras_matting.inference import input_sizes

# Cityscapes' 19 trained classes and their published colours
CITYSCAPES = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}


def has_classes(model) -> bool:
    """Return whether a model's result is a label map, not a matte."""
    outputs = getattr(model, "output", {})
    return "semantic" in outputs and "alpha" not in outputs


def predict_labels(model, image, size: tuple[int, int] | None = None):
    """Predict the class of each pixel of an image.

    Args:
        model: a Keras model of any input size with logits `semantic`, such as BiSeNetV2.
        image: (H, W, 3) RGB, uint8.
        size: (height, width) that the network sees; default: the image's, in multiples of 32.

    Returns:
        uint8 (H, W), class numbers. The logits are scaled to the image's size bilinearly.
    """
    from keras_matting.inference import compiled  # imports TensorFlow

    height, width = image.shape[:2]
    rows, columns = size or input_sizes.upwards(height, width, None)
    smaller = rows <= height and columns <= width
    kind = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    seen = cv2.resize(image.astype(np.float32) / 255.0, (columns, rows), interpolation=kind)
    logits = compiled.predict(model, {"image": seen[None]}, "semantic")[0]
    if (rows, columns) != (height, width):
        logits = cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)
    return logits.argmax(-1).astype(np.uint8)


def palette(classes: int):
    """Return uint8 (256, 3) colours of label numbers; Cityscapes' own for 19 classes."""
    numbers = np.arange(256)
    # PASCAL VOC's: the bits of a number, dealt out to the channels
    shifts = [sum(((numbers >> (3 * i + c)) & 1) << (7 - i) for i in range(3)) for c in range(3)]
    colours = np.stack(shifts, -1).astype(np.uint8)
    if classes == len(CITYSCAPES):
        colours[:classes] = list(CITYSCAPES.values())
        colours[255] = 0
    return colours


def overlay(image, labels, colours, share: float = 0.5):
    """Mix uint8 RGB (H, W, 3) with the colours of its labels; `share` is that of the colours."""
    return cv2.addWeighted(image, 1.0 - share, colours[labels], share, 0.0)


def encoded(labels, colours) -> bytes:
    """Return a PNG file with a palette, whose indices are the labels."""
    picture, out = Image.frombytes("P", labels.shape[::-1], labels.tobytes()), io.BytesIO()
    picture.putpalette(colours.tobytes())
    picture.save(out, "png")
    return out.getvalue()
