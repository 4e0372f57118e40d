"""What the recipes share: flags, precision, strategy, seeds, the workdir, and the call of `fit`."""

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from keras_matting.atomic import replacing
from keras_matting.models import copy_layers, create_model
from keras_matting.training.callbacks import LAST, Checkpoints, WeightAverage, standard
from keras_matting.training.norms import synchronise
from keras_matting.training.sources import Data
from keras_matting.weights import load_backbone

FLAGS = flags.FLAGS
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


class Config(NamedTuple):
    """What the flags and a recipe's defaults amount to; sizes in pixels, the batch over all."""

    size: int
    batch_size: int
    epochs: int
    steps_per_epoch: int | None


def define_flags(workdir, model, learning_rate):
    """The flags that every recipe has."""
    flags.DEFINE_string("model", model, "A name of list_models() of this method.")
    flags.DEFINE_string("weights", None, "Start from this .weights.h5 file, or imagenet.")
    flags.DEFINE_string(
        "backbone",
        None,
        "Start the backbone from this file: see weights.load_backbone, and docs/training.md for "
        "mobilenet_v2_1.0_224_quant.tflite.",
    )
    flags.DEFINE_float(
        "average", 0.0, "Decay of a moving average of the weights, such as 0.995; 0: none."
    )
    flags.DEFINE_string("quantize", None, "Fine-tune these float weights quantization-aware.")
    flags.DEFINE_float("learning_rate", learning_rate, "The highest of the schedule.")
    flags.DEFINE_integer("size", None, "Side of the square crops, a multiple of 32.")
    flags.DEFINE_integer("batch_size", None, "Images per step, over all replicas.")
    flags.DEFINE_integer("epochs", None, "Epochs; a checkpoint is written after each.")
    flags.DEFINE_integer("steps_per_epoch", None, "Default on folders: one pass over them.")
    flags.DEFINE_enum("precision", "float32", PRECISIONS, "Keras precision policy.")
    flags.DEFINE_enum(
        "strategy",
        "none",
        STRATEGIES,
        "tf.distribute strategy: mirrored uses all local GPUs, multi_worker the machines of "
        "TF_CONFIG, tpu the TPU of TPU_NAME. See docs/scaling.md.",
    )
    flags.DEFINE_bool(
        "sync_batch_norm", False, "Batch norms see the batch of all replicas, not of their own."
    )
    flags.DEFINE_string(
        "data_service", None, "Dispatcher (grpc://HOST:PORT) whose workers compose the data."
    )
    flags.DEFINE_integer("seed", 0, "Fixes weights, composition and augmentation.")
    flags.DEFINE_string("workdir", workdir, "Checkpoints, weights, logs and pictures go here.")


def prepare(defaults) -> tuple[tf.distribute.Strategy, Config]:
    """-> strategy, and the settings by flag or else by `defaults`.

    Claims the workdir, sets policy and seeds, and makes operations deterministic: a run that was
    killed and resumed must reach the same weights.
    """
    strategy = STRATEGIES[FLAGS.strategy]()  # a cluster is joined before anything is computed
    given = {key: FLAGS[key].value for key in Config._fields}
    config = Config(**{key: defaults.get(key) if v is None else v for key, v in given.items()})
    if config.size % 32:
        raise ValueError(f"--size={config.size} is not a multiple of 32.")
    if config.batch_size % strategy.num_replicas_in_sync:
        replicas = strategy.num_replicas_in_sync
        raise ValueError(f"--batch_size={config.batch_size} cannot be shared by {replicas}.")
    ours = FLAGS.get_key_flags_for_module(sys.argv[0]) + FLAGS.get_key_flags_for_module(__name__)
    values = {f.name: f.value for f in ours if f.name not in ("workdir", "data_service")}
    if _worker(strategy)[0] == 0:
        _claim(FLAGS.workdir, values | config._asdict())
    if Path(FLAGS.workdir, LAST).exists():
        print(f"{FLAGS.workdir} holds this run, finished.")
        sys.exit(0)
    keras.utils.set_random_seed(FLAGS.seed)
    tf.config.experimental.enable_op_determinism()
    keras.mixed_precision.set_global_policy(FLAGS.precision)
    return strategy, config


def build(size, name=None, part=None, **options):
    """The network that --model (or `name`), --weights and --quantize ask for, with its heads.

    `size` is a square's side or (height, width).
    `part`: a model of some of its layers, whose weights it starts with in place of --weights.
    """
    weights = FLAGS.quantize or (None if part else FLAGS.weights)
    shape = size if isinstance(size, tuple) else (size, size)  # None: any
    model = create_model(name or FLAGS.model, (*shape, 3), True, weights, **options)
    if part:
        copy_layers(part, model)
    if FLAGS.quantize:
        # needs tensorflow-model-optimization, which training does not
        from keras_matting.quantization import qat

        model = qat.quantize(model)
    return synchronise(model) if FLAGS.sync_batch_norm else model


