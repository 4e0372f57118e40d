"""Measure what steadying does for the mattes of videos, on synthetic clips with exact alpha.

    python -m benchmarks.video --clips=8 --frames=60 --frame_size=288x512

    python -m benchmarks.video --foregrounds=portraits --backgrounds=scenes

Mattes drawn videos of one moving figure, by default with the network that ships, and prints the
means over all clips of 100 * dtSSD (flicker) and 1000 * MAD (error) for the network's
own mattes, after the one-frame delay, after smoothing as in the Android app, and steadied, as
`keras-matting video` does by default: one-frame delay, then smoothing where the picture is still.
--motion=0.1 slows all movement down. With folders, photographed figures move over photographs:
--foregrounds contains foreground/ and alpha/.
"""

import sys

import numpy as np
from absl import app, flags

from keras_matting.commands import model_flags
from keras_matting.data.synthetic import FIGURES, draw_clip, motion
from keras_matting.image_files import find_pictures, read_matte, read_photograph
from keras_matting.inference import predict_alpha
from keras_matting.inference.backgrounds import cover
from keras_matting.inference.video import steadying
from keras_matting.metrics import dtssd, mad
from keras_matting.progress import track

FLAGS = flags.FLAGS

# name: the function of images and mattes
TREATMENTS = {
    "raw": lambda images, mattes: mattes,
    "one-frame delay": lambda images, mattes: steadying.delayed_frames(mattes),
    "app's smoothing": lambda images, mattes: steadying.smoothed_frames(mattes),
    "steadied": lambda images, mattes: steadying.steadied(zip(images, mattes, strict=True)),
}


def clips():
    """Yield the clips, an iterable of frames each."""
    height, width = map(int, FLAGS.frame_size.split("x"))
    if not FLAGS.foregrounds:
        for clip in range(FLAGS.clips):
            seed = FLAGS.seed, clip
            yield draw_clip(seed, FLAGS.frames, height, width, FLAGS.kind, FLAGS.motion)
        return
    colours, alphas, scenes = (
        [*find_pictures(folder).values()]
        for folder in (f"{FLAGS.foregrounds}/foreground", f"{FLAGS.foregrounds}/alpha",
                       FLAGS.backgrounds)
    )  # fmt: skip
    size = motion.drawn_size(height, width)
    for clip in range(FLAGS.clips):
        rng = np.random.default_rng((FLAGS.seed, clip))
        chosen = rng.integers(len(colours))
        figure = [read_photograph(colours[chosen]), read_matte(alphas[chosen])]
        scene = read_photograph(scenes[rng.integers(len(scenes))])
        figure, scene = [cover(x, *size) for x in figure], cover(scene, *size)
        yield motion.moving_frames(figure, scene, rng, FLAGS.frames, height, width, FLAGS.motion)


def scores(model, clip):
    """Return {treatment: (dtSSD, MAD)} of a clip."""
    images, alphas, mattes = [], [], []
    for frame in clip:
        images.append(motion.composite(frame))
        alphas.append(frame["alpha"])
        mattes.append(predict_alpha(model, images[-1]))
    found = {}
    for name, treatment in TREATMENTS.items():
        treated = list(treatment(images, mattes))
        errors = [mad(matte, alpha) for matte, alpha in zip(treated, alphas, strict=True)]
        found[name] = dtssd(treated, alphas), float(np.mean(errors))
    return found


def main(_):
    try:
        model_flags.check_model_flags(FLAGS)
        model = model_flags.load_model(FLAGS)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    rows = [scores(model, clip) for clip in track(clips(), FLAGS.clips, "clips")]
    print(f"{'':16}{'100 dtSSD':>12}{'1000 MAD':>12}")
    for name in TREATMENTS:
        coherence, error = np.mean([row[name] for row in rows], axis=0)
        print(f"{name:16}{100 * coherence:12.3f}{1000 * error:12.2f}")


if __name__ == "__main__":
    model_flags.define_model_flags()
    flags.DEFINE_integer("clips", 8, "Number of clips.", lower_bound=1)
    flags.DEFINE_integer("frames", 60, "Frames of each clip.", lower_bound=2)
    flags.DEFINE_string("frame_size", "288x512", "HEIGHTxWIDTH of the clips, pixels.")
    flags.DEFINE_enum("kind", "portrait", list(FIGURES), "Kind of the figures.")
    flags.DEFINE_float("motion", 1.0, "Speed of figure and camera.", lower_bound=0.0)
    flags.DEFINE_string("foregrounds", None, "Folder of photographed figures.")
    flags.DEFINE_string("backgrounds", None, "Folder of photographs behind them.")
    flags.DEFINE_integer("seed", 0, "Random seed.", lower_bound=0)
    app.run(main)
