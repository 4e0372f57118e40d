"""Matte photographs: INPUT, a file or folder -> OUTPUT/<name>_alpha.png and <name>_cutout.png.

    keras-matting predict portrait.jpg mattes
    keras-matting predict photos mattes --model gca --weights gca.weights.h5 --trimap trimaps
    keras-matting predict photos mattes --model bgmv2_resnet50 --weights bgmv2.weights.h5 \\
        --background empty_room.jpg --option refine_mode=full

By default, `portrait` is used, a network for people that ships with the package. Both results have
the photograph's size, rotated upright according to its EXIF orientation. The alpha is 8-bit
greyscale. The cut-out is RGBA with the photograph's unchanged colours, so the background shows
through in half-transparent hair. An alpha channel of the input is ignored, and 16 bits are reduced
to 8.

Photographs are scaled as in each network's published test code, see
keras_matting/inference/input_sizes.py; --size changes the target size if it is a single number.
Where a trimap is 0 or 255, the alpha is 0 or 1, as in the published tests. BiSeNetV2 is built with
two classes; its alpha is the probability of the second.

A folder may contain photographs (.bmp .jpeg .jpg .png .tif .tiff .webp) and hidden files. Any other
file, or two files whose results would have the same name, is an error before anything is written.
Damaged photographs are reported at the end; all others are written, and the exit code is 1.
Existing results are replaced. OUTPUT may be inside the folder of photographs, but not that folder.
"""

import sys

from absl import flags

from keras_matting.commands import model_flags
from keras_matting.inference.folders import find_photographs, predict

GROUPS = {
    "Network": model_flags.GROUP,
    "Further inputs": ["trimap", "background"],
}


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
    flags.DEFINE_string(
        "trimap", None, "Trimap for all photographs, or a folder with one per photograph."
    )
    flags.DEFINE_string(
        "background", None, "Background for all photographs, or a folder with one per photograph."
    )


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
        raise ValueError("specify one INPUT and one OUTPUT folder; see --help for examples")
    model_flags.check_model_flags(options)
    find_photographs(*arguments)
    others = {kind: options[kind].value for kind in ("trimap", "background") if options[kind].value}
    return predict(*arguments, model_flags.load_model(options), options.size, **others)