def start_backbone(model, data: Data):
    """Fills the backbone from --backbone, if that is given; norms see the held-out pictures."""
    if FLAGS.backbone and not FLAGS.quantize:
        pictures = [inputs["image"] for inputs, _ in data.held_out.take(8)]
        load_backbone(model, FLAGS.backbone, np.concatenate(pictures))


def fit(model, config, data: Data, monitor, strategy, network=None, callbacks=()):
    """Trains a compiled model from its newest checkpoint, if there is one, to the last epoch.

    `monitor` names the value of which a lower one is better; `network` is the functional model
    whose weights are written where `model` has outputs made for losses.
    """
    if len(model.outputs or ()) == 1:  # whose name Keras leaves out
        monitor = monitor.replace("alpha_", "")
    worker, workers = _worker(strategy)
    workdir = Path(FLAGS.workdir, f"worker{worker}") if worker else Path(FLAGS.workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    with strategy.scope():
        make_variables(model)
    average = WeightAverage(model, FLAGS.average) if FLAGS.average else None
    checkpoints = Checkpoints(model, workdir, monitor, network, FLAGS.workdir, average)
    # a quantised network has seen no ranges yet
    if not checkpoints.epoch and data.held_out and not FLAGS.quantize:
        before = model.evaluate(data.held_out, verbose=0, return_dict=True)
        print(f"Before training: {monitor} {before[monitor.removeprefix('val_')]:.4f}", flush=True)
    stream = data.stream(checkpoints.epoch * data.steps * config.batch_size, (worker, workers))
    if FLAGS.data_service:
        # every sample once, by whichever worker is free: the order differs from run to run
        policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
        stream = stream.apply(
            tf.data.experimental.service.distribute(
                policy, FLAGS.data_service, max_outstanding_requests=4
            )
        )
    stream = stream.with_options(_unsharded())
    # metrics are over all replicas already: Keras would show each step's times their number
    model.distribute_reduction_method = "first"
    model.fit(
        stream,
        epochs=config.epochs,
        initial_epoch=checkpoints.epoch,
        steps_per_epoch=data.steps,
        validation_data=data.held_out,
        callbacks=[*callbacks, *standard(workdir, checkpoints, data.panel, average)],
        verbose=1 if sys.stdout.isatty() else 2,
    )


def make_variables(model):
    """Those of a compiled model's optimiser and of the means of its losses and metrics.

    Keras leaves that to the first step, and a function that made variables is traced once more.
    """
    model.optimizer.build(model.trainable_variables)
    if model.outputs:
        model.compiled_loss.build(model.output)
        model.compiled_metrics.build(model.output, model.output)


def launch(main):
    """Runs a recipe's main; an error that its user can mend ends in one line, no traceback."""

    def guarded(argv):
        try:
            main(argv)
        except (ValueError, FileNotFoundError, FloatingPointError) as error:
            if "\n" in str(error):  # TensorFlow's own, which need their traceback
                raise
            sys.exit(f"{Path(sys.argv[0]).name}: {error}")
        except tf.errors.UnavailableError:
            if FLAGS.strategy != "multi_worker":
                raise
            sys.exit(
                f"{Path(sys.argv[0]).name}: another process of this run is gone: start the same "
                "command everywhere again; it goes on after the last whole epoch."
            )

    app.run(guarded)


def _mirrored():
    """On all GPUs, or without one on the logical devices that the CPU has been split into."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker():
    if "TF_CONFIG" not in os.environ:
        raise ValueError(
            "--strategy=multi_worker needs the environment variable TF_CONFIG on every machine: "
            "docs/scaling.md shows one."
        )
    # it tells of every exchange that it builds: hundreds with synchronised norms, on every worker
    tf.get_logger().setLevel("WARNING")
    return tf.distribute.MultiWorkerMirroredStrategy()


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


def _worker(strategy):
    """-> (index of this process, number of processes) among those that read data."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 0, 1
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec()
    tasks = [(job, i) for job in sorted(cluster.jobs) for i in cluster.task_indices(job)]
    return tasks.index((resolver.task_type, resolver.task_id)), len(tasks)


def _unsharded():
    """A stream holds its worker's own share already."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options


def _claim(workdir, values):
    """Creates the folder for a run with these flags, or finds it made by the same ones."""
    record = Path(workdir) / "flags.json"
    if record.exists():
        before = json.loads(record.read_text())
        if changed := sorted(k for k in values if before.get(k) != values[k]):
            was = " ".join(f"--{key}={before.get(key)}" for key in changed)
            raise ValueError(f"{workdir} holds a run with {was}: give these or another --workdir.")
        return
    record.parent.mkdir(parents=True, exist_ok=True)
    with replacing(record) as temporary:
        temporary.write_text(json.dumps(values, indent=2))
