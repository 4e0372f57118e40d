"""The pictures that choose `best.weights.h5`: a named set, or some held out from training."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from absl import flags

from keras_matting.data.pipeline import composition, unlabelled
from keras_matting.data.reading import datasets
from keras_matting.data.source import Source, hold_out
from keras_matting.training import places

HELD_OUT_EVERY = 20
HELD_OUT_AT_MOST = 300
CACHED_AT_MOST = 2 << 30  # bytes of validation batches

# name for --validation: dataset and split
SETS = {
    "aim500": ("aim500", "test"),
    "am2k": ("am2k", "validation"),
    "composition1k": ("composition1k_merged", "test"),
    "distinctions646": ("distinctions646_merged", "test"),
    "p3m_500_np": ("p3m10k", "p3m_500_np"),
    "p3m_500_p": ("p3m10k", "p3m_500_p"),
    "photomatte85": ("photomatte85", "test"),
    "ppm100": ("ppm100", "test"),
    "videomatte240k": ("videomatte240k", "test"),
}

flags.disclaim_key_flags()  # --help of a recipe shows the flags below as its own


def define_flags():
    """Define --validation, --hold_out and --validation_pictures."""
    flags.DEFINE_string(
        "validation",
        None,
        "Set whose error chooses best.weights.h5, instead of pictures held out from training: "
        f"NAME:FOLDER with NAME one of {', '.join(SETS)}; or a folder with image/ and alpha/ (or "
        "mask/), and optionally trimap/. Cut-outs without an image are composed over held-out "
        "--backgrounds.",
    )
    flags.DEFINE_integer(
        "hold_out",
        None,
        "Hold every Nth picture of --foregrounds and --backgrounds out for validation; 0: none. "
        f"Default: {HELD_OUT_EVERY}, or 0 with --validation.",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "validation_pictures",
        None,
        "At most this many pictures, evenly chosen, validate each epoch. Default: "
        f"{HELD_OUT_AT_MOST} of held-out ones, all of --validation.",
        lower_bound=1,
    )


def every(options) -> int:
    """Return which pictures are held out: every Nth, or 0 for none."""
    if options.validation and options.hold_out:
        raise ValueError("--validation replaces held-out pictures: leave --hold_out out.")
    if options.hold_out == 1:
        raise ValueError("--hold_out=1 leaves no picture to train on: use 0 or at least 2.")
    if options.hold_out is None:
        return 0 if options.validation else HELD_OUT_EVERY
    return options.hold_out


def split(options, source: Source) -> tuple[Source, Source | None]:
    """Return (training, held out), of which the latter is None if nothing is held out."""
    number = every(options)
    return hold_out(source, number) if number else (source, None)


def read(options) -> Source | None:
    """Return the set that --validation names, or None without.

    Its samples have image, alpha and optionally trimap, or foreground and alpha.
    """
    place = options.validation
    if not place:
        return None
    if named := places.dataset_of(place):
        name, folder = named
        if name not in SETS:
            known = ", ".join(SETS)
            raise ValueError(f"--validation={place}: unknown set {name!r}; use one of {known}.")
        source = datasets.read(SETS[name][0], folder, SETS[name][1], verify=options.verify)
    else:
        reader = places.reader("image", "alpha", "trimap", "foreground")
        source = places.folder(place, reader, options.verify)
    there = places.roles(source)
    if "image" not in there:
        return places.only(place, source, foreground=("foreground",), alpha=("alpha",))
    trimap = {"trimap": ("trimap",)} if "trimap" in there else {}
    return places.only(place, source, image=("image",), alpha=("alpha",), **trimap)


def stream(options, held_out, given, backgrounds=None) -> tuple[Callable, int] | None:
    """Return a function that opens the validation stream and its number of pictures, or None.

    `given` is the set of `read`. Without it, `held_out` pictures are used, unless they are None.
    What has no image is composed over `backgrounds`.
    """
    source = held_out if given is None else given
    if source is None:
        return None
    source = bounded(options, source, HELD_OUT_AT_MOST if given is None else source.size)
    if backgrounds is None or "image" in places.roles(source) and given is not None:
        return functools.partial(unlabelled, source), source.size
    return functools.partial(composition, source, backgrounds), source.size


def bounded(options, source: Source, default: int) -> Source:
    """Return at most --validation_pictures, or else `default` pictures, evenly chosen."""
    count = options.validation_pictures or default
    if source.size <= count:
        return source
    print(
        f"Validation uses {count:,} of {source.size:,} pictures; --validation_pictures changes "
        "that.",
        flush=True,
    )
    return Source(count, lambda i: source.load(i * source.size // count))


def batches(options, opened, count, transforms, targets) -> tuple[tf.data.Dataset, Any]:
    """Return all pictures in batches, the last of which may be smaller, and the first batch.

    Replicas divide each batch, and TensorFlow fails on a part without a picture. The first pictures
    of another pass therefore fill up the last batch, so that every replica has as many.
    """
    if extra := -count % options.replicas:
        count += extra
        print(
            f"Validation counts {extra} of its pictures twice, so that every replica has as many.",
            flush=True,
        )
    held_out = opened(transforms, options.batch_size, options.seed, count=count).map(targets)
    panel = next(iter(held_out))
    in_batch = min(count, options.batch_size)
    size = sum(tensor.numpy().nbytes for tensor in tf.nest.flatten(panel)) * count // in_batch
    if size <= CACHED_AT_MOST:
        return held_out.cache(), panel
    print(
        f"The {count:,} validation pictures, {size / 1e9:.1f} GB, are made again in every epoch; "
        "fewer --validation_pictures would be kept in memory.",
        flush=True,
    )
    return held_out, panel
