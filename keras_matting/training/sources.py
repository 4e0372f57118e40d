"""The training data of a recipe: datasets named by flags, or synthetic figures.

--foregrounds composition1k:/data/Combined_Dataset      a row of keras_matting.data.reading.datasets
--foregrounds /data/records                             written by `keras_matting.data prepare`
--foregrounds cutouts                                   a plain folder
"""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from absl import flags

from keras_matting.data import synthetic
from keras_matting.data.pipeline import composition, mixed, unlabelled
from keras_matting.data.reading import datasets, readers, records
from keras_matting.data.source import Source, hold_out

SYNTHETIC = "synthetic"  # in place of a folder
HELD_OUT_SEED = 1_000_003  # far from --seed, so that training and validation share no figure
HELD_OUT_EVERY = 20
CACHED_AT_MOST = 2 << 30  # bytes of validation batches

flags.disclaim_key_flags()  # --help of a recipe shows the flags below as its own


class Data(NamedTuple):
    """The data for `run.fit`.

    `stream(start, (worker, workers))` opens an endless dataset of a worker's share of the batches
    from sample `start` on. `held_out` holds the validation batches, or is None. `steps` is the
    length of an epoch. `panel` is a batch to draw after every epoch, or None.
    """

    stream: Callable
    held_out: tf.data.Dataset | None
    steps: int
    panel: Any


def define_flags(kind="any", figures=300):
    """Define --foregrounds, --backgrounds and the flags of synthetic figures."""
    flags.DEFINE_multi_string(
        "foregrounds",
        None,
        "Folder of RGBA cut-outs; or a folder with foreground/ and alpha/, or, for photographs, "
        "image/ and alpha/ (and optionally foreground/, their estimated foreground colours); or "
        "NAME:FOLDER of a dataset in docs/datasets.md; or a folder written by prepare. Every 20th "
        "picture is held out for validation. May be repeated with shares: --foregrounds people=0.7 "
        "--foregrounds synthetic=0.3. Default: synthetic figures.",
    )
    flags.DEFINE_string(
        "backgrounds",
        None,
        "Folder of pictures, NAME:FOLDER of a dataset, or a folder written by prepare. Every 20th "
        "picture is held out for validation. Default: synthetic backgrounds.",
    )
    flags.DEFINE_integer(
        "validation_pictures",
        300,
        "At most this many of the held-out pictures, evenly chosen, validate each epoch.",
        lower_bound=1,
    )
    flags.DEFINE_bool("verify", True, "Check every picture before training starts.")
    flags.DEFINE_integer(
        "figures",
        figures,
        "Number of synthetic figures, and of backgrounds; a tenth more are drawn for validation.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "figure_size", None, "Side of synthetic figures in pixels; default: twice --size."
    )
    kinds = ["any", *synthetic.FIGURES]
    flags.DEFINE_enum("figure_kind", kind, kinds, "Kind of synthetic figures.")


def define_photograph_flags():
    """Define --photographs and --sizes, of recipes that call `photographed`."""
    flags.DEFINE_bool(
        "photographs",
        False,
        "Augment --foregrounds as photographs: half of the samples keep their background.",
    )
    flags.DEFINE_list(
        "sizes",
        [],
        "With --photographs, crop sizes that steps cycle through, such as 256,384,256,512. "
        "--batch_size applies at --size and changes with the area.",
    )


