"""What surrounds the `main` of a recipe: flags, settings, the workdir, and errors."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import tensorflow as tf
from absl import app, flags, logging
from tensorflow import keras

from keras_matting import pretrained
from keras_matting.atomic import exclusive_lock
from keras_matting.models import MODELS
from keras_matting.training import backbones, devices, service, strategies, workdir
from keras_matting.weights_files import is_quantized

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
LENGTH = ("size", "batch_size", "epochs", "steps_per_epoch")  # a recipe has defaults for these
# flags that may change when a run is resumed: they do not change what it computes
FREE = ("workdir", "data_service", "verify")

flags.disclaim_key_flags()  # --help of a recipe shows the flags below as its own


def define_flags(workdir, model, learning_rate):
    """Define the flags that every recipe has."""
    flags.DEFINE_string("model", model, "Name of a variant of this method, as in list_models().")
    flags.DEFINE_string(
        "weights",
        None,
        "Initial weights: a .weights.h5 file, or a network that ships, pretrained:NAME or the "
        "recipe's first, pretrained, whose variant and options are the default then.",
    )
    flags.DEFINE_string(
        "backbone",
        None,
        "Initial weights of the backbone: imagenet, a checkpoint that keras-matting weights "
        "backbones lists, that of a network that ships (pretrained:NAME), or none. Default: on "
        "folders, what the release starts from (imagenet), except with --weights or "
        "--photographs; otherwise none.",
    )
    flags.DEFINE_float(
        "average", 0.0, "Decay of a moving average of the weights, such as 0.995; 0 disables it."
    )
    flags.DEFINE_string(
        "quantize",
        None,
        "Fine-tune quantization-aware from these weights: float ones, or those of such a training.",
    )
    flags.DEFINE_float(
        "learning_rate",
        learning_rate,
        "Peak of the learning-rate schedule. Default: as published; lower from a network that "
        "ships.",
    )
    flags.DEFINE_integer(
        "size", None, "Side of the square crops in pixels, a multiple of 32.", lower_bound=32
    )
    flags.DEFINE_integer("batch_size", None, "Images per step, over all replicas.", lower_bound=1)
    flags.DEFINE_integer(
        "epochs",
        None,
        "Number of epochs; each ends with a checkpoint. With more, a finished run goes on if its "
        "learning rate does not depend on them.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "steps_per_epoch", None, "Default with --foregrounds: one pass over them.", lower_bound=1
    )
    flags.DEFINE_enum("precision", "float32", PRECISIONS, "Keras precision policy.")
    flags.DEFINE_enum(
        "strategy",
        "none",
        strategies.STRATEGIES,
        "tf.distribute strategy: mirrored uses all local GPUs, multi_worker the machines in "
        "TF_CONFIG, tpu the TPU in TPU_NAME. See docs/scaling.md.",
    )
    flags.DEFINE_bool(
        "sync_batch_norm", False, "Compute batch norms over the batch of all replicas."
    )
    flags.DEFINE_string(
        "data_service", None, "tf.data service that composes the data: grpc://HOST:PORT."
    )
    flags.DEFINE_bool(
        "deterministic",
        None,
        "Require the same weights from every run. Default: on a CPU, and on a GPU where every "
        "operation of the training step has a deterministic kernel.",
    )
    flags.DEFINE_integer("seed", 0, "Seed of initial weights, composition and augmentation.")
    flags.DEFINE_string("workdir", workdir, "Folder for checkpoints, weights, logs and pictures.")


def define_losses_flag():
    """Define --losses, of recipes whose paper and released code differ in them."""
    flags.DEFINE_enum(
        "losses",
        "released",
        ["released", "paper"],
        "Losses of the released code or of the paper; docs/training.md lists the differences.",
    )


def start(define_flags: Callable, defaults: Callable, main: Callable):
    """Run a recipe as a program.

    `defaults(options)` returns the recipe's values of `LENGTH`; `main(options, strategy)` trains.
    Errors that the user can fix, a full disk and Ctrl-C end with one sentence and exit code 1.
    """
    names = defined(define_flags)

    def guarded(argv):
        try:
            options = parsed(names)
        except ValueError as error:
            sys.exit(f"{Path(sys.argv[0]).name}: {error}")
        try:
            if len(argv) > 1:
                raise ValueError(f"unexpected argument {argv[1]}; see --help for the flags.")
            run(options, defaults, main)
        except (Exception, KeyboardInterrupt) as error:
            sentence = _sentence(error, options)
            if sentence is None:
                raise
            sys.exit(f"{Path(sys.argv[0]).name}: {sentence}")

    logging.set_verbosity(logging.WARNING)  # TensorFlow 2.21 logs every checkpoint
    app.run(guarded, flags_parser=_parse)


def _parse(argv):
    try:
        return app.parse_flags_with_usage(argv) if _asks_for_help(argv) else flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}; see --help for the flags.")


def _asks_for_help(argv):
    return any(argument.lstrip("-") in ("help", "helpfull", "helpshort") for argument in argv)


def defined(define_flags: Callable) -> list[str]:
    """Define a recipe's flags and return their names."""
    before = set(flags.FLAGS)
    define_flags()
    return sorted(set(flags.FLAGS) - before)


