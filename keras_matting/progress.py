"""Progress on stderr: a bar in a terminal, at most twenty lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator

QUIET_SECONDS = 2.0


def show_progress(done, total, note):
    """Redraw the bar in a terminal; in a log, print a line for each twentieth of `total`.

    If `total` is None, there is no bar, and a line in a log for each doubling of `done`.
    """
    if total is None:
        line, is_due = f"{done} {note}", done & (done - 1) == 0
    else:
        filled = 30 * done // total
        line = f"[{'=' * filled}{' ' * (30 - filled)}] {done}/{total} {note}"
        is_due = 20 * done // total != 20 * (done - 1) // total
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif is_due:
        print(line, file=sys.stderr, flush=True)


def track(items: Iterable, total: int, task: str) -> Iterator:
    """Yield the items and show progress if they take more than two seconds."""
    started = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - started > QUIET_SECONDS:
            show_progress(done, total, task)
