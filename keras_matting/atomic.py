"""Files that are whole or not there, whatever happens while they are written."""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path):
    """Gives a path beside `path` to write to; what is there at the end takes its name.

    With an error nothing is left, and a file that was at `path` stays.
    """
    path = Path(path)
    # what kind of file it is, Keras tells by the end of the name
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def exclusive_lock(folder):
    """Keeps two processes from writing to a folder at once: the second gets a ValueError.

    The system frees the folder when the process ends, killed or not. NFS cannot lock folders and is
    not guarded.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(
            f"Another process is writing to {folder}: wait for its end or name another folder."
        ) from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(descriptor)
