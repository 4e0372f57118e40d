"""What every recipe does before `model.fit`: flags, precision, strategy, seeds, its workdir."""

import json
import sys
from pathlib import Path

import tensorflow as tf
from absl import app, flags
from tensorflow import keras

FLAGS = flags.FLAGS
STRATEGIES = {"none": tf.distribute.get_strategy, "mirrored": tf.distribute.MirroredStrategy}
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def define_flags(workdir):
    """The flags that every recipe has."""
    flags.DEFINE_integer("size", None, "Side of the square crops, a multiple of 32.")
    flags.DEFINE_integer("batch_size", None, "Images per step, over all replicas.")
    flags.DEFINE_integer("epochs", None, "Epochs; a checkpoint is written after each.")
    flags.DEFINE_integer("steps_per_epoch", None, "Default on folders: one pass over them.")
    flags.DEFINE_enum("precision", "float32", PRECISIONS, "Keras precision policy.")
    flags.DEFINE_enum(
        "strategy", "none", STRATEGIES, "tf.distribute strategy; mirrored uses all local GPUs."
    )
    flags.DEFINE_integer("seed", 0, "Fixes weights, composition and augmentation.")
    flags.DEFINE_string("workdir", workdir, "Checkpoints, weights, logs and pictures go here.")


def prepare(defaults):
    """-> (strategy, size, batch_size, epochs and steps_per_epoch by flag or else by `defaults`).

    Claims the workdir, sets policy and seeds, and makes operations deterministic: a run that was
    killed and resumed must reach the same weights.
    """
    config = {key: FLAGS[key].value for key in ("size", "batch_size", "epochs", "steps_per_epoch")}
    config = {key: defaults.get(key) if v is None else v for key, v in config.items()}
    if config["size"] % 32:
        raise ValueError(f"--size={config['size']} is not a multiple of 32.")
    ours = FLAGS.get_key_flags_for_module(sys.argv[0]) + FLAGS.get_key_flags_for_module(__name__)
    _claim(FLAGS.workdir, {f.name: f.value for f in ours if f.name != "workdir"} | config)
    keras.utils.set_random_seed(FLAGS.seed)
    tf.config.experimental.enable_op_determinism()
    keras.mixed_precision.set_global_policy(FLAGS.precision)
    return STRATEGIES[FLAGS.strategy](), config


def verbosity():
    """Keras' progress bar in a terminal; in a log one line per epoch beside `PlainProgress`."""
    return 1 if sys.stdout.isatty() else 2


def launch(main):
    """Runs a recipe's main; an error that its user can mend ends in one line, no traceback."""

    def guarded(argv):
        try:
            main(argv)
        except (ValueError, FileNotFoundError, FloatingPointError) as error:
            if "\n" in str(error):  # TensorFlow's own, which need their traceback
                raise
            sys.exit(f"{Path(sys.argv[0]).name}: {error}")

    app.run(guarded)


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
    partial = record.with_name("flags.json.partial")
    partial.write_text(json.dumps(values, indent=2))
    partial.replace(record)
