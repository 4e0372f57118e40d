"""Atomic file writes, and a lock that keeps two processes out of one folder."""

import fcntl
import functools
import os
import platform
from contextlib import contextmanager
from pathlib import Path

PREFIX = f".partial-{platform.node()}-"


@contextmanager
def replacing(path):
    """Yield a temporary path in the same folder; on success it replaces `path`.

    On an error the temporary is removed and a file that was at `path` stays as it was. Temporaries
    of killed processes are removed when this process first writes to their folder.
    """
    path = Path(path)
    _remove_stale_once(path.parent.absolute())
    # Keras and OpenCV choose the format by the extension, so the original name comes last
    temporary = path.with_name(f"{PREFIX}{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path, data: bytes):
    """Write a file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path, text: str):
    """Write a UTF-8 text file atomically."""
    write_bytes(path, text.encode())


def write_between(path, marks: tuple[str, str], text: str):
    """Replace what stands between two lines of a UTF-8 text file; ValueError if it lacks them."""
    head, first, rest = Path(path).read_text("utf-8").partition(marks[0])
    _, second, tail = rest.partition(marks[1])
    if not (first and second):
        raise ValueError(f"{path} needs the lines {marks[0]} and, below it, {marks[1]}")
    write_text(path, f"{head}{first}\n{text}\n{second}{tail}")


@functools.cache  # listing a large folder for every file in it would be slow
def _remove_stale_once(folder):
    if folder.is_dir():
        _remove_stale(folder)


def _remove_stale(folder):
    """Remove temporaries that dead processes of this machine left in `folder`."""
    for name in os.listdir(folder):
        pid = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and pid.isdigit() and not _is_running(int(pid)):
            Path(folder, name).unlink(missing_ok=True)


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


@contextmanager
def exclusive_lock(folder):
    """Raise ValueError if another process holds the lock on `folder`, which must exist.

    The lock ends with the process, even a killed one. File systems that cannot lock folders, such
    as NFS, are not guarded.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(
            f"another process is writing to {folder}; wait until it ends or choose another folder"
        ) from None
    except OSError:
        pass
    try:
        _remove_stale(folder)
        yield
    finally:
        os.close(descriptor)
