"""A file is replaced as a whole or not at all, also when its writer is killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_matting.atomic import exclusive_lock, replacing, write_between

ROOT = Path(__file__).parents[1]
KILLED = """
import os, signal, sys
from keras_matting.atomic import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_writing(path):
    run = subprocess.run([sys.executable, "-c", KILLED, path], cwd=ROOT)
    assert run.returncode == -signal.SIGKILL
    (left,) = set(path.parent.iterdir()) - {path}
    return left


def test_an_error_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("before")
    with pytest.raises(OSError, match="full"), replacing(path) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("half")
        raise OSError("full")
    assert [p.name for p in tmp_path.iterdir()] == ["scores.json"]
    assert path.read_text() == "before"


def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_text("before")
    left = killed_while_writing(path)
    assert path.read_text() == "before" and left.read_text() == "half"
    with replacing(tmp_path / "another.png") as temporary:
        temporary.write_text("whole")
    assert {p.name for p in tmp_path.iterdir()} == {"weights.h5", "another.png"}


def test_a_lock_removes_it_too_and_spares_what_a_running_process_writes(tmp_path):
    with replacing(tmp_path / "mine") as temporary:
        temporary.write_text("whole")
        stale = [tmp_path / "stale.png"]
        with subprocess.Popen([sys.executable, "-c", KILLED, stale[0]], cwd=ROOT) as process:
            process.wait()
        assert len(list(tmp_path.iterdir())) == 2
        with exclusive_lock(tmp_path):
            assert list(tmp_path.iterdir()) == [temporary]
    assert (tmp_path / "mine").read_text() == "whole"


def test_text_between_marks_is_replaced_and_both_marks_are_needed(tmp_path):
    path = tmp_path / "document.md"
    path.write_text("before\n<!-- a -->\nold\n<!-- end -->\n<!-- b -->\n<!-- end -->\nafter\n")
    for name in "ab":
        write_between(path, (f"<!-- {name} -->", "<!-- end -->"), f"new {name}")
    expected = "before\n<!-- a -->\nnew a\n<!-- end -->\n<!-- b -->\nnew b\n<!-- end -->\nafter\n"
    assert path.read_text() == expected
    with pytest.raises(ValueError, match="document.md needs the lines <!-- c --> and"):
        write_between(path, ("<!-- c -->", "<!-- end -->"), "new")
    assert path.read_text() == expected


def test_two_processes_cannot_lock_a_folder(tmp_path):
    other = "import sys; from keras_matting.atomic import exclusive_lock\n"
    other += "with exclusive_lock(sys.argv[1]): print('locked')"
    command = [sys.executable, "-c", other, tmp_path]
    with exclusive_lock(tmp_path):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1 and "another process is writing to" in run.stderr
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout == "locked\n"
