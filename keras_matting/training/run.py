"""Training a compiled model: what flags change about it, and the call of `fit`."""

import sys

import tensorflow as tf

from keras_matting import weights_files
from keras_matting.training import backbones, devices, strategies, workdir
from keras_matting.training.callbacks import Checkpoints, WeightAverage, standard
from keras_matting.training.norms import synchronise
from keras_matting.training.sources import Data


def transformed(model, options):
    """Return the model quantized (--quantize) and with synchronised norms (--sync_batch_norm).

    Quantization-aware weights are loaded here, and float ones are those of `model`.
    """
    if options.quantize:
        # needs tensorflow-model-optimization, which float training does without
        from keras_matting.quantization import qat

        model = qat.quantize(model)
        if weights_files.is_quantized(options.quantize):
            weights_files.load(model, options.quantize)
            print(f"Going on with the quantization-aware weights {options.quantize}.", flush=True)
        else:
            print(f"Quantizing the float weights {options.quantize}.", flush=True)
    return synchronise(model) if options.sync_batch_norm else model


def fit(model, options, data: Data, monitor, strategy, network=None, callbacks=()):
    """Train a compiled model from its newest checkpoint, if there is one, to the last epoch.

    `monitor` is the logged value that decides which weights are the best; lower is better. Without
    validation it is the training loss.
    `network` is the functional model whose weights are written, where `model` wraps it.
    """
    if len(model.outputs or ()) == 1:  # Keras leaves the name of a single output out
        monitor = monitor.replace("alpha_", "")
    if data.held_out is None and monitor != "loss":
        print("No validation: the lowest training loss chooses best.weights.h5.", flush=True)
        monitor = "loss"
    worker, workers = strategies.worker(strategy)
    if worker == 0:
        workdir.lengthen(options.workdir, options.epochs, rate(model.optimizer))
    folder = workdir.of_worker(options.workdir, worker)
    with strategy.scope():
        backbones.start(network or model, options.backbone, data.held_out)
        make_variables(model)
    # metrics cover all replicas already; by default Keras would sum them over the replicas
    model.distribute_reduction_method = "first"
    if gpus := devices.gpus():
        operations = devices.refusing(traced(model, data, strategy, (worker, workers)))
        devices.choose_determinism(gpus, operations, options.deterministic)
    average = WeightAverage(model, options.average) if options.average else None
    checkpoints = Checkpoints(model, folder, monitor, network, options.workdir, average)
    # a quantized model has no ranges before its first step
    if not checkpoints.epoch and data.held_out and not options.quantize:
        before = model.evaluate(data.held_out, verbose=0, return_dict=True)
        print(f"Before training: {monitor} {before[monitor.removeprefix('val_')]:.4f}", flush=True)
    stream = data.stream(checkpoints.epoch * data.steps * options.batch_size, (worker, workers))
    if options.data_service:
        # whichever worker is free makes a sample, so their order differs from run to run
        policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
        stream = stream.apply(
            tf.data.experimental.service.distribute(
                policy, options.data_service, max_outstanding_requests=4
            )
        )
    stream = stream.with_options(_unsharded())
    model.fit(
        stream,
        epochs=options.epochs,
        initial_epoch=checkpoints.epoch,
        steps_per_epoch=data.steps,
        validation_data=data.held_out,
        callbacks=[*callbacks, *standard(folder, checkpoints, data.panel, average)],
        verbose=1 if sys.stdout.isatty() else 2,
    )


def traced(model, data: Data, strategy, worker=(0, 1)) -> tf.compat.v1.GraphDef:
    """Return the graph of a training step of a compiled model; `fit` does not trace it again."""
    stream = data.stream(0, worker).with_options(_unsharded())
    iterator = iter(strategy.experimental_distribute_dataset(stream))
    graph = model.make_train_function().get_concrete_function(iterator).graph
    definition, live = graph.as_graph_def(), _live(graph)
    nodes = [node for node in definition.node if node.name in live]
    return tf.compat.v1.GraphDef(node=nodes, library=definition.library)


def _live(graph):
    """Return the names of operations that a graph runs; gradients of frozen layers are pruned."""
    found, wanted = set(), [*graph.control_outputs, *(tensor.op for tensor in graph.outputs)]
    while wanted:
        operation = wanted.pop()
        if operation.name not in found:
            found.add(operation.name)
            wanted += [tensor.op for tensor in operation.inputs] + operation.control_inputs
    return found


def rate(optimizer):
    """Return the learning rate of an optimiser, or the configuration of its schedule."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a loss scale
    return inner.get_config()["learning_rate"]


def make_variables(model):
    """Create the variables of a compiled model's optimiser, losses and metrics.

    Keras creates them in the first step, and traces a step that creates variables twice.
    """
    model.optimizer.build(model.trainable_variables)
    if model.outputs:
        model.compiled_loss.build(model.output)
        model.compiled_metrics.build(model.output, model.output)


def _unsharded():
    """Return options that keep Keras from sharding a stream of this worker's samples again."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
