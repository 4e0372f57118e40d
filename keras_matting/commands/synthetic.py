"""Write a contact sheet of synthetic figures: on a checkerboard, as alphas, and on backgrounds.

    keras-matting data synthetic sheet.png
    keras-matting data synthetic sheet.png --seed 7
    keras-matting data synthetic animals.png --kind animal --count 8 --size 512

The same seed draws the same figures.
"""

import sys

from absl import flags

from keras_matting.data.synthetic import FIGURES, contact_sheet

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_integer("seed", 0, "Random seed.", lower_bound=0)
    flags.DEFINE_integer("count", 12, "Number of figures.", lower_bound=1)
    flags.DEFINE_integer("size", 256, "Height and width of each figure, pixels.", lower_bound=8)
    flags.DEFINE_enum("kind", None, list(FIGURES), "Draw only figures of this kind.")


def main(argv):
    if len(argv) != 2:
        sys.exit("specify the file to write: keras-matting data synthetic sheet.png")
    try:
        contact_sheet(argv[1], FLAGS.seed, FLAGS.count, (FLAGS.size, FLAGS.size), FLAGS.kind)
    except ValueError as error:
        sys.exit(str(error))
