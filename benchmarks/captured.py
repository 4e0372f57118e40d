"""Measure networks that take a captured background on composites of held-out people and scenes.

    python -m benchmarks.captured PEOPLE SCENES --network captured_background

PEOPLE contains image/, alpha/ and foreground/, as `keras_matting.data refine` writes them, SCENES
pictures. Of both every 20th is used, which the recipes hold out. The captured background differs
from the one in the composite by shadow, noise, exposure and camera movement, as in BGMv2's
training. Prints the mean absolute difference (MAD) of each composite and their mean.

Also prints the colour error of cut-outs by three ways: the photograph's colours, those that
`foreground_colours` estimates, and those that the network predicts. It is the mean absolute error,
in levels of 255, where the true alpha is between 0 and 1 and the cut-out's is not 0.
"""

import sys

import cv2
import numpy as np
from absl import app, flags

from keras_matting.commands import model_flags
from keras_matting.data.augment import bgmv2
from keras_matting.data.pipeline import composition
from keras_matting.data.reading import readers
from keras_matting.data.source import hold_out
from keras_matting.inference import TFLiteModel, foreground_colours, predict_alpha
from keras_matting.inference.tflite import batched
from keras_matting.metrics import mad
from keras_matting.training.validation import HELD_OUT_EVERY

FLAGS = flags.FLAGS
SEED = 7
KEYS = ("image", "background", "foreground", "alpha")


def errors(model, people, scenes, size=512, count=48) -> list[float]:
    """Return the MAD of `count` composites of `size` pixels."""
    found = composites(people, scenes, size, count)
    return [mad(matte_of(model, sample), sample["alpha"][..., 0]) for sample in found]


def matte_of(model, sample):
    """Return the matte of a composite, uint8 (H, W)."""
    return in_bytes(predict_alpha(model, sample["image"], background=sample["background"]))


def measure(model, people, scenes, size=512, count=48):
    """Yield the MAD and {way: colour error} of each composite."""
    for sample in composites(people, scenes, size, count):
        image, background, truth, alpha = (sample[key] for key in KEYS)
        matte = matte_of(model, sample)
        ways = {"photograph": image, "estimated": foreground_colours(image, matte)}
        ways["network"] = predicted_foreground(model, image, background)
        seen = (alpha[..., 0] > 0) & (alpha[..., 0] < 255) & (matte > 0)
        differences = {name: x[seen] - np.float32(truth[seen]) for name, x in ways.items()}
        colours = {name: float(np.abs(x).mean()) for name, x in differences.items()}
        yield mad(matte, alpha[..., 0]), colours


def composites(people, scenes, size, count):
    """Yield `count` dicts of `KEYS`, uint8 (size, size, C)."""
    pools = readers.photographs(people, False), readers.backgrounds(scenes, False)
    held_out = [hold_out(pool, HELD_OUT_EVERY)[1] for pool in pools]
    for batch in composition(*held_out, bgmv2.training(size, 0.4), 1, SEED).take(count):
        yield {key: in_bytes(batch[key][0].numpy()) for key in KEYS}


def in_bytes(x):
    return np.rint(255.0 * x).astype(np.uint8)


def predicted_foreground(model, image, background):
    """Return the foreground that the network predicts, uint8 (H, W, 3)."""
    inputs = {"image": image / np.float32(255), "background": background / np.float32(255)}
    if isinstance(model, TFLiteModel):
        side = model.input_size[0]
        small = {
            k: cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA) for k, x in inputs.items()
        }
        change = model.outputs(small)["foreground"] - small["image"]
        foreground = inputs["image"] + cv2.resize(change, image.shape[1::-1])
    else:
        foreground = model(batched(inputs), training=False)["foreground"][0].numpy()
    return in_bytes(np.clip(foreground, 0.0, 1.0))


def main(argv):
    if len(argv) != 3:
        raise app.UsageError("specify PEOPLE and SCENES")
    model = model_flags.load_model(FLAGS)
    found, colours = zip(*measure(model, *argv[1:], FLAGS.side, FLAGS.count), strict=True)
    print(*(f"{error:.4f}" for error in found))
    print(f"MAD mean {np.mean(found):.4f}  median {np.median(found):.4f}  worst {max(found):.4f}")
    means = {way: np.nanmean([row[way] for row in colours]) for way in colours[0]}
    print("colour error:", ", ".join(f"{way} {error:.1f}" for way, error in means.items()))


if __name__ == "__main__":
    model_flags.define_model_flags()
    flags.DEFINE_integer("side", 512, "Side of the composites, pixels.")
    flags.DEFINE_integer("count", 48, "Number of composites.", lower_bound=1)
    flags.FLAGS.set_gnu_getopt(True)
    sys.exit(app.run(main))
