"""The commands of python -m keras_matting.data, as typed by a user."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.reading import records

ROOT = Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, "-m", "keras_matting.data", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def put(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(picture).numpy())


def test_prepare(tmp_path):
    for i in range(4):
        put(tmp_path / "pictures" / f"ein Bild {i}.png", np.full((6, 8, 3), i, np.uint8))
    out = tmp_path / "records"
    done = run("prepare", "--dataset=backgrounds", f"--folder={tmp_path / 'pictures'}",
               f"--out={out}", "--shards=2", "--size=4")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{out}: 4 samples in 2 shards, ")
    source = records.read(str(out))
    first = [source.load(tf.constant(i, tf.int64))["background"][0, 0, 0] for i in range(4)]
    assert first == [0, 1, 2, 3]
    assert source.load(tf.constant(0, tf.int64))["background"].shape == (3, 4, 3)


def test_compose_test(tmp_path):
    put(tmp_path / "fg" / "leaf.png", np.full((6, 8, 3), 250, np.uint8))
    put(tmp_path / "alpha" / "leaf.png", np.eye(6, 8, dtype=np.uint8)[..., None] * 200)
    put(tmp_path / "voc" / "street.jpg", np.full((3, 3, 3), 100, np.uint8))
    (tmp_path / "fg.txt").write_text("leaf.png\n")
    (tmp_path / "bg.txt").write_text("street.jpg\n" * 20)
    done = run("compose-test", *(tmp_path / kind for kind in ("fg", "alpha", "voc")),
               f"--fg_names={tmp_path / 'fg.txt'}", f"--bg_names={tmp_path / 'bg.txt'}",
               f"--out={tmp_path / 'out'}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out'}/merged: 20 images\n"
    made = tf.io.decode_png(tf.io.read_file(str(tmp_path / "out" / "merged" / "leaf_19.png")))
    # 200/255 * 250 + 55/255 * 100 = 217.6
    expected = np.where(np.eye(6, 8)[..., None] > 0, 217, 100)
    np.testing.assert_array_equal(made, np.broadcast_to(expected, (6, 8, 3)))


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["prepare", "--dataset=coco"], "prepare needs --folder, --out; see --help for an example"),
        (["prepare", "--dataset=coco", "--folder=/nowhere", "--out=x"], "/nowhere is not a folder"),
        (["compose-test", "a", "b", "--out=x"], "wrong number of folders for compose-test"),
        (
            ["compose-test", "a", "b", "c", "--out=x", "--dataset=composition1k"],
            "composition1k needs --fg-names, --bg-names and published --trimaps",
        ),
    ],
)
def test_errors_are_one_line(arguments, reason):
    done = run(*arguments)
    assert done.returncode == 1 and reason in done.stderr and "Traceback" not in done.stderr
