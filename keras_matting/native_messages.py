"""Messages that TensorFlow's and LiteRT's C++ code writes past Python's streams."""

import os
import sys
import tempfile
import threading
from contextlib import contextmanager

_lock = threading.RLock()  # the descriptors belong to the whole process


@contextmanager
def hidden(*descriptors, shown_on_error=False):
    """Discard what is written to file descriptors, 1 for stdout and 2 for stderr.

    With `shown_on_error` it is written to stderr after all when an exception passes.
    """
    with _lock, tempfile.TemporaryFile() as discarded:
        _flush()
        copies = {descriptor: _redirect(descriptor, discarded) for descriptor in descriptors}
        try:
            yield
        except Exception:
            if shown_on_error and copies.get(2) is not None:
                discarded.seek(0)
                os.write(copies[2], discarded.read())
            raise
        finally:
            _flush()
            for descriptor, copy in copies.items():
                if copy is not None:
                    os.dup2(copy, descriptor)
                    os.close(copy)


def _redirect(descriptor, file):
    """Point a descriptor at `file` and return a copy of it, or None if it is closed."""
    try:
        copy = os.dup(descriptor)
    except OSError:
        return None
    os.dup2(file.fileno(), descriptor)
    return copy


def _flush():
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