def photographed(options, training, validation, targets) -> Data:
    """Return data of photographs with mattes, kept as they are or given another background.

    `training(size)` returns a list of transforms. Steps cycle through crops of --sizes; the batch
    size changes with their area, so that all steps take about as long.
    """
    sizes = [_multiple_of_32(side) for side in options.sizes]
    pools, others = _bounded(options, figures(options)), backgrounds(options)
    opened = [functools.partial(composition, *pair) for pair in zip(pools, others, strict=True)]
    data = _data(options, opened, pools, training(options.size), validation, targets)
    if not sizes:
        return data

    def stream(start, worker=(0, 1)):
        turns, rest = divmod(start // options.batch_size, len(sizes))
        streams = []
        for i, size in enumerate(sizes):
            batch = options.batch_size * (options.size / size) ** 2
            # as many for each replica, or one of them might have none
            batch = options.replicas * max(1, round(batch / options.replicas))
            first = (turns + (i < rest)) * batch
            streams.append(opened[0](training(size), batch, options.seed + i, first, worker))
        step = tf.data.Dataset.range(start // options.batch_size, tf.int64.max)
        # datasets to choose from must have the same static shapes
        return tf.data.Dataset.choose_from_datasets(
            [s.map(targets).map(_of_any_size) for s in streams], step.map(lambda i: i % len(sizes))
        )

    return data._replace(stream=stream)


def _multiple_of_32(side):
    if not side.isdigit() or int(side) % 32 or not int(side):
        raise ValueError(f"--sizes: {side} is not a multiple of 32.")
    return int(side)


def composites(options, training, validation, targets) -> Data:
    """Return data composed anew in every step from --foregrounds and --backgrounds.

    `training` and `validation` are lists of transforms, or `training` is a function from the
    foregrounds' Source to such a list. `targets(batch)` returns ({input: tensor}, {output: truth}).
    """
    if getattr(options, "sizes", None):
        raise ValueError("--sizes needs --photographs.")
    pools, others = _bounded(options, foregrounds(options)), backgrounds(options)
    transforms = training(pools[0]) if callable(training) else training
    opened = [functools.partial(composition, *pair) for pair in zip(pools, others, strict=True)]
    return _data(options, opened, pools, transforms, validation, targets)


def pictures(options, source, held_out, training, validation, targets) -> Data:
    """Return data of complete samples, such as photographs with alphas, that are not composed."""
    pools = _bounded(options, (source, held_out))
    opened = [functools.partial(unlabelled, pool) for pool in pools]
    return _data(options, opened, pools, training, validation, targets)


def _of_any_size(*batch):
    """Return a batch with unknown static batch size, height and width."""

    def opened(tensor):
        return tf.ensure_shape(tensor, [None, None, None, tensor.shape[-1]])

    def forgotten(tensor):
        shape = tf.shape(tensor)
        return opened(tf.reshape(tensor, [shape[0], shape[1], shape[2], tensor.shape[-1]]))

    return tf.nest.map_structure(forgotten, batch)


def steps_of(options, count):
    """Return the steps of an epoch: by flag, or one pass over `count` pictures."""
    return options.steps_per_epoch or max(1, count // options.batch_size)


def _data(options, opened, pools, training, validation, targets):
    """Return Data; `opened` are functions that open a stream, `pools` their Sources.

    Both are pairs, for training and for validation.
    """
    batch = options.batch_size

    def stream(start, worker=(0, 1)):
        return opened[0](training, batch, options.seed, start, worker).map(targets)

    held_out = opened[1](validation, batch, options.seed).map(targets)
    batches = max(1, pools[1].size // batch)
    panel = next(iter(held_out))
    size = batches * sum(tensor.numpy().nbytes for tensor in tf.nest.flatten(panel))
    held_out = held_out.take(batches)
    if size <= CACHED_AT_MOST:
        held_out = held_out.cache()
    else:
        print(
            f"The {batches * batch:,} validation pictures, {size / 1e9:.1f} GB, are made again in "
            "every epoch; fewer --validation_pictures would be kept in memory.",
            flush=True,
        )
    return Data(stream, held_out, steps_of(options, pools[0].size), panel)


def _bounded(options, pools):
    """Return (training, held out) with at most --validation_pictures held out, evenly chosen."""
    training, held_out = pools
    count = options.validation_pictures
    if held_out.size <= count:
        return pools
    print(
        f"Validation uses {count:,} of {held_out.size:,} held-out pictures; --validation_pictures "
        "changes that.",
        flush=True,
    )
    return training, Source(count, lambda i: held_out.load(i * held_out.size // count))


def foregrounds(options) -> tuple[Source, Source]:
    """Return (training, held out) of --foregrounds."""
    # a photograph with a matte is used directly, although its edges contain background colour
    return _shared(options, foreground=("foreground", "image"), alpha=("alpha",))


def figures(options) -> tuple[Source, Source]:
    """Return `foregrounds` with each figure's `image` and whether that is a `photograph`."""
    wanted = {key: (key, other) for key, other in (("foreground", "image"), ("image", None))}
    return _shared(options, **wanted, alpha=("alpha",))


def _shared(options, **wanted):
    pairs, shares = [], []
    for given in options.foregrounds or [SYNTHETIC]:
        place, share = _with_share(given)
        if place == SYNTHETIC:
            kind = None if options.figure_kind == "any" else options.figure_kind
            pair = _pools(functools.partial(synthetic.foregrounds, kind=kind), options)
            pair = tuple(_only(place, source, **wanted) for source in pair)
        else:
            source = _opened(place, _reader_of_figures(place), options.verify)
            source = _only(place, source, **wanted)
            pair = hold_out(source, HELD_OUT_EVERY)
        pairs.append(pair)
        shares.append(share)
    if len(pairs) == 1:
        return pairs[0]
    training, held_out = zip(*pairs, strict=True)
    return mixed(training, shares), mixed(held_out, [source.size for source in held_out])


def _with_share(given):
    """Split FOLDER=0.7 into FOLDER and 0.7; without a number the share is 1."""
    place, equals, share = given.rpartition("=")
    if not equals or Path(given).exists():
        return given, 1.0
    try:
        number = float(share)
    except ValueError:
        return given, 1.0
    if not 0.0 < number < math.inf:
        raise ValueError(f"--foregrounds={given}: a share must be a number above 0.")
    return place, number


def _reader_of_figures(place):
    if (Path(place) / "image").is_dir():
        if (Path(place) / "foreground").is_dir():
            return readers.photographs
        return readers.photographs_with_alpha
    return readers.foreground_alpha if (Path(place) / "foreground").is_dir() else readers.rgba


def backgrounds(options) -> tuple[Source, Source]:
    """Return (training, held out) of --backgrounds."""
    if not options.backgrounds:
        return _pools(synthetic.backgrounds, options)
    source = _opened(options.backgrounds, readers.backgrounds, options.verify)
    source = _only(options.backgrounds, source, background=("background",))
    return hold_out(source, HELD_OUT_EVERY)


def photographs(options) -> tuple[Source, Source]:
    """Return (training, held out) of the photographs with mattes in --foregrounds.

    Where a dataset has no foreground and background of a photograph, its own colours stand in.
    """
    if not options.foregrounds or len(options.foregrounds) != 1:
        raise ValueError("specify photographs with mattes: --foregrounds am2k_layers:FOLDER.")
    (place,) = options.foregrounds
    source = _opened(place, readers.foreground_alpha, options.verify)
    colours = {key: (key, "image") for key in ("foreground", "background")}
    source = _only(place, source, image=("image",), alpha=("alpha",), **colours)
    return hold_out(source, HELD_OUT_EVERY)


def _opened(place, read_folder, verify):
    name, _, folder = place.partition(":")
    if folder and not Path(place).exists():
        return datasets.read(name, folder, verify=verify)
    if records.is_prepared(place):
        return records.read(place, verify)
    return read_folder(place, verify)


def _only(place, source, **wanted):
    """Return the source reduced to the wanted keys, each the first of its names that exists."""
    there = tf.data.Dataset.range(1).map(source.load).element_spec
    chosen = {key: next((n for n in names if n in there), None) for key, names in wanted.items()}
    optional = [key for key, names in wanted.items() if None in names]
    stand_ins = [key for key in optional if chosen[key] is None]
    chosen = {key: name or (key in optional and "foreground") for key, name in chosen.items()}
    if not all(chosen.values()):
        needed = " and ".join(" or ".join(names) for names in wanted.values())
        raise ValueError(f"{place} has {', '.join(there)}, but training needs {needed}.")

    # RSSN may use these instead
    chosen |= {key: key for key in there if key.removesuffix("_denoised") in wanted}

    def load(index):
        sample = source.load(index)
        found = {key: sample[name] for key, name in chosen.items()}
        return found | {"photograph": tf.constant(not stand_ins)} if optional else found

    return Source(source.size, load)


def _pools(draw, options):
    side = options.figure_size or 2 * options.size
    held_out = max(8, options.figures // 10)
    return (
        draw(options.figures, (side, side), options.seed),
        draw(held_out, (side, side), options.seed + HELD_OUT_SEED),
    )
