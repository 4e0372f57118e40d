"""Compute the items of an iterator in a thread, some in advance."""

import queue
import threading
from collections.abc import Iterable, Iterator

AHEAD = 4  # a frame of 4K takes 25 MB


def in_background(items: Iterable, ahead: int = AHEAD) -> Iterator:
    """Yield the items that a thread computes, at most `ahead` of them in advance.

    An exception of `items` is raised here. Closing this generator closes `items`, in the thread,
    and waits for it.
    """
    ready, closing = queue.Queue(ahead), threading.Event()

    def put(entry):
        while not closing.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                pass
        return False

    def work():
        error = None
        try:
            for item in items:
                if not put((item, None)):
                    break
            if hasattr(items, "close"):
                items.close()
        except BaseException as raised:  # also an interrupt: the other thread ends then, too
            error = raised
        put((None, error or _END))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is _END:
                return
            if error is not None:
                raise error
            yield item
    finally:
        closing.set()
        thread.join()


_END = StopIteration()
