"""The training data of a recipe: datasets named by flags, or synthetic figures."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from absl import flags

from keras_matting.data import synthetic
from keras_matting.data.pipeline import composition, mixed, unlabelled
from keras_matting.data.source import Source, hold_out
from keras_matting.training import places, validation

SYNTHETIC = "synthetic"  # in place of a folder
HELD_OUT_SEED = 1_000_003  # far from --seed, so that training and validation share no figure

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
    """Define --foregrounds, --backgrounds and the flags of validation and synthetic figures."""
    flags.DEFINE_multi_string(
        "foregrounds",
        None,
        "Folder of RGBA cut-outs; or a folder with foreground/ and alpha/, or, for photographs, "
        "image/ and alpha/ (and optionally foreground/, their estimated foreground colours); or "
        "NAME:FOLDER of a dataset in docs/datasets.md; or a folder written by prepare. "
        "May be repeated with shares: --foregrounds people=0.7 --foregrounds synthetic=0.3. "
        "Default: synthetic figures.",
    )
    flags.DEFINE_string(
        "backgrounds",
        None,
        "Folder of pictures, optionally with background/ and background_denoised/, NAME:FOLDER of "
        "a dataset, or a folder written by prepare. Default: synthetic backgrounds.",
    )
    flags.DEFINE_integer(
        "backgrounds_each",
        None,
        "Composites of each foreground in an epoch, each over another background. Default: as "
        "published, otherwise 1.",
        lower_bound=1,
    )
    validation.define_flags()
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


def photographed(options, training, validated, targets) -> Data:
    """Return data of photographs with mattes, kept as they are or given another background.

    `training(size)` returns a list of transforms, `validated` is one. Steps cycle through crops of
    --sizes; the batch size changes with their area, so that all steps take about as long.
    """
    sizes = [_multiple_of_32(side) for side in options.sizes]
    given = validation.read(options)
    (drawn, held_out), (others, behind) = figures(options), backgrounds(options, given)
    opened = functools.partial(composition, drawn, others)
    judged = validation.stream(options, held_out, given, behind)
    data = _data(options, opened, drawn.size, judged, training(options.size), validated, targets)
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
            streams.append(opened(training(size), batch, options.seed + i, first, worker))
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


def composites(options, training, validated, targets, on_photographs=True) -> Data:
    """Return data composed anew in every step from --foregrounds and --backgrounds.

    `training` and `validated` are lists of transforms, or `training` is a function from the
    foregrounds' Source to such a list. `targets(batch)` returns ({input: tensor}, {output: truth}).
    Unless `on_photographs`, a set of photographs cannot validate, since their backgrounds are not
    known.
    """
    if getattr(options, "sizes", None):
        raise ValueError("--sizes needs --photographs.")
    given = validation.read(options)
    if given and not on_photographs and "image" in places.roles(given):
        raise ValueError(
            f"--validation={options.validation} has photographs without their empty scenes: use "
            "cut-outs, such as photomatte85:FOLDER or videomatte240k:FOLDER."
        )
    (drawn, held_out), (others, behind) = foregrounds(options), backgrounds(options, given)
    transforms = training(drawn) if callable(training) else training
    opened = functools.partial(composition, drawn, others)
    judged = validation.stream(options, held_out, given, behind)
    return _data(options, opened, drawn.size, judged, transforms, validated, targets)


def pictures(options, source, held_out, training, validated, targets) -> Data:
    """Return data of complete samples, such as photographs with alphas, that are not composed.

    `held_out` is the Source that validates, or None.
    """
    opened = functools.partial(unlabelled, source)
    judged = validation.stream(options, held_out, held_out)
    return _data(options, opened, source.size, judged, training, validated, targets)


def _of_any_size(*batch):
    """Return a batch with unknown static batch size, height and width."""

    def opened(tensor):
        return tf.ensure_shape(tensor, [None, None, None, tensor.shape[-1]])

    def forgotten(tensor):
        shape = tf.shape(tensor)
        return opened(tf.reshape(tensor, [shape[0], shape[1], shape[2], tensor.shape[-1]]))

    return tf.nest.map_structure(forgotten, batch)


def steps_of(options, count):
    """Return the steps of an epoch: by flag, or --backgrounds_each passes over `count` pictures."""
    passes = getattr(options, "backgrounds_each", None) or 1
    return options.steps_per_epoch or max(1, passes * count // options.batch_size)


def _data(options, opened, count, judged, training, validated, targets):
    """Return Data; `opened` opens a stream of samples, of which there are `count`.

    `judged` is what `validation.stream` returns.
    """

    def stream(start, worker=(0, 1)):
        return opened(training, options.batch_size, options.seed, start, worker).map(targets)

    if judged is None:
        held_out, panel = None, next(iter(stream(0)))
    else:
        held_out, panel = validation.batches(options, *judged, validated, targets)
    return Data(stream, held_out, steps_of(options, count), panel)


def foregrounds(options) -> tuple[Source, Source]:
    """Return (training, held out or None) of --foregrounds."""
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
            pair = tuple(source and places.only(place, source, **wanted) for source in pair)
        else:
            reader = places.reader("image", "alpha", "foreground", "foreground_denoised")
            source = places.opened(place, reader, options.verify)
            pair = validation.split(options, places.only(place, source, **wanted))
        pairs.append(pair)
        shares.append(share)
    if len(pairs) == 1:
        return pairs[0]
    training, held_out = zip(*pairs, strict=True)
    if held_out[0] is None:
        return mixed(training, shares), None
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


def backgrounds(options, given=None) -> tuple[Source, Source | None]:
    """Return (training, held out or None) of --backgrounds.

    Some are held out as well if `given`, the set of --validation, has to be composed.
    """
    composed = given is not None and "image" not in places.roles(given)
    number = validation.HELD_OUT_EVERY if composed else validation.every(options)
    if not options.backgrounds:
        return _pools(synthetic.backgrounds, options, number)
    reader = places.reader("background", "background_denoised")
    source = places.opened(options.backgrounds, reader, options.verify)
    source = places.only(options.backgrounds, source, background=("background",))
    return hold_out(source, number) if number else (source, None)


def photographs(options) -> tuple[Source, Source | None]:
    """Return (training, validation) of the photographs with mattes in --foregrounds.

    A photograph without estimated foreground and background colours uses its own.
    """
    if not options.foregrounds or len(options.foregrounds) != 1:
        raise ValueError("specify photographs with mattes: --foregrounds am2k_layers:FOLDER.")
    (place,) = options.foregrounds
    reader = places.reader("image", "alpha", "foreground", "background")
    colours = {key: (key, "image") for key in ("foreground", "background")}

    def complete(place, source):
        return places.only(place, source, image=("image",), alpha=("alpha",), **colours)

    given = validation.read(options)
    source = complete(place, places.opened(place, reader, options.verify))
    training, held_out = validation.split(options, source)
    if held_out is not None:
        held_out = validation.bounded(options, held_out, validation.HELD_OUT_AT_MOST)
    return training, complete(options.validation, given) if given else held_out


def _pools(draw, options, number=None):
    side = options.figure_size or 2 * options.size
    held_out = max(8, options.figures // 10)
    drawn = draw(options.figures, (side, side), options.seed)
    if not (validation.every(options) if number is None else number):
        return drawn, None
    return drawn, draw(held_out, (side, side), options.seed + HELD_OUT_SEED)
