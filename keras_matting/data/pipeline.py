"""Endless streams of samples in which element i depends only on (seed, i).

No state is kept between elements: a run that resumes at step k opens its stream at
`start=k * batch_size` and gets the batches an uninterrupted run would have got, bit for bit on the
same machine. Another CPU or another TF_ENABLE_ONEDNN_OPTS may change colours by 1e-6.

    foregrounds, backgrounds = readers.rgba("cutouts"), readers.backgrounds("bg20k")
    train = composition(foregrounds, backgrounds, training(512), batch_size=16, seed=1)
    held_out = composition(foregrounds, backgrounds, validation(512), 16, seed=2, count=200)
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
    count: int | None = None,
) -> tf.data.Dataset:
    """Stream pairs of a foreground and a background; each pass over a source has a new order.

    `transforms` are operations of `augment`, applied in turn. With `presets.training` or
    `presets.validation` a batch has image, alpha, foreground and background, float32 in [0, 1], and
    trimap, uint8 {0, 128, 255}. `start` is the index of the first sample, not of the first batch.
    `worker` is (index, count): each worker gets its share of every batch, in batches again. With
    `count`, the stream ends after that many samples, and the last batch may be smaller.
    """
    sources = [foregrounds, backgrounds]
    return _stream(sources, transforms, batch_size, seed, start, worker, count)


def unlabelled(
    images: Source,
    transforms: Sequence[Callable],
    batch_size: int,
    seed: int,
    start: int = 0,
    worker: tuple[int, int] = (0, 1),
    count: int | None = None,
) -> tf.data.Dataset:
    """Stream a single source, such as photographs under "image"; see `composition`."""
    return _stream([images], transforms, batch_size, seed, start, worker, count)


def mixed(sources: list[Source], shares: list[float]) -> Source:
    """Combine sources of the same tensors into one, as long as all of them together.

    Sample i comes from the source into whose share of [0, 1) the i-th multiple of the golden ratio
    falls: this spreads the sources evenly over a pass, in proportion to `shares`.
    """
    size = sum(source.size for source in sources)
    limits = [sum(shares[: i + 1]) / sum(shares) for i in range(len(shares) - 1)]

    def load(index):
        place = tf.math.floormod(tf.cast(index, tf.float64) * 0.6180339887498949, 1.0)
        chosen = tf.reduce_sum(tf.cast(place >= tf.constant(limits, tf.float64), tf.int32))
        loads = [lambda s=source: s.load(tf.math.floormod(index, s.size)) for source in sources]
        return tf.switch_case(chosen, loads)

    return Source(size, load)


def _stream(sources, transforms, batch_size, seed, start, worker, count):
    index, workers = worker
    part = batch_size // workers

    @tf.autograph.experimental.do_not_convert  # nothing to convert, and trying takes seconds
    def make(number):
        position = start + number // part * batch_size + index * part + number % part
        sample = {"seed": _fold([seed, 0], position)}
        for salt, source in enumerate(sources, 1):
            sample |= source.load(_shuffled(position, source.size, seed, salt))
        for transform in transforms:
            sample = transform(sample)
        # denoised copies, of their own sizes, are for transforms that choose between both
        unused = [key for key in sample if key == "seed" or key.endswith("_denoised")]
        return {key: value for key, value in sample.items() if key not in unused}

    return (
        tf.data.Dataset.range(tf.int64.max if count is None else count)
        .map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size, drop_remainder=count is None)
        .prefetch(2)  # AUTOTUNE may hoard gigabytes of float pictures
        .with_options(_one_thread_each())
    )


def _one_thread_each():
    """Limit each operation to one thread: samples are already made in parallel."""
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1
    return options


def _shuffled(position, size, seed, salt):
    """Return the index at `position` of an endless sequence of permutations of `size`."""
    key = _fold([seed, salt], position // size)
    return tf.random.experimental.index_shuffle(position % size, key, size - 1)


def _fold(key, number):
    return tf.random.experimental.stateless_fold_in(key, tf.cast(number, tf.int32))
