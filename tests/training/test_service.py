"""A dispatcher and two workers in this process: every sample once, errors in one sentence."""

import socket
from types import SimpleNamespace

import pytest
import tensorflow as tf

from keras_matting.training import service


def options(**given):
    defaults = dict(port=0, workdir=None, dispatcher=None, host="localhost")
    return SimpleNamespace(**defaults | given)


def test_workers_share_the_samples():
    dispatcher = service.start("dispatcher", options())
    address = dispatcher.target.removeprefix("grpc://")
    workers = [service.start("worker", options(dispatcher=address)) for _ in range(2)]
    distribute = tf.data.experimental.service.distribute
    policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    squares = tf.data.Dataset.range(40).map(lambda i: i * i)
    found = squares.apply(distribute(policy, dispatcher.target))
    assert sorted(found.as_numpy_iterator()) == [i * i for i in range(40)]
    assert len(workers) == 2


def test_a_dispatcher_with_a_journal_can_be_restarted(tmp_path):
    first = service.start("dispatcher", options(workdir=str(tmp_path)))
    port = int(first.target.rpartition(":")[2])
    first._stop()
    again = service.start("dispatcher", options(workdir=str(tmp_path), port=port))
    assert again.target == first.target and any(tmp_path.iterdir())


def test_a_dispatcher_is_asked_once():
    dispatcher = service.start("dispatcher", options())
    service.ask(dispatcher.target)
    with socket.socket() as silent:
        silent.bind(("localhost", 0))
        address = f"grpc://localhost:{silent.getsockname()[1]}"
        for listens in (False, True):
            if listens:
                silent.listen()
            with pytest.raises(ValueError, match=f"no tf.data dispatcher answers at {address}: "):
                service.ask(address, seconds=0.3)
    for wrong in ("http://localhost:5000", "localhost:5000", "grpc://localhost"):
        with pytest.raises(ValueError, match=f"--data_service={wrong}: specify grpc://HOST:PORT"):
            service.ask(wrong)


def test_what_cannot_start_is_one_sentence():
    with pytest.raises(ValueError, match="A worker needs --dispatcher=HOST:PORT."):
        service.start("worker", options())
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        with pytest.raises(ValueError, match=r"The dispatcher could not start .*in use\?$"):
            service.start("dispatcher", options(port=taken.getsockname()[1]))


@pytest.mark.parametrize("argv", [["service"], ["service", "server"], ["service", "worker", "x"]])
def test_parts_are_named(argv):
    with pytest.raises(SystemExit, match="specify one of dispatcher, worker"):
        service.main(argv)
