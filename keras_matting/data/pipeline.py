"""Endless streams of samples in which element i is a function of (seed, i) alone.

Nothing is stored between elements: a run that resumes at step k opens its stream at
`start=k * batch_size` and sees the batches an undisturbed run would have seen, bit for bit on the
same machine. Another CPU, or TF_ENABLE_ONEDNN_OPTS set otherwise, may change colours by 1e-6.

    foregrounds, backgrounds = readers.rgba("cutouts"), readers.backgrounds("bg20k")
    train = composition(foregrounds, backgrounds, training(512), batch_size=16, seed=1)
    held_out = composition(foregrounds, backgrounds, validation(512), 16, seed=2).take(10)
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from keras_matting.data.source import Source


def composition(
    foregrounds: Source,
    backgrounds: Source,
    transforms: Sequence[Callable],
    batch_size: int,
    seed: int,
    start: int = 0,
    worker: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Pairs of a foreground and a background, each pass over a source in a new order.

    `transforms` are operations of `augment`, applied in turn; with `presets.training` or
    `presets.validation` a batch holds image, alpha, foreground, background float32 [0, 1]
    and trimap uint8 {0, 128, 255}. `start` is the index of the first sample, not batch. Of several
    workers, (index, number), each gets its part of every batch, those parts again in batches.
    """
    return _stream([foregrounds, backgrounds], transforms, batch_size, seed, start, worker)


def unlabelled(
    images: Source,
    transforms: Sequence[Callable],
    batch_size: int,
    seed: int,
    start: int = 0,
    worker: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """The same for one source alone: photographs under "image", or with what else it loads."""
    return _stream([images], transforms, batch_size, seed, start, worker)


def mixed(sources: list[Source], shares: list[float]) -> Source:
    """One source of several, which give the same tensors; a pass has as many samples as they.

    Sample i is of the source into whose share of [0, 1) the i-th multiple of the golden ratio
    falls, which spreads the sources evenly over a pass, in proportion to `shares`.
    """
    size = sum(source.size for source in sources)
    limits = [sum(shares[: i + 1]) / sum(shares) for i in range(len(shares) - 1)]

    def load(index):
        place = tf.math.floormod(tf.cast(index, tf.float64) * 0.6180339887498949, 1.0)
        chosen = tf.reduce_sum(tf.cast(place >= tf.constant(limits, tf.float64), tf.int32))
        loads = [lambda s=source: s.load(tf.math.floormod(index, s.size)) for source in sources]
        return tf.switch_case(chosen, loads)

    return Source(size, load)


def _stream(sources, transforms, batch_size, seed, start, worker):
    index, workers = worker
    part = batch_size // workers

    @tf.autograph.experimental.do_not_convert  # there is nothing to convert, which takes seconds
    def make(count):
        position = start + count // part * batch_size + index * part + count % part
        sample = {"seed": _fold([seed, 0], position)}
        for salt, source in enumerate(sources, 1):
            sample |= source.load(_shuffled(position, source.size, seed, salt))
        for transform in transforms:
            sample = transform(sample)
        return {key: value for key, value in sample.items() if key != "seed"}

    return (
        tf.data.Dataset.range(tf.int64.max)
        .map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size, drop_remainder=True)
        .prefetch(2)  # AUTOTUNE may hoard gigabytes of float pictures
        .with_options(_one_thread_each())
    )


def _one_thread_each():
    """Samples are made side by side: an operation that splits itself up as well only waits."""
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1
    return options


def _shuffled(position, size, seed, salt):
    """Index at `position` of an endless sequence in which every run of `size` is a permutation."""
    key = _fold([seed, salt], position // size)
    return tf.random.experimental.index_shuffle(position % size, key, size - 1)


def _fold(key, number):
    return tf.random.experimental.stateless_fold_in(key, tf.cast(number, tf.int32))
