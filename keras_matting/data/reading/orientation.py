"""The EXIF orientation of JPEG and PNG files, which TensorFlow's decoders ignore, in graph code."""

import tensorflow as tf

SEARCHED = 1 << 16  # bytes at the start of a file; EXIF comes before the pixels
ENTRIES = 64  # a camera's first directory has about a dozen
TAG = 0x0112


def upright(picture, content):
    """Turn a decoded picture (h, w, c) as the EXIF orientation of its file `content` says."""
    stored = orientation(content)

    def turned():
        swapped = tf.cond(stored >= 5, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)
        axes = [
            tf.reduce_any(stored == (3, 4, 7, 8)),  # upside down
            tf.reduce_any(stored == (2, 3, 6, 7)),  # mirrored
        ]
        return tf.reverse(swapped, tf.reshape(tf.where(axes), [-1]))

    found = tf.cond(stored > 1, turned, lambda: picture)
    return tf.ensure_shape(found, [None, None, picture.shape[-1]])


def orientation(content):
    """Return the EXIF orientation, 1 to 8, of a file's content; 1 without a valid one."""
    data = tf.io.decode_raw(tf.strings.substr(content, 0, SEARCHED), tf.uint8)
    # the directory may end anywhere
    data = tf.concat([data, tf.zeros([12 * ENTRIES + 16], tf.uint8)], 0)
    start = tf.cond(
        data[0] == 0xFF, lambda: _after(data, b"Exif\0\0"), lambda: _after(data, b"eXIf")
    )
    return tf.cond(start > 0, lambda: _tag(data, start), lambda: tf.constant(1))


def _after(data, marker):
    """Return the position behind the first occurrence of `marker`, or 0."""
    begins = tf.cast(tf.where(data[: -len(marker)] == marker[0]), tf.int32)  # (n, 1)
    texts = tf.gather(data, begins + tf.range(len(marker)))
    found = tf.boolean_mask(begins[:, 0], tf.reduce_all(texts == tuple(marker), -1))
    return tf.concat([found + len(marker), [0]], 0)[0]


def _tag(data, start):
    """Return the orientation in the TIFF directory at `start`."""
    little = data[start] == ord("I")

    def number(at, size):
        at = tf.clip_by_value(start + at, 0, tf.size(data) - size)
        parts = [tf.cast(tf.gather(data, at + i), tf.int32) for i in range(size)]
        return tf.where(little, _joined(parts[::-1]), _joined(parts))

    directory = number(4, 4)
    directory = tf.where(directory < 0, SEARCHED, directory)
    entries = directory + 2 + 12 * tf.range(tf.minimum(number(directory, 2), ENTRIES))
    value = number(tf.boolean_mask(entries, number(entries, 2) == TAG) + 8, 2)
    value = tf.concat([value, [1]], 0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _joined(parts):
    """Return the number of big-endian bytes."""
    joined = parts[0]
    for part in parts[1:]:
        joined = joined * 256 + part
    return joined
