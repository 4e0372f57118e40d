"""Datasets as TFRecord shards with random access.

    prepare("coco", "/data/coco", "/data/coco_records", shards=64, longest=1600)
    backgrounds = read("/data/coco_records")

A record is a tf.train.Example with the bytes of one file per role. `index.json` holds each shard's
SHA-256 and the offsets of its records, so reading element i costs one seek.
"""

import contextlib
import functools
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_matting import alpha_ranges
from keras_matting.atomic import exclusive_lock, replacing, write_text
from keras_matting.data.reading import datasets, files, readers
from keras_matting.data.reading.orientation import upright
from keras_matting.data.source import Source
from keras_matting.progress import track

INDEX = "index.json"
AT_ONCE = 64  # samples in memory
FRAMING = 16  # bytes TFRecord adds to a record: its length and two checksums
BUFFER = 1 << 18
JPEG_QUALITY = 95


def prepare(
    name: str,
    directory: str,
    out: str,
    split: str = "train",
    shards: int = 16,
    longest: int | None = None,
) -> dict:
    """Check a split of a dataset, write it to the folder `out` and return the index.

    Pictures with a side longer than `longest` pixels are scaled down, foregrounds weighted by their
    alpha: colour JPEGs to JPEG quality 95, everything else to PNG. Other files are stored byte for
    byte. A killed run resumes after the last complete shard when started again with the same
    arguments. Shards without bad files are written first; then one ValueError names all bad files,
    or says that all alphas are on a wrong scale. Raises ValueError immediately while another
    process writes to `out`.
    """
    samples = datasets.find(name, directory, split)
    if not 1 <= shards <= len(samples):
        raise ValueError(f"{len(samples)} samples cannot fill {shards} shards: use fewer shards.")
    if longest is not None and longest < files.SMALLEST:
        raise ValueError(f"longest={longest} is too small: use at least {files.SMALLEST} pixels.")
    request = dict(dataset=name, split=split, longest=longest, of=shards, roles=list(samples[0]))
    contents_of = functools.partial(
        _contents, directory=directory, exact=name in readers.LAYOUTS, longest=longest
    )
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out):
        index, faults = _written(samples, out, request, contents_of)
    if faults:
        files.refuse(directory, faults)
    _judge(directory, index)
    return index


def _judge(directory, index):
    """Judge the alphas of all shards, except those that an earlier version wrote."""
    found = [known.get("alphas") for known in index["shards"].values()]
    files.judge(directory, alpha_ranges.merged(filter(None, found)))


def _written(samples, out, request, contents_of):
    """Return the index, old and new shards together, and the faults of bad samples."""
    index, faults = _resumed(out, request), []
    name, shards = request["dataset"], request["of"]
    for number in range(shards):
        part = samples[len(samples) * number // shards : len(samples) * (number + 1) // shards]
        shard, made_of = f"{number:05}-of-{shards:05}.tfrecord", _fingerprint(part)
        known = index["shards"].pop(shard, None)
        if known and known["made_of"] == made_of and known["bytes"] == _size(out / shard):
            index["shards"][shard] = known
            continue
        task = f"{name}: shard {number + 1} of {shards}"
        offsets, alphas, found = _write(out / shard, part, contents_of, task)
        faults += found
        if not found:
            index["shards"][shard] = {
                "made_of": made_of,
                "alphas": alphas,
                "bytes": _size(out / shard),
                "sha256": _sha256(out / shard),
                "offsets": offsets,
            }
        _save(index, out / INDEX)
    return index, faults


def read(directory: str, verify: bool = True) -> Source:
    """Return a Source over what `prepare` wrote, with the tensors of `datasets.read`.

    Raises FileNotFoundError without an index, and ValueError if shards are missing or have changed;
    `verify=False` compares their sizes only. Records carry checksums too: reading a damaged one
    raises TensorFlow's DataLossError.
    """
    folder = Path(directory)
    if not is_prepared(folder):
        raise FileNotFoundError(f"{folder} has no {INDEX}: create it with prepare.")
    index = _load_index(folder)
    if len(index["shards"]) < index["of"]:
        done = f"{len(index['shards'])} of {index['of']} shards"
        raise ValueError(f"{folder} is not finished, it has {done}: run prepare again.")
    shards = sorted(index["shards"].items())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = pool.map(lambda item: _shard_fault(folder, *item, verify), shards)
        faults = [text for text in track(faults, len(shards), f"checking {folder}") if text]
    if faults:
        files.refuse(directory, faults)
    if verify:
        _judge(directory, index)
    names = tf.constant([os.fsencode(folder / shard) for shard, _ in shards])
    begins = [known["offsets"] for _, known in shards]
    shard_of = np.repeat(np.arange(len(shards)), [len(offsets) for offsets in begins])
    offset_of = np.concatenate(begins).astype(np.int64)
    features = {role: tf.io.FixedLenFeature([], tf.string) for role in index["roles"]}

    def load(i):
        # tf.data.TFRecordDataset cannot start in the middle of a file
        begun = tf.raw_ops.TFRecordDatasetV2(
            filenames=tf.gather(names, tf.gather(shard_of, i)),
            byte_offsets=tf.gather(offset_of, i),
            compression_type="",
            buffer_size=BUFFER,
        )
        stream = tf.data.experimental.from_variant(begun, tf.TensorSpec([], tf.string))
        record = stream.take(1).get_single_element()
        return files.decode(tf.io.parse_single_example(record, features))

    return Source(len(offset_of), load)


def is_prepared(directory: str) -> bool:
    """Return whether `directory` was written by `prepare`."""
    return Path(directory, INDEX).is_file()


def _resumed(out, request):
    if not is_prepared(out):
        return request | {"shards": {}}
    index = _load_index(out)
    before = {key: index[key] for key in request}
    if before != request:
        raise ValueError(f"{out} was started with {before}, not {request}: use another folder.")
    return index


def _load_index(folder):
    try:
        index = json.loads((folder / INDEX).read_bytes())
        return {key: index[key] for key in ("dataset", "split", "longest", "of", "roles", "shards")}
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / INDEX} is not a valid index: remove the folder and run prepare again."
        ) from None


