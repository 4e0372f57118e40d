"""Writes a contact sheet of synthetic figures: over a checkerboard, their alphas, on backgrounds.

    python -m keras_matting.data.synthetic sheet.png
    python -m keras_matting.data.synthetic sheet.png --kind=animal --count=8 --seed=7
"""

import sys

from absl import flags

from keras_matting.data.synthetic import FIGURES, contact_sheet

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_integer("seed", 0, "Another seed, other figures.", lower_bound=0)
    flags.DEFINE_integer("count", 12, "Figures on the sheet.", lower_bound=1)
    flags.DEFINE_integer("size", 256, "Height and width of each, pixels.", lower_bound=8)
    flags.DEFINE_enum("kind", None, list(FIGURES), "Only figures of this kind.")


def main(argv):
    if len(argv) != 2:
        sys.exit("Name one picture to write: python -m keras_matting.data.synthetic sheet.png")
    try:
        contact_sheet(argv[1], FLAGS.seed, FLAGS.count, (FLAGS.size, FLAGS.size), FLAGS.kind)
    except ValueError as error:
        sys.exit(str(error))
