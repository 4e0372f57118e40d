"""Shards hold what the folder holds, in any order, or say what is missing."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.atomic import exclusive_lock
from keras_matting.data import composition, validation
from keras_matting.data.reading import datasets, records

COUNT = 11
RNG = np.random.default_rng(3)


def number(i):
    return tf.constant(i, tf.int64)


@pytest.fixture
def folder(tmp_path):
    """Distinctions-646 with eleven figures of different sizes."""
    for kind in ("FG", "GT"):
        (tmp_path / "Train" / kind).mkdir(parents=True)
    for i in range(COUNT):
        for kind, channels in (("FG", 3), ("GT", 1)):
            picture = RNG.integers(0, 256, (20 + i, 40, channels), dtype=np.uint8)
            content = tf.io.encode_png(picture).numpy()
            (tmp_path / "Train" / kind / f"figur {i:02} 猫.png").write_bytes(content)
    return tmp_path


def prepare(folder, **options):
    out = folder / "records"
    records.prepare("distinctions646", str(folder), str(out), **({"shards": 3} | options))
    return out


def assert_same(source, expected):
    assert source.size == expected.size
    for i in reversed(range(source.size)):
        ours, theirs = source.load(number(i)), expected.load(number(i))
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key])


def test_records_equal_files_in_any_order(folder):
    out = prepare(folder)
    assert_same(records.read(str(out)), datasets.read("distinctions646", str(folder)))
    assert sorted(path.name for path in out.iterdir()) == [
        *(f"0000{i}-of-00003.tfrecord" for i in range(3)),
        "index.json",
    ]


def test_composition_from_records_is_that_from_files(folder):
    source = datasets.read("distinctions646", str(folder))
    shards = records.read(str(prepare(folder)))
    streams = [
        composition(
            s, s._replace(load=lambda i, s=s: {"background": s.load(i)["foreground"]}),
            validation(16), batch_size=2, seed=5, start=6,
        )
        for s in (source, shards)
    ]  # fmt: skip
    for ours, theirs in zip(*[stream.take(3) for stream in streams], strict=True):
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key])


def test_longest_side(folder):
    source = records.read(str(prepare(folder, longest=10)))
    for i in range(COUNT):
        sample = source.load(number(i))
        height = round((20 + i) * 10 / 40)
        assert sample["foreground"].shape == (height, 10, 3)
        assert sample["alpha"].shape == (height, 10, 1)
    exact = datasets.read("distinctions646", str(folder)).load(number(0))["alpha"].numpy()
    halved = exact.reshape(5, 4, 10, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(source.load(number(0))["alpha"][..., 0], halved, atol=0.5)
    assert_same(records.read(str(prepare(folder, longest=10))), source)


def test_labels_are_reduced_without_mixing(tmp_path):
    names = {"leftImg8bit": "leftImg8bit", "gtFine": "gtFine_labelIds"}
    for kind, ending in names.items():
        place = tmp_path / kind / "train" / "ulm"
        place.mkdir(parents=True)
        picture = np.full((32, 32, 3 if kind == "leftImg8bit" else 1), 7, np.uint8)
        picture[:, 17:] = 11
        (place / f"ulm_000000_000019_{ending}.png").write_bytes(tf.io.encode_png(picture).numpy())
    out = str(tmp_path / "records")
    records.prepare("cityscapes", str(tmp_path), out, shards=1, longest=8)
    labels = records.read(out).load(number(0))["labels"]
    assert labels.shape == (8, 8, 1)
    assert set(np.unique(labels)) == {0, 2}


@pytest.mark.parametrize("kind", ["rgba", "foreground_alpha"])
def test_colours_of_transparent_pixels_do_not_leak(tmp_path, kind):
    """A bright figure on transparent black stays bright to its edge."""
    alpha = np.zeros((32, 32, 1), np.uint8)
    alpha[:, 10:] = 255
    colour = np.broadcast_to(np.where(alpha > 0, 250, 0).astype(np.uint8), (32, 32, 3))
    files = {"foreground/a": colour, "alpha/a": alpha}
    if kind == "rgba":
        files = {"a": np.concatenate([colour, alpha], -1)}
    for name, picture in files.items():
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(tf.io.encode_png(picture).numpy())
    records.prepare(kind, str(tmp_path), str(tmp_path / "out"), shards=1, longest=8)
    sample = records.read(str(tmp_path / "out")).load(number(0))
    # columns of 4: the third has two transparent and two opaque ones
    np.testing.assert_array_equal(sample["alpha"][0, :, 0], [0, 0, 128, *[255] * 5])
    np.testing.assert_array_equal(sample["foreground"][0, 2:, 0], [250] * 6)


def test_mattes_on_another_scale_are_refused(folder):
    for i in range(COUNT):
        path = folder / "Train" / "GT" / f"figur {i:02} 猫.png"
        path.write_bytes(tf.io.encode_png(tf.io.decode_png(path.read_bytes()) // 2).numpy())
    for _ in range(2):  # also when all shards exist
        with pytest.raises(ValueError, match="their largest value is 127, but alphas reach"):
            prepare(folder)
    with pytest.raises(ValueError, match="their largest value is 127"):
        records.read(str(folder / "records"))
    assert records.read(str(folder / "records"), verify=False).size == COUNT


def test_records_of_photographs_are_upright(tmp_path):
    picture = np.zeros((8, 12, 3), np.uint8)
    picture[:4] = 255
    tiff = b"MM" + struct.pack(">HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff
    content = tf.io.encode_png(picture).numpy()
    content = content[:33] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + content[33:]
    (tmp_path / "a.png").write_bytes(content)
    for longest, shape in ((None, (12, 8, 3)), (6, (6, 4, 3))):
        out = str(tmp_path / f"records {longest}")
        records.prepare("images", str(tmp_path), out, shards=1, longest=longest)
        found = records.read(out).load(number(0))["image"].numpy()
        assert found.shape == shape
        assert (found[:, shape[1] // 2 :] == 255).all() and not found[:, : shape[1] // 2].any()


def test_resumes_after_a_kill(folder):
    expected = {p.name: p.read_bytes() for p in prepare(folder).iterdir()}
    for path in (folder / "records").iterdir():
        path.unlink()
    script = (
        "import os, signal, sys\n"
        "from keras_matting.data.reading import records\n"
        "write, done = records._contents, []\n"
        "def killed(*args, **kw):\n"
        "    done.append(1)\n"
        "    if len(done) > 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return write(*args, **kw)\n"
        "records._contents = killed\n"
        "records.prepare('distinctions646', sys.argv[1], sys.argv[2], shards=3)\n"
    )
    command = [sys.executable, "-c", script, folder, folder / "records"]
    run = subprocess.run(command, cwd=Path(__file__).parents[3])
    assert run.returncode == -9
    left = folder / "records" / "00000-of-00003.tfrecord"
    before = left.stat()
    with pytest.raises(ValueError, match="not finished, it has 1 of 3 shards: run prepare again"):
        records.read(str(folder / "records"))
    prepare(folder)
    assert left.stat().st_mtime_ns == before.st_mtime_ns
    assert {p.name: p.read_bytes() for p in (folder / "records").iterdir()} == expected


def test_one_process_at_a_time(folder):
    out = prepare(folder)
    with exclusive_lock(out), pytest.raises(ValueError, match="another process is writing to"):
        prepare(folder)
    prepare(folder)


def test_bad_files_are_named_and_good_shards_kept(folder):
    bad = folder / "Train" / "GT" / "figur 09 猫.png"
    content = bad.read_bytes()
    bad.write_bytes(content[:-40])
    with pytest.raises(ValueError, match="figur 09 猫.png is truncated or corrupt"):
        prepare(folder)
    kept = {p.name: p.stat().st_mtime_ns for p in (folder / "records").glob("*.tfrecord")}
    assert sorted(kept) == ["00000-of-00003.tfrecord", "00001-of-00003.tfrecord"]
    bad.write_bytes(content)
    out = prepare(folder)
    assert_same(records.read(str(out)), datasets.read("distinctions646", str(folder)))
    assert all((out / name).stat().st_mtime_ns == when for name, when in kept.items())


def test_changed_file_is_written_again(folder):
    prepare(folder)
    alpha = tf.io.encode_png(RNG.integers(0, 256, (20, 40, 1), dtype=np.uint8)).numpy()
    (folder / "Train" / "GT" / "figur 00 猫.png").write_bytes(alpha)
    out = prepare(folder)
    np.testing.assert_array_equal(
        records.read(str(out)).load(number(0))["alpha"], tf.io.decode_png(alpha)
    )


def fault(out, **options):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        records.read(str(out), **options)
    text = str(caught.value)
    assert str(out) in text and "\n" not in text
    return text


def test_missing_short_and_damaged_shards_are_named(folder):
    out = prepare(folder)
    first, second, third = (out / f"0000{i}-of-00003.tfrecord" for i in range(3))
    content = bytearray(second.read_bytes())
    content[100] ^= 1
    second.write_bytes(content)
    text = fault(out)
    assert f"{second.name} does not match its checksum (delete it and run prepare again)" in text
    assert first.name not in text and third.name not in text
    unverified = records.read(str(out), verify=False)
    with pytest.raises(tf.errors.DataLossError):
        unverified.load(number(3))
    third.write_bytes(third.read_bytes()[:-1])
    first.unlink()
    text = fault(out, verify=False)
    assert f"{first.name} is missing" in text and f"{third.name} has " in text
    second.unlink()
    assert_same(records.read(str(prepare(folder))), datasets.read("distinctions646", folder))


def test_no_index_and_no_json(folder):
    assert "has no index.json: create it with prepare" in fault(folder)
    out = prepare(folder)
    (out / "index.json").write_text(json.dumps({"shards": []}))
    assert "is not a valid index" in fault(out)


def test_another_request_into_the_same_folder(folder):
    prepare(folder)
    with pytest.raises(ValueError, match="was started with .* use another folder"):
        prepare(folder, longest=10)
    with pytest.raises(ValueError, match="11 samples cannot fill 12 shards"):
        prepare(folder, shards=12)
    assert os.listdir(folder / "records").count("index.json") == 1
