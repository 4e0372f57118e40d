"""Measure networks that take a captured background on composites of held-out people and scenes.

    python -m benchmarks.captured PEOPLE SCENES --network captured_background

PEOPLE contains image/, alpha/ and foreground/, as `keras_matting.data refine` writes them, SCENES
pictures. Of both every 20th is used, which the recipes hold out. The captured background differs
from the one in the composite by shadow, noise, exposure and camera movement, as in BGMv2's
training. Prints the mean absolute difference (MAD) of each composite and their mean.
"""

import sys

import numpy as np
from absl import app, flags

from keras_matting.commands import model_flags
from keras_matting.data.augment import bgmv2
from keras_matting.data.pipeline import composition
from keras_matting.data.reading import readers
from keras_matting.data.source import hold_out
from keras_matting.inference import predict_alpha
from keras_matting.metrics import mad
from keras_matting.training.validation import HELD_OUT_EVERY

FLAGS = flags.FLAGS


def errors(model, people, scenes, size=512, count=48, seed=7) -> list[float]:
    """Return the MAD of `count` composites of `size` pixels."""
    pools = readers.photographs(people, False), readers.backgrounds(scenes, False)
    held_out = [hold_out(pool, HELD_OUT_EVERY)[1] for pool in pools]
    found = []
    for batch in composition(*held_out, bgmv2.training(size, 0.4), 1, seed).take(count):
        image, background, alpha = (
            np.rint(255.0 * batch[key][0].numpy()).astype(np.uint8)
            for key in ("image", "background", "alpha")
        )
        matte = np.rint(255.0 * predict_alpha(model, image, background=background))
        found.append(mad(matte.astype(np.uint8), alpha[..., 0]))
    return found


def main(argv):
    if len(argv) != 3:
        raise app.UsageError("specify PEOPLE and SCENES")
    found = errors(model_flags.load_model(FLAGS), *argv[1:], size=FLAGS.side)
    print(*(f"{error:.4f}" for error in found))
    print(f"MAD mean {np.mean(found):.4f}  median {np.median(found):.4f}  worst {max(found):.4f}")


if __name__ == "__main__":
    model_flags.define_model_flags()
    flags.DEFINE_integer("side", 512, "Side of the composites, pixels.")
    flags.FLAGS.set_gnu_getopt(True)
    sys.exit(app.run(main))