def _fingerprint(samples):
    """Return a hash that changes when any file is added, removed or rewritten."""
    paths = [path for sample in samples for path in sample.values()]
    states = [(os.fsencode(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
    return hashlib.sha256(repr(states).encode()).hexdigest()


class _FaultySamples(Exception):
    """Raised to discard a shard that has bad samples."""


def _write(path, samples, contents_of, task):
    """Return the records' offsets, what is known of their alphas, and the faults found.

    With faults, write no file.
    """
    offsets, alphas, faults, end = [], [], [], 0
    with contextlib.suppress(_FaultySamples), replacing(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer, ThreadPoolExecutor() as pool:
            batches = (samples[i : i + AT_ONCE] for i in range(0, len(samples), AT_ONCE))
            contents = (item for batch in batches for item in pool.map(contents_of, batch))
            for roles, fault, alpha in track(contents, len(samples), task):
                if fault:
                    faults.append(fault)
                    continue
                if alpha:
                    alphas.append(alpha)
                record = _example(roles).SerializeToString(deterministic=True)
                writer.write(record)
                offsets.append(end)
                end += len(record) + FRAMING
        if faults:
            raise _FaultySamples
    return offsets, alpha_ranges.merged(alphas), faults


def _contents(sample, directory, exact, longest):
    """Return ({role: file content}, None, measured alpha), or (None, fault, None)."""
    fault, alpha = files.inspect(directory, sample, exact)
    if fault:
        return None, fault, None
    contents = {role: path.read_bytes() for role, path in sample.items()}
    if longest:
        contents = _reduced(contents, longest)
    return contents, None, alpha


def _reduced(contents, longest):
    """Scale {role: file content} of a sample down, colours in proportion to their alpha."""
    pictures = {role: _decoded(role, content) for role, content in contents.items()}
    h, w = next(iter(pictures.values())).shape[:2]
    if max(h, w) <= longest:
        return contents
    size = [max(files.SMALLEST, round(side * longest / max(h, w))) for side in (w, h)]
    reduced = {}
    for role, picture in pictures.items():
        if role in ("trimap", "label_ids"):
            small = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
        elif role == "cutout":
            colours = _blended(picture[..., :3], picture[..., 3:], size)
            small = np.dstack([colours, _mean(picture[..., 3], size)])
        elif role == "foreground" and "alpha" in pictures:
            small = _blended(picture, pictures["alpha"], size)
        else:
            small = _mean(picture, size)
        small = small.reshape(*size[::-1], -1)
        if contents[role].startswith(b"\xff\xd8") and role not in files.CHANNELS:
            reduced[role] = tf.io.encode_jpeg(small, quality=JPEG_QUALITY).numpy()
        else:
            reduced[role] = tf.io.encode_png(small).numpy()
    return reduced


def _decoded(role, content):
    picture = tf.io.decode_png(content, files.CHANNELS.get(role, 3))
    return upright(picture, content).numpy()


def _mean(picture, size):
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _blended(colours, alpha, size):
    """Return means weighted by alpha, and plain means where that is 0 everywhere."""
    weights = alpha.reshape(*alpha.shape[:2], 1) / np.float32(255)
    weighted = _mean(colours * weights, size)
    total = _mean(weights, size)[..., None]
    found = np.where(total > 0, weighted / np.maximum(total, 1e-6), _mean(colours, size))
    return np.rint(found).clip(0, 255).astype(np.uint8)


def _example(contents):
    feature = {
        role: tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
        for role, content in contents.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


def _shard_fault(folder, shard, known, verify):
    remedy = "(delete it and run prepare again)"
    size = _size(folder / shard)
    if size is None:
        return f"{shard} is missing (run prepare again)"
    if size != known["bytes"]:
        return f"{shard} has {size} bytes instead of {known['bytes']} {remedy}"
    if verify and _sha256(folder / shard) != known["sha256"]:
        return f"{shard} does not match its checksum {remedy}"
    return None


def _size(path):
    return path.stat().st_size if path.is_file() else None


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(index, path):
    write_text(path, json.dumps(index))
