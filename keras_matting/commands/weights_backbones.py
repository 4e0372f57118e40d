"""List the published encoders that trainings start from: keras-matting weights backbones [WORD]

    keras-matting weights backbones bisenetv2
    keras-matting weights backbones gca
    keras-matting weights backbones MIT
    python recipes/gca.py --foregrounds CUTOUTS --backbone model_best_resnet34_En_nomixup.pth

With a WORD, only rows that contain it are listed. The columns are the networks, as patterns, the
file, its licence as stated, and its address. Files of keras.applications are downloaded by
--backbone imagenet, which recipes on folders use; download others and name them with --backbone.
The first row of a network is what its release starts from, or is nearest to it.
"""

import sys

from keras_matting import published
from keras_matting.commands.columns import print_matching

HEAD = ("networks", "file", "licence", "address")


def define_flags():
    pass


def main(argv):
    try:
        print_matching(HEAD, rows(), argv[1:], "backbone")
    except ValueError as error:
        sys.exit(str(error))


def rows() -> list[tuple[str, ...]]:
    """Return a row of `HEAD` for each file."""
    return [
        (
            ", ".join(row.networks),
            row.file,
            row.licence,
            f"{row.url} ({row.note})" if row.note else row.url,
        )
        for row in published.BACKBONES
    ]
