"""Where a recipe's pictures come from: datasets named by flags, or the synthetic figures.

--foregrounds composition1k:/data/Combined_Dataset      a row of keras_matting.data.reading.datasets
--foregrounds /data/records                             what `keras_matting.data prepare` wrote
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

FLAGS = flags.FLAGS
SYNTHETIC = "synthetic"  # in place of a folder: figures that are drawn
HELD_OUT_SEED = 1_000_003  # far from --seed: no figure is drawn both for training and validation
HELD_OUT_EVERY = 20


class Data(NamedTuple):
    """What `run.fit` trains on.

    `stream(start, (worker, workers))` opens the endless batches from sample `start` on, of which
    a worker gets its share; `held_out` are batches to validate on, or None; `steps` are those of an
    epoch; `panel` is a batch to draw after every epoch.
    """

    stream: Callable
    held_out: tf.data.Dataset | None
    steps: int
    panel: Any


def define_flags(kind="any", figures=300):
    """--foregrounds, --backgrounds and what is drawn without them, by default `kind`."""
    flags.DEFINE_multi_string(
        "foregrounds",
        None,
        "Folder of RGBA cut-outs, or one with foreground/ and alpha/ in it, or of photographs with "
        "image/ and alpha/ (and foreground/, their colours without the background); or NAME:FOLDER "
        "of a dataset in docs/datasets.md, or a folder that prepare wrote. Every 20th picture is "
        "held out for validation. May be repeated, each with its share: --foregrounds people=0.7 "
        "--foregrounds synthetic=0.3. Without it, synthetic figures are drawn.",
    )
    flags.DEFINE_string(
        "backgrounds",
        None,
        "Folder of pictures, NAME:FOLDER of a dataset, or a folder that prepare wrote; every 20th "
        "held out. Without it, synthetic ones.",
    )
    flags.DEFINE_bool("verify", True, "Check every file before training starts.")
    flags.DEFINE_integer(
        "figures", figures, "Synthetic figures to draw, and backgrounds; a tenth more are held out."
    )
    flags.DEFINE_integer("figure_size", None, "Their side in pixels; default twice the crop's.")
    flags.DEFINE_enum("figure_kind", kind, ["any", *synthetic.FIGURES], "What is drawn.")


def defaults(published, on_synthetic):
    """Of a recipe's two defaults, or sets of them, the one for what --foregrounds says."""
    return published if FLAGS.foregrounds else on_synthetic


