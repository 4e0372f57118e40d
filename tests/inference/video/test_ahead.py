"""Items are computed in a thread, a few in advance, and errors arrive where items are used."""

import threading
from contextlib import closing

import pytest

from keras_matting.inference.video.ahead import in_background


def test_items_come_in_order_from_another_thread():
    def items():
        for i in range(20):
            yield i, threading.get_ident()

    found = list(in_background(items(), ahead=3))
    assert [i for i, _ in found] == list(range(20))
    assert {thread for _, thread in found}.isdisjoint({threading.get_ident()})


def test_no_more_items_are_computed_than_asked_for():
    allowed, computed = threading.Semaphore(0), []

    def items():
        for i in range(100):
            computed.append(i)
            allowed.release()
            yield i

    with closing(in_background(items(), ahead=3)) as found:
        for i in range(10):
            assert next(found) == i
        for _ in range(14):  # ten taken, three waiting, one that does not fit yet
            allowed.acquire()
        assert not allowed.acquire(timeout=0.05)
        assert len(computed) == 14


def test_an_error_is_raised_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("damaged")

    found = in_background(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(found)


def test_closing_closes_the_items_in_nested_threads():
    closed = []

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    before = threading.active_count()
    found = in_background(in_background(items(), ahead=2), ahead=2)
    next(found)
    found.close()
    assert closed == [True] and threading.active_count() == before
