"""Download published checkpoints and convert them: keras-matting weights fetch NAME...

    keras-matting weights fetch modnet_photographic
    keras-matting weights fetch bgmv2_mobilenetv2 bgmv2_resnet50
    keras-matting weights fetch gca_dist --accept-licence

`keras-matting weights list` shows the names. The files go to the user's cache; afterwards,

    create_model("modnet_mobilenetv2", weights="published:modnet_photographic")

and --model modnet_mobilenetv2 --weights published:modnet_photographic of the other commands use
them. The licence is stated first. Files on Google Drive have to be downloaded by hand: a message
says from where, and where to put them. An interrupted download goes on when the command is run
again.
"""

import sys

from absl import flags

from keras_matting import published
from keras_matting.commands.weights import convert


def define_flags():
    flags.DEFINE_bool(
        "accept_licence", False, "You have read the licence of weights that are non-commercial."
    )


def main(argv):
    try:
        if len(argv) < 2:
            raise ValueError("specify a NAME; keras-matting weights list shows them")
        for name in argv[1:]:
            published.checkpoint(name)
        for name in argv[1:]:
            _fetch(name, flags.FLAGS.accept_licence)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def _fetch(name, accepted):
    row = published.checkpoint(name)
    print(f"{name}: licence of the weights: {row.licence}; published at {row.page}", flush=True)
    if row.restricted and not accepted:
        raise ValueError(
            f"{name} is not free for commercial use; read the licence at {row.page} and pass "
            "--accept-licence"
        )
    path = published.cache_folder() / row.file
    if row.url:
        from keras_matting.weights import downloads  # imports TensorFlow

        sha256 = downloads.download(row.url, path, row.sha256)
        print(f"{path}: SHA-256 {sha256}{' as published' if row.sha256 else ', not verified'}")
    elif not path.is_file():
        raise ValueError(
            f"{name} is on Google Drive; download it from {row.page}, save it as {path} and run "
            "this again"
        )
    for variant in row.variants:
        try:
            convert(path, variant, published.converted(name, variant), **row.options)
        except ValueError as error:
            raise ValueError(f"{error} (remove {path} first)") from error
        print(f'create_model("{variant}", weights="{published.PREFIX}{name}")')
