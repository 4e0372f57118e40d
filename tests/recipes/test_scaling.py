"""One process, two devices, two workers: the same weights; a data service outlives its workers."""

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from running import MOBILE, ROOT, assert_same_weights, await_checkpoint, finish, start

# the last batch of validation has one picture, fewer than replicas
TEN_STEPS = ["--batch_size=4", "--epochs=1", "--steps_per_epoch=10", "--validation_pictures=5"]
TINY = "../tests/recipes/tiny"
# Norms over the whole batch, or no split of a batch could equal the whole. Untrained, the deepest
# of MODNet's see four pixels of a picture and divide by next to nothing: a change of weights by
# 1e-7 becomes 4e-6 in these ten steps, in running statistics 2e-4; at the usual rate tenths.
MODNET = [*MOBILE, *TEN_STEPS, "--sync_batch_norm", "--batch_size=16", "--learning_rate=1e-6"]
TWO_DEVICES = (
    "import keras_matting, tensorflow as tf; one = tf.config.LogicalDeviceConfiguration(); "
    "cpu = tf.config.list_physical_devices('CPU')[0]; "
    "tf.config.set_logical_device_configuration(cpu, [one, one])"
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("alone")
    finish(start(TINY, workdir, *TEN_STEPS))
    return workdir / "last.weights.h5"


def test_two_devices(alone, tmp_path):
    finish(start(TINY, tmp_path, *TEN_STEPS, "--strategy=mirrored", launcher=TWO_DEVICES))
    assert_same_weights(tmp_path / "last.weights.h5", alone, 1e-5, of_statistics=1e-5)


def test_two_workers(alone, tmp_path):
    with two_workers(TINY, tmp_path, *TEN_STEPS) as workers:
        finish_together(workers)
    assert_same_weights(tmp_path / "last.weights.h5", alone, 1e-5, of_statistics=1e-5)
    # what the two of them computed is one thing, to the last bit
    assert_same_weights(tmp_path / "worker1" / "last.weights.h5", tmp_path / "last.weights.h5")


def test_a_whole_network_on_two_devices(tmp_path):
    finish(start("modnet", tmp_path / "one", *MODNET))
    finish(start("modnet", tmp_path, *MODNET, "--strategy=mirrored", launcher=TWO_DEVICES))
    last = "last.weights.h5"
    assert_same_weights(tmp_path / last, tmp_path / "one" / last, 1e-5, of_statistics=5e-4)


def test_a_worker_is_killed_and_both_started_again(tmp_path):
    flags = ["--stage=refinement", "--epochs=3"]  # few layers, of which the small ones learn
    with two_workers("dim", tmp_path, *flags) as workers:
        await_checkpoint(workers[0], tmp_path)
        workers[1].send_signal(signal.SIGKILL)
        output, _ = workers[0].communicate(timeout=200)
        assert workers[0].returncode == 1 and "Traceback" not in output, output
        assert "start the same command on all machines again" in output
    assert not (tmp_path / "last.weights.h5").exists()
    with two_workers("dim", tmp_path, *flags) as workers:
        for output in finish_together(workers):
            assert "Resuming" in output and "Epoch 3/3" in output
    assert_same_weights(tmp_path / "worker1" / "last.weights.h5", tmp_path / "last.weights.h5")


def test_a_service_worker_is_killed_and_started_again(tmp_path):
    (port,) = free_ports(1)
    address = f"localhost:{port}"
    journal = tmp_path / "journal"
    servers = [serve("dispatcher", f"--port={port}", f"--workdir={journal}")]
    try:
        servers += [serve("worker", f"--dispatcher={address}") for _ in range(2)]
        flags = ["--epochs=2", "--steps_per_epoch=40", f"--data_service=grpc://{address}"]
        run = start(TINY, tmp_path / "run", *flags)
        await_checkpoint(run, tmp_path / "run")
        for server in servers[1:]:  # the run then has no data except what is in transit
            server.send_signal(signal.SIGKILL)
        servers.append(serve("worker", f"--dispatcher={address}"))
        assert "Epoch 2/2" in finish(run)
    finally:
        for server in servers:
            server.kill()
            server.wait()


def test_a_tpu_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    run = start("modnet", tmp_path, *MOBILE, "--strategy=tpu")
    output, _ = run.communicate(timeout=100)
    assert run.returncode == 1
    assert "--strategy=tpu found no TPU" in output.splitlines()[-1] and "Traceback" not in output


@contextmanager
def two_workers(recipe, workdir, *flags):
    """Two processes on this machine that train together; they end with the block."""
    hosts = [f"localhost:{port}" for port in free_ports(2)]
    workers = []
    try:
        for index in range(2):
            task = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            environment = {"TF_CONFIG": json.dumps(task)}
            given = [*flags, "--strategy=multi_worker"]
            workers.append(start(recipe, workdir, *given, environment=environment))
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def finish_together(processes):
    """What each printed; read at once, because one that cannot print keeps the others waiting."""
    with ThreadPoolExecutor(len(processes)) as pool:
        return list(pool.map(finish, processes))


def serve(*arguments):
    """Starts a part of the service; returns when it says that it is there."""
    command = [sys.executable, "-m", "keras_matting.training.service", *arguments]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert arguments[0] in server.stdout.readline()
    return server


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
