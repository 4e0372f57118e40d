"""Mattes photographs: INPUT, a file or a folder -> OUTPUT/<name>_alpha.png and <name>_cutout.png.

    python -m keras_matting.predict portrait.jpg mattes --tflite modnet_512x512_int8.tflite
    python -m keras_matting.predict photos mattes --model modnet_mobilenetv2 --weights my.weights.h5
    python -m keras_matting.predict photos mattes --model gca --weights gca.weights.h5 \\
        --trimap trimaps
    python -m keras_matting.predict photos mattes --model bgmv2_resnet50 \\
        --weights bgmv2.weights.h5 --background empty_room.jpg --option refine_mode=full
    python -m keras_matting.predict photos mattes --model modnet_mobilenetv2_mobile --width 0.5 \\
        --weights my.weights.h5 --size 384

Both results have the photograph's own size, turned as its EXIF orientation says. The alpha is 8-bit
grey; the cut-out is RGBA with the photograph's colours as they are (the background's colour remains
in half-transparent hair). An alpha channel of the input is ignored, 16 bits are reduced to 8.

A network sees a photograph at the size at which its published test code shows it, listed in
keras_matting/inference/input_sizes.py; --size changes it where it is one number. Where a trimap
says 0 or 255 the alpha is 0 or 1, as in the published tests. BiSeNetV2 is built with two classes,
which have an alpha: the probability of the second.

Nothing is left out silently. A folder may hold photographs (.bmp .jpeg .jpg .png .tif .tiff .webp)
and hidden files; anything else in it, or two names that would give the same result, is refused
before anything is written. A photograph that turns out damaged is reported at the end: the others
are written, and the exit code is 1. Results of an earlier run are replaced, each in one step;
OUTPUT may lie in the folder of the photographs but not be it.
"""

import sys

from absl import flags

from keras_matting.commands import model_flags
from keras_matting.inference.folders import READERS, find_photographs, predict


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
    flags.DEFINE_string("trimap", None, "A trimap for all, or a folder with one per photograph.")
    flags.DEFINE_string("background", None, "A background for all, or a folder likewise.")


def main(argv):
    try:
        problems = _run(argv[1:], flags.FLAGS)
    except (ValueError, OSError) as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _run(arguments, options):
    if len(arguments) != 2:
        raise ValueError("Name one INPUT and one OUTPUT folder; --help shows examples.")
    model_flags.check_model_flags(options)
    find_photographs(*arguments)
    others = {kind: options[kind].value for kind in READERS if options[kind].value}
    return predict(*arguments, model_flags.load_model(options), options.size, **others)
