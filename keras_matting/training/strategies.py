"""The tf.distribute strategies that --strategy names."""

import json
import os

import tensorflow as tf


def create(name: str) -> tf.distribute.Strategy:
    """Return the strategy called `name`; ValueError if this machine or environment lacks it."""
    return STRATEGIES[name]()


def worker(strategy) -> tuple[int, int]:
    """Return (index of this process, number of processes) among those that read data."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 0, 1
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec()
    tasks = [(job, i) for job in sorted(cluster.jobs) for i in cluster.task_indices(job)]
    return tasks.index((resolver.task_type, resolver.task_id)), len(tasks)


def _mirrored():
    """Use all GPUs, or without a GPU all logical devices of the CPU."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker():
    if "TF_CONFIG" not in os.environ:
        raise ValueError(
            "--strategy=multi_worker needs the environment variable TF_CONFIG on every machine: "
            "docs/scaling.md shows an example."
        )
    _check_cluster(os.environ["TF_CONFIG"])
    # synchronised norms would log hundreds of collective operations on every worker
    tf.get_logger().setLevel("WARNING")
    return tf.distribute.MultiWorkerMirroredStrategy()


def _check_cluster(text):
    """Raise ValueError unless TF_CONFIG describes a cluster and this machine's task in it."""
    try:
        config = json.loads(text)
        task = config["task"]
        address = config["cluster"][task["type"]][int(task["index"])]
        if int(task["index"]) >= 0 and isinstance(address, str):
            return
    except (ValueError, KeyError, TypeError, IndexError):
        pass
    raise ValueError(
        "TF_CONFIG is not valid: it needs a cluster with lists of HOST:PORT, and the type and "
        "index of this machine's task in them: docs/scaling.md shows an example."
    )


def _tpu():
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--strategy=tpu found no TPU ({reason}): set TPU_NAME.") from error
    return tf.distribute.TPUStrategy(resolver)


STRATEGIES = {
    "none": tf.distribute.get_strategy,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "tpu": _tpu,
}
