"""A file with a checksum loads as it was exported or is refused in one sentence."""

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_matting.inference import checksum, load_tflite
from keras_matting.inference.tflite import read_tflite

ROOT = Path(__file__).parents[2]
# written by android_demo/tools/fixtures.py, which computes the digest itself
FIXTURE = ROOT / "android_demo/desktop/tests/fixtures/checksum.tflite"


def test_any_changed_byte_outside_the_marker_is_noticed():
    data = FIXTURE.read_bytes()
    assert checksum.has_checksum(data)
    start = data.index(checksum.MARKER)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        if start <= at < start + len(checksum.MARKER):
            assert not checksum.has_checksum(bytes(changed))
            continue
        with pytest.raises(ValueError, match="^its checksum does not match$"):
            checksum.has_checksum(bytes(changed))


def test_a_file_that_ends_within_its_checksum_is_damaged():
    data = FIXTURE.read_bytes()
    with pytest.raises(ValueError, match="checksum"):
        checksum.has_checksum(data[: data.index(checksum.MARKER) + 40])


def test_the_digest_is_that_of_the_file_with_zeros_in_its_place():
    blank = b"before " + checksum.MARKER + bytes(32) + b" after"
    expected = hashlib.sha256(blank).digest()
    assert checksum.fill_in(blank) == b"before " + checksum.MARKER + expected + b" after"


def test_loading_names_the_damaged_file(tmp_path):
    load_tflite(FIXTURE)
    changed = bytearray(FIXTURE.read_bytes())
    changed[-1] ^= 1
    path = tmp_path / "changed.tflite"
    path.write_bytes(changed)
    with pytest.raises(ValueError) as caught:
        load_tflite(path)
    assert str(caught.value) == (
        f"{path} is damaged: its checksum does not match; copy or export it again"
    )


def test_a_file_of_another_converter_is_only_noted(tmp_path, caplog):
    path = tmp_path / "other.tflite"
    path.write_bytes(b"without a checksum")
    with caplog.at_level(logging.WARNING):
        assert read_tflite(path) == b"without a checksum"
        assert caplog.messages == []
    with caplog.at_level(logging.INFO):
        read_tflite(path)
    assert caplog.messages == [f"{path} has no checksum, so it is not verified."]


def test_a_command_tells_of_it_with_verbose_only(tmp_path):
    """In a process whose environment does not silence TensorFlow."""
    picture, out = str(tmp_path / "a.png"), str(tmp_path / "out")
    cv2.imwrite(picture, np.zeros((8, 8, 3), np.uint8))
    data = FIXTURE.read_bytes()
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(data.replace(checksum.MARKER, checksum.MARKER.lower()))
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    for flags, note in ([], ""), (["--verbose"], f"{plain} has no checksum"):
        command = [sys.executable, "-m", "keras_matting.predict", picture, out, *flags]
        done = subprocess.run(
            [*command, "--tflite", str(plain)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
        assert [line.split(", so")[0] for line in lines] == ([note] if note else [])


def test_a_tflite_file_needs_no_tensorflow():
    code = "import sys; from keras_matting.inference import load_tflite, predict_alpha\n"
    code += "import numpy as np; predict_alpha(load_tflite(sys.argv[1]), np.zeros((8, 8, 3)))\n"
    code += "sys.exit('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(FIXTURE)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
