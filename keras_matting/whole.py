"""Files that are whole or not there, whatever happens while they are written."""

import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path):
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
