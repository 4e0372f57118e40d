"""List networks that ship and published checkpoints: keras-matting weights list [WORD]

    keras-matting weights list modnet
    keras-matting weights list bgmv2
    keras-matting weights list Apache

With a WORD, only rows that contain it are listed. The columns are the name, the network that the
weights are of, where they come from, their licence as stated, megabytes, and how to get them:

    ships       keras_matting.load(NAME), or --network NAME
    cached      create_model(NETWORK, weights="published:NAME")
    fetch       keras-matting weights fetch NAME, then as above
    by hand     on Google Drive; keras-matting weights fetch NAME says where to put the file

docs/checkpoints.md has the licences in their own words.
"""

import sys

from keras_matting import pretrained, published
from keras_matting.commands.columns import print_matching

HEAD = ("name", "network", "origin", "licence", "MB", "get it")


def define_flags():
    pass


def main(argv):
    try:
        print_matching(HEAD, rows(), argv[1:], "network")
    except ValueError as error:
        sys.exit(str(error))


def rows() -> list[tuple[str, ...]]:
    """Return a row of `HEAD` for each network."""
    shipped = [
        (name, network["variant"], "this package", "Apache-2.0", _megabytes(network), "ships")
        for name, network in pretrained.networks().items()
    ]
    return shipped + [
        (
            name,
            row.variants[0],
            "/".join(row.page.split("/")[3:5]),
            row.licence,
            str(row.megabytes),
            _state(name, row),
        )
        for name, row in published.PUBLISHED.items()
    ]


def _megabytes(network):
    return str(round(pretrained.weights_file(network).stat().st_size / 1e6))


def _state(name, row):
    if all(published.converted(name, variant).is_file() for variant in row.variants):
        return "cached"
    return "fetch" if row.url else "by hand"
