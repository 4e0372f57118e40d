"""List the published encoders that trainings start from: keras-matting weights backbones [WORD]

    keras-matting weights backbones
    keras-matting weights backbones gca
    python recipes/gca.py --foregrounds CUTOUTS --backbone model_best_resnet34_En_nomixup.pth

With a WORD, only rows that contain it are listed. The columns are the networks, as patterns, the
file, its licence as stated, and its address. Files of keras.applications are downloaded by
--backbone imagenet, which recipes on folders use; download others and name them with --backbone.
The first row of a network is what its release starts from, or is nearest to it.
"""

import sys

from keras_matting import published

HEAD = ("networks", "file", "licence", "address")


def define_flags():
    pass


def main(argv):
    if len(argv) > 2:
        sys.exit(f"unexpected argument {argv[2]}; specify one word")
    found = [row for row in rows() if len(argv) == 1 or argv[1].lower() in " ".join(row).lower()]
    if not found:
        sys.exit(f"no backbone with {argv[1]}; leave it out to see all")
    widths = [max(map(len, column)) for column in zip(HEAD, *found, strict=True)]
    for row in (HEAD, *found):
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


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