def parsed(names: list[str]) -> SimpleNamespace:
    """Return the values of these flags, which absl has parsed.

    From a network that ships, model and options are its own where no flag says otherwise;
    ValueError if there is none for the recipe or --model.
    """
    values = {name: flags.FLAGS[name].value for name in names}
    if pretrained.is_named(values["weights"]):
        model = flags.FLAGS["model"]
        variants = [model.value] if model.present else MODELS[model.default].VARIANTS
        values["weights"], network = pretrained.start(values["weights"], variants)
        own = {"model": network["variant"]} | network["options"]
        values |= {k: v for k, v in own.items() if k in names and not flags.FLAGS[k].present}
    return SimpleNamespace(**values)


def resolved(options, defaults: dict, replicas: int = 1) -> SimpleNamespace:
    """Return options with `defaults` in place of None; ValueError if they do not fit together.

    `weights` are those of --quantize where that names float weights, and None where it names
    quantization-aware ones, which `run.transformed` loads. `replicas` share each batch.
    """
    values = vars(options).copy()
    values |= {name: value for name, value in defaults.items() if values[name] is None}
    if getattr(options, "backgrounds_each", None):  # in place of a published number of steps
        values["steps_per_epoch"] = options.steps_per_epoch
    if options.quantize and options.weights:
        raise ValueError("--quantize names the initial weights: leave --weights out.")
    if options.quantize:
        values["weights"] = None if is_quantized(options.quantize) else options.quantize
    if values["weights"] == "imagenet":
        values |= {"weights": None, "backbone": "imagenet"}
    if values["quantize"]:
        values["backbone"] = "none"
    elif values["backbone"] is None:
        values["backbone"] = backbones.DEFAULT if _needs_backbone(values) else "none"
    values["replicas"] = replicas
    if values["size"] % 32:
        raise ValueError(f"--size={values['size']} is not a multiple of 32.")
    if values["batch_size"] % replicas:
        raise ValueError(
            f"--batch_size={values['batch_size']} cannot be divided among {replicas} replicas."
        )
    return SimpleNamespace(**values)


def _needs_backbone(values):
    """Return whether a run on folders, as published, starts without weights."""
    started = any(values.get(name) for name in ("weights", "base", "photographs"))
    return not started and bool(values.get("foregrounds") or values.get("cityscapes"))


def run(given, defaults: Callable, main: Callable):
    """Train with these flag values, in a workdir that is locked and records them."""
    try:
        Path(given.workdir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot create --workdir={given.workdir}: {error.strerror}.") from error
    devices.grow_memory()
    strategy = strategies.create(given.strategy)  # TensorFlow joins a cluster before all else
    options = resolved(given, defaults(given), strategy.num_replicas_in_sync)
    if options.data_service:
        service.ask(options.data_service)
    worker, _ = strategies.worker(strategy)
    folder = workdir.of_worker(options.workdir, worker)
    folder.mkdir(exist_ok=True)
    with exclusive_lock(folder):
        if worker == 0:
            length = {name: getattr(options, name) for name in LENGTH}
            recorded = {k: v for k, v in (vars(given) | length).items() if k not in FREE}
            workdir.claim(options.workdir, recorded)
        if workdir.is_finished(options.workdir, options.epochs):
            print(f"The run in {options.workdir} is finished.")
            return
        gpus = devices.gpus()
        replicas = strategy.num_replicas_in_sync
        print(devices.described(gpus, options.strategy, replicas), flush=True)
        # a resumed run must reach the weights of an uninterrupted one
        keras.utils.set_random_seed(options.seed)
        if not gpus:  # otherwise `run.fit` decides when it knows the operations
            devices.choose_determinism(gpus, {}, options.deterministic)
        keras.mixed_precision.set_global_policy(options.precision)
        main(options, strategy)


def _sentence(error, options):
    """Return what to tell the user instead of a traceback, or None where they need that."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted. {workdir.saved(options.workdir)}"
    if isinstance(error, tf.errors.UnavailableError) and options.strategy == "multi_worker":
        return (
            "another process of this run has ended: start the same command on all machines again. "
            f"{workdir.saved(options.workdir)}"
        )
    # h5py raises RuntimeError when it closes a file on a full disk
    if isinstance(error, OSError | tf.errors.OpError | RuntimeError):
        if problem := workdir.disk_problem(error, options.workdir):
            return f"{problem} {workdir.saved(options.workdir)}"
    if isinstance(error, FloatingPointError):
        return f"{error} {workdir.saved(options.workdir)}"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}."
    # errors of TensorFlow itself have several lines, and need their traceback
    if isinstance(error, ValueError | OSError) and "\n" not in str(error):
        return str(error)
    return None
