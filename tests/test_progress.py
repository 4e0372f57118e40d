"""Progress is a bar in a terminal and a few lines in a log; quick tasks show none."""

import itertools
import sys

import pytest

from keras_matting import progress


@pytest.mark.parametrize("total", [1, 7, 20, 499, 12_000])
def test_at_most_twenty_lines_in_a_log(total, capsys):
    for done in range(1, total + 1):
        progress.show_progress(done, total, "checking")
    output = capsys.readouterr().err
    lines = output.splitlines()
    assert len(lines) == min(total, 20) and "\r" not in output
    assert lines[-1] == f"[{'=' * 30}] {total}/{total} checking"


def test_one_line_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for done in range(1, 50):
        progress.show_progress(done, 49, "checking")
    output = capsys.readouterr().err
    assert output.count("\n") == 1 and "49/49" in output and "checking" in output


def test_quick_tasks_show_nothing(capsys):
    assert list(progress.track(range(100), 100, "drawing")) == list(range(100))
    assert not capsys.readouterr().err


def test_slow_tasks_show_up_after_two_seconds(capsys, monkeypatch):
    seconds = itertools.count(0.0, 0.125)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    assert len(list(progress.track(range(100), 100, "drawing"))) == 100
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("20/100 drawing") and lines[-1].endswith("100/100 drawing")
    assert len(lines) == 17