def photographed(config, training, validation, targets, sizes=()) -> Data:
    """Photographs with mattes, and other figures, each kept or before another background.

    `training(size)` gives a list of transforms. `sizes` are the sides of successive steps' crops,
    in turn; the batch changes with their area, so that all steps take about as long.
    """
    pools, others = figures(config.size), backgrounds(config.size)
    opened = [functools.partial(composition, *pair) for pair in zip(pools, others, strict=True)]
    data = _data(config, opened, pools, training(config.size), validation, targets)
    if not sizes:
        return data

    def stream(start, worker=(0, 1)):
        turns, rest = divmod(start // config.batch_size, len(sizes))
        streams = []
        for i, size in enumerate(sizes):
            batch = max(1, round(config.batch_size * (config.size / size) ** 2))
            first = (turns + (i < rest)) * batch
            streams.append(opened[0](training(size), batch, FLAGS.seed + i, first, worker))
        # one map over all, whose shapes are alike but for the sizes that are left open
        step = tf.data.Dataset.range(start // config.batch_size, tf.int64.max)
        return tf.data.Dataset.choose_from_datasets(
            [s.map(targets).map(_of_any_size) for s in streams], step.map(lambda i: i % len(sizes))
        )

    return data._replace(stream=stream)


def composites(config, training, validation, targets) -> Data:
    """Composed anew every step, by the flags' foregrounds and backgrounds.

    `training` and `validation` are lists of transforms, or `training` a function that makes one of
    the foregrounds' Source; `targets` makes ({input: tensor}, {output: truth}) of a batch.
    """
    pools, others = foregrounds(config.size), backgrounds(config.size)
    transforms = training(pools[0]) if callable(training) else training
    opened = [functools.partial(composition, *pair) for pair in zip(pools, others, strict=True)]
    return _data(config, opened, pools, transforms, validation, targets)


def pictures(config, source, held_out, training, validation, targets) -> Data:
    """Of one Source that holds all that a sample needs, such as photographs with their alpha."""
    pools = source, held_out
    opened = [functools.partial(unlabelled, pool) for pool in pools]
    return _data(config, opened, pools, training, validation, targets)


def _of_any_size(*batch):
    """A batch whose static shapes leave batch, height and width open."""

    def opened(tensor):
        return tf.ensure_shape(tensor, [None, None, None, tensor.shape[-1]])

    def forgotten(tensor):
        shape = tf.shape(tensor)
        return opened(tf.reshape(tensor, [shape[0], shape[1], shape[2], tensor.shape[-1]]))

    return tf.nest.map_structure(forgotten, batch)


def steps_of(config, count):
    """Steps of an epoch: by flag, or else one pass over `count` pictures."""
    return config.steps_per_epoch or max(1, count // config.batch_size)


def _data(config, opened, pools, training, validation, targets):
    """`opened` and `pools`: for training and held out, what opens a stream and its Source."""
    batch = config.batch_size

    def stream(start, worker=(0, 1)):
        return opened[0](training, batch, FLAGS.seed, start, worker).map(targets)

    held_out = opened[1](validation, batch, FLAGS.seed).map(targets)
    held_out = held_out.take(max(1, pools[1].size // batch)).cache()
    return Data(stream, held_out, steps_of(config, pools[0].size), next(iter(held_out)))


def foregrounds(size) -> tuple[Source, Source]:
    """-> (training, held out), by the flags; `size` is the side of the crops in pixels."""
    # photographs with a matte serve as they are: their colour at the edge is a mixture
    return _shared(size, foreground=("foreground", "image"), alpha=("alpha",))


def figures(size) -> tuple[Source, Source]:
    """As `foregrounds`, with the `image` a figure is from and whether that is a `photograph`."""
    wanted = {key: (key, other) for key, other in (("foreground", "image"), ("image", None))}
    return _shared(size, **wanted, alpha=("alpha",))


def _shared(size, **wanted):
    pairs, shares = [], []
    for given in FLAGS.foregrounds or [SYNTHETIC]:
        place, share = _with_share(given)
        if place == SYNTHETIC:
            kind = None if FLAGS.figure_kind == "any" else FLAGS.figure_kind
            pair = _pools(functools.partial(synthetic.foregrounds, kind=kind), size)
            pair = tuple(_only(place, source, **wanted) for source in pair)
        else:
            source = _only(place, _opened(place, _reader_of_figures(place)), **wanted)
            pair = hold_out(source, HELD_OUT_EVERY)
        pairs.append(pair)
        shares.append(share)
    if len(pairs) == 1:
        return pairs[0]
    training, held_out = zip(*pairs, strict=True)
    return mixed(training, shares), mixed(held_out, [source.size for source in held_out])


def _with_share(given):
    """FOLDER=0.7 -> FOLDER, 0.7; without a number all have the same share."""
    place, equals, share = given.rpartition("=")
    if not equals or Path(given).exists():
        return given, 1.0
    try:
        number = float(share)
    except ValueError:
        return given, 1.0
    if not 0.0 < number < math.inf:
        raise ValueError(f"--foregrounds={given}: a share is a number above 0.")
    return place, number


def _reader_of_figures(place):
    if (Path(place) / "image").is_dir():
        if (Path(place) / "foreground").is_dir():
            return readers.photographs
        return readers.photographs_with_alpha
    return readers.foreground_alpha if (Path(place) / "foreground").is_dir() else readers.rgba


def backgrounds(size) -> tuple[Source, Source]:
    """-> (training, held out), by the flags."""
    if not FLAGS.backgrounds:
        return _pools(synthetic.backgrounds, size)
    source = _opened(FLAGS.backgrounds, readers.backgrounds)
    source = _only(FLAGS.backgrounds, source, background=("background",))
    return hold_out(source, HELD_OUT_EVERY)


def photographs() -> tuple[Source, Source]:
    """-> (training, held out) of photographs with their mattes, by --foregrounds.

    Where a dataset has no foreground and background of a photograph, its own colours stand in.
    """
    if not FLAGS.foregrounds or len(FLAGS.foregrounds) != 1:
        raise ValueError("Name photographs with mattes: --foregrounds am2k_layers:FOLDER.")
    (place,) = FLAGS.foregrounds
    source = _opened(place, readers.foreground_alpha)
    colours = {key: (key, "image") for key in ("foreground", "background")}
    source = _only(place, source, image=("image",), alpha=("alpha",), **colours)
    return hold_out(source, HELD_OUT_EVERY)


def _opened(place, read_folder):
    name, _, folder = place.partition(":")
    if folder and not Path(place).exists():
        return datasets.read(name, folder, verify=FLAGS.verify)
    if records.is_prepared(place):
        return records.read(place, FLAGS.verify)
    return read_folder(place, FLAGS.verify)


def _only(place, source, **wanted):
    """Of what the source gives, the first there is of each wanted key's names."""
    there = tf.data.Dataset.range(1).map(source.load).element_spec
    chosen = {key: next((n for n in names if n in there), None) for key, names in wanted.items()}
    optional = [key for key, names in wanted.items() if None in names]
    stand_ins = [key for key in optional if chosen[key] is None]
    chosen = {key: name or (key in optional and "foreground") for key, name in chosen.items()}
    if not all(chosen.values()):
        needed = " and ".join(" or ".join(names) for names in wanted.values())
        raise ValueError(f"{place} gives {', '.join(there)}, and {needed} is needed.")

    # what RSSN may take in their place
    chosen |= {key: key for key in there if key.removesuffix("_denoised") in wanted}

    def load(index):
        sample = source.load(index)
        found = {key: sample[name] for key, name in chosen.items()}
        return found | {"photograph": tf.constant(not stand_ins)} if optional else found

    return Source(source.size, load)


def _pools(draw, size):
    side = FLAGS.figure_size or 2 * size
    held_out = max(8, FLAGS.figures // 10)
    return (
        draw(FLAGS.figures, (side, side), FLAGS.seed),
        draw(held_out, (side, side), FLAGS.seed + HELD_OUT_SEED),
    )
