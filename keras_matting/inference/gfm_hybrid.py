"""GFM's hybrid test: semantics from a third of the resolution, detail from half of it.

With `training_heads`, the network returns glance and focus. As in the published script, the glance
at 1/3 and the focus at 1/2 are enlarged to the image's size and merged there.
"""

import cv2
import numpy as np

from keras_matting.inference.input_sizes import part

GLANCE, FOCUS = 3, 2  # divisors of the image's sides


def check_hybrid(model):
    """Raise ValueError unless the model has one glance and one focus."""
    if model.name.endswith("_rim"):
        raise ValueError(f"{model.name} has no hybrid mode; leave it out")
    if not {"glance", "focus"} <= set(model.output):
        raise ValueError(f"the hybrid mode needs {model.name} built with training_heads=True")


def hybrid_alpha(model, image):
    """Return alpha float32 (H, W) of an image float32 (H, W, 3) in [0, 1]."""
    classes = np.argmax(_output(model, image, GLANCE, "glance"), -1).astype(np.float32)
    classes /= classes.dtype.type(2 if "_tt" in model.name else 1)
    glance = _enlarged(classes, image)
    focus = _enlarged(_output(model, image, FOCUS, "focus")[..., 0], image)
    if "_tt" in model.name:
        return np.where((glance == 0) | (glance == 1), glance, focus)
    if "_bt" in model.name:
        return np.maximum(glance - focus, 0)
    return np.minimum(glance + focus, 1)


def _output(model, image, divisor, name):
    height, width = part(*image.shape[:2], None, divisor)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(model({"image": small[None]}, training=False)[name])[0]


def _enlarged(x, image):
    return cv2.resize(x, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
