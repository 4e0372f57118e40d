"""What C++ code writes is hidden, what Python writes around it is not."""

import os
import sys

import pytest

from keras_matting import native_messages


def test_only_what_is_written_inside_is_hidden(capfd):
    print("before", file=sys.stderr)
    with native_messages.hidden(2):
        os.write(2, b"INFO: Created a delegate\n")
        os.write(1, b"result\n")
        with native_messages.hidden(1, 2):
            os.write(1, b"more noise\n")
    print("after", file=sys.stderr)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("result\n", "before\nafter\n")


def test_an_error_may_show_it(capfd):
    for shown in (False, True):
        with pytest.raises(RuntimeError), native_messages.hidden(1, 2, shown_on_error=shown):
            os.write(1, b"the reason\n")
            raise RuntimeError
        assert capfd.readouterr().err == ("the reason\n" if shown else "")
