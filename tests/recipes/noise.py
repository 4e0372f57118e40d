"""One batch of noise in place of a recipe's data, where a test is about the training step.

Drawing and augmenting figures, and validation, take most of the time of such short runs.
"""

import numpy as np
import tensorflow as tf

from keras_matting.training.sources import Data

SIDE = 32  # pixels


def noise(options, *given, **_):
    """Data without validation, for `sources.composites`; the last argument is `targets`."""
    colours = np.random.default_rng(0).random((3, 2, SIDE, SIDE, 3), np.float32)
    ramp = np.clip(np.linspace(-1, 2, SIDE, dtype=np.float32), 0, 1)
    alpha = np.broadcast_to(ramp[:, None], (2, SIDE, SIDE, 1)).copy()
    trimap = np.uint8(np.where(alpha == 0, 0, np.where(alpha == 1, 255, 128)))
    batch = dict(zip(("image", "foreground", "background"), colours, strict=True))
    batch |= {"alpha": alpha, "trimap": trimap, "trimap_wide": trimap}
    data = tf.data.Dataset.from_tensors(batch).repeat()
    data = data.map(given[-1]) if given else data
    return Data(lambda start, worker=(0, 1): data, None, options.steps_per_epoch, None)
