"""Progress on stderr."""

import sys


def show_progress(done, total, note):
    """A bar that redraws itself in a terminal, at most twenty-one lines in a log."""
    filled = 30 * done // total
    line = f"[{'=' * filled}{' ' * (30 - filled)}] {done}/{total} {note}"
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif 20 * done // total != 20 * (done - 1) // total:
        print(line, file=sys.stderr, flush=True)
