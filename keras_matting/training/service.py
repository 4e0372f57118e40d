"""The processes of a tf.data service, which composes data apart from the machines that train.

    python -m keras_matting.training.service dispatcher --port 5000 --workdir /shared/dispatcher
    python -m keras_matting.training.service worker --dispatcher HOST:5000
    python recipes/modnet.py --data_service grpc://HOST:5000 ...

Start as many workers as there are machines to spare; they need this package and read the pictures
by the same paths. The dispatcher's journal in --workdir lets it be restarted. A worker that is
killed is replaced by starting another one; the others go on meanwhile.
"""

import sys

import tensorflow as tf
from absl import app, flags

FLAGS = flags.FLAGS
PARTS = ("dispatcher", "worker")


def dispatcher(port, workdir):
    """A DispatchServer on `port` (0: any); with `workdir` it survives being restarted."""
    config = tf.data.experimental.service.DispatcherConfig(
        port=port, work_dir=workdir, fault_tolerant_mode=workdir is not None
    )
    return tf.data.experimental.service.DispatchServer(config)


def worker(address, port, host):
    """A WorkerServer for the dispatcher at `address`, reached by others at `host`."""
    config = tf.data.experimental.service.WorkerConfig(
        dispatcher_address=address,
        port=port,
        worker_address=f"{host}:%port%",
        heartbeat_interval_ms=1000,
        dispatcher_timeout_ms=60_000,
    )
    return tf.data.experimental.service.WorkerServer(config)


def main(argv):
    if len(argv) != 2 or argv[1] not in PARTS:
        sys.exit(f"Name one of {', '.join(PARTS)}; --help shows how.")
    try:
        if argv[1] == "dispatcher":
            server = dispatcher(FLAGS.port, FLAGS.workdir)
            print(f"dispatcher at {server.target}", flush=True)
        elif FLAGS.dispatcher:
            server = worker(FLAGS.dispatcher, FLAGS.port, FLAGS.host)
            print(f"worker of {FLAGS.dispatcher}", flush=True)
        else:
            sys.exit("A worker needs --dispatcher=HOST:PORT.")
    except tf.errors.OpError as error:
        sys.exit(f"The {argv[1]} could not start: {str(error.message).splitlines()[0]}")
    server.join()


if __name__ == "__main__":
    flags.DEFINE_integer("port", 0, "To listen at; 0 takes a free one.")
    flags.DEFINE_string("workdir", None, "Of the dispatcher: its journal, on a disk that stays.")
    flags.DEFINE_string("dispatcher", None, "Of a worker: HOST:PORT of the dispatcher.")
    flags.DEFINE_string("host", "localhost", "Of a worker: under which name others reach it.")
    app.run(main)
