"""Progress on stderr: a bar of tqdm in a terminal, at most twenty lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator

from tqdm import tqdm

QUIET_SECONDS = 2.0
_bar = None  # a terminal has room for one


def show_progress(done, total, note):
    """Move the bar in a terminal; in a log, print a line for each twentieth of `total`.

    If `total` is None, there is no bar, and a line in a log for each doubling of `done`.
    """
    if sys.stderr.isatty():
        _draw(done, total, note)
    elif total is None:
        if done & (done - 1) == 0:
            print(f"{done} {note}", file=sys.stderr, flush=True)
    elif 20 * done // total != 20 * (done - 1) // total:
        filled = 30 * done // total
        line = f"[{'=' * filled}{' ' * (30 - filled)}] {done}/{total} {note}"
        print(line, file=sys.stderr, flush=True)


def track(items: Iterable, total: int, task: str) -> Iterator:
    """Yield the items and show progress if they take more than two seconds."""
    started = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - started > QUIET_SECONDS:
            show_progress(done, total, task)


def _draw(done, total, note):
    global _bar
    if _bar is not None and done < _bar.n:  # of an earlier task
        _bar.close()
        _bar = None
    if _bar is None:
        _bar = tqdm(total=total, initial=done, file=sys.stderr, dynamic_ncols=True)
    _bar.total = total
    _bar.set_postfix_str(note, refresh=False)
    _bar.update(done - _bar.n)
    if done == total:
        _bar.close()
        _bar = None
