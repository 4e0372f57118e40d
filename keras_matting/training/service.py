"""Servers of a tf.data service, which composes training data on other machines.

    python -m keras_matting.training.service dispatcher --port 5000 --workdir /shared/dispatcher
    python -m keras_matting.training.service worker --dispatcher HOST:5000
    python recipes/modnet.py --data_service grpc://HOST:5000 ...

Start a worker on each spare machine. Workers need this package and must find the pictures at the
same paths. The dispatcher keeps a journal in --workdir and can be restarted. A worker that was
killed can be replaced by a new one; the others continue in the meantime.
"""

import sys

import grpc
import tensorflow as tf
from absl import app, flags

PARTS = ("dispatcher", "worker")


def define_flags():
    flags.DEFINE_integer("port", 0, "Port to listen on; 0 chooses a free one.")
    flags.DEFINE_string("workdir", None, "dispatcher: folder of its journal, on a permanent disk.")
    flags.DEFINE_string("dispatcher", None, "worker: HOST:PORT of the dispatcher.")
    flags.DEFINE_string("host", "localhost", "worker: name under which others reach it.")


def dispatcher(port, workdir):
    """Return a running DispatchServer on `port` (0: any); with `workdir` it can be restarted."""
    config = tf.data.experimental.service.DispatcherConfig(
        port=port, work_dir=workdir, fault_tolerant_mode=workdir is not None
    )
    return tf.data.experimental.service.DispatchServer(config)


def worker(address, port, host):
    """Return a running WorkerServer of the dispatcher at `address`; others reach it at `host`."""
    config = tf.data.experimental.service.WorkerConfig(
        dispatcher_address=address,
        port=port,
        worker_address=f"{host}:%port%",
        heartbeat_interval_ms=1000,
        dispatcher_timeout_ms=60_000,
    )
    return tf.data.experimental.service.WorkerServer(config)


def ask(address, seconds=10):
    """Raise ValueError unless a dispatcher answers at `address`, grpc://HOST:PORT, in time.

    tf.data itself would wait for an hour without a word.
    """
    protocol, _, place = address.partition("://")
    if protocol != "grpc" or not place.rpartition(":")[2].isdigit():
        raise ValueError(f"--data_service={address}: specify grpc://HOST:PORT of a dispatcher.")
    with grpc.insecure_channel(place) as channel:
        version = channel.unary_unary("/tensorflow.data.DispatcherService/GetVersion")
        try:
            version(b"", timeout=seconds, wait_for_ready=True)
        except grpc.RpcError:
            raise ValueError(
                f"no tf.data dispatcher answers at {address}: start one with "
                "python -m keras_matting.training.service dispatcher."
            ) from None


def start(part, options):
    """Return the server that the flags ask for; ValueError if it cannot start."""
    if part == "worker" and not options.dispatcher:
        raise ValueError("A worker needs --dispatcher=HOST:PORT.")
    try:
        if part == "dispatcher":
            return dispatcher(options.port, options.workdir)
        return worker(options.dispatcher, options.port, options.host)
    except (tf.errors.OpError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"The {part} could not start ({reason}): is --port={options.port} in use?"
        ) from error


def main(argv):
    if len(argv) != 2 or argv[1] not in PARTS:
        sys.exit(f"specify one of {', '.join(PARTS)}; see --help for examples")
    part = argv[1]
    try:
        server = start(part, flags.FLAGS)
    except ValueError as error:
        sys.exit(str(error))
    if part == "dispatcher":
        print(f"dispatcher at {server.target}", flush=True)
    else:
        print(f"worker of {flags.FLAGS.dispatcher}", flush=True)
    server.join()


if __name__ == "__main__":
    define_flags()
    app.run(main)
