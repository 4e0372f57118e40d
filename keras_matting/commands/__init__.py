"""The commands: a module each, with `define_flags`, `main`, a docstring and option `GROUPS`.

`keras-matting`, `python -m keras_matting` and `python -m keras_matting.<command>` all come here.
"""

import difflib
import importlib
import logging
import sys
from functools import partial

from absl import app, flags

import keras_matting
from keras_matting.commands import help_text

# Words of the command line: the module, imported when it is called, and what it does. A row with
# more words has precedence. `export` depends on this package, so that its modules are only named.
COMMANDS = {
    "predict": ("keras_matting.commands.predict", "cut people and things out of photographs"),
    "video": ("keras_matting.commands.video", "cut people and things out of videos"),
    "evaluate": ("keras_matting.commands.evaluate", "score mattes against true ones"),
    "serve": ("keras_matting.commands.serve", "cut people and things out over HTTP"),
    "weights": ("keras_matting.commands.weights", "convert a published checkpoint"),
    "weights list": ("keras_matting.commands.weights_list", "list networks with weights"),
    "weights backbones": (
        "keras_matting.commands.weights_backbones",
        "list encoders that trainings start from",
    ),
    "weights fetch": ("keras_matting.commands.weights_fetch", "download published weights"),
    "data": ("keras_matting.commands.data", "prepare datasets for training and evaluation"),
    "data synthetic": ("keras_matting.commands.synthetic", "draw synthetic figures on a sheet"),
    "export": ("export.convert", "convert a Keras model to .tflite files"),
    "parity": ("export.parity", "compare .tflite files with their Keras model"),
    "benchmark": ("export.benchmark", "time .tflite files against each other"),
}


def main(*words):
    """Run the command that `words` and the command line name, or list the commands."""
    arguments = [*words, *sys.argv[1:]]
    for count in (2, 1):
        name = " ".join(arguments[:count])
        if name in COMMANDS and len(arguments) >= count:
            start(importlib.import_module(COMMANDS[name][0]), [name, *arguments[count:]])
    if arguments == ["--version"]:
        print(_version())
    elif not arguments or arguments[0] in help_text.OPTIONS:
        print(help_text.of_all(COMMANDS))
    else:
        near = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(COMMANDS)}"
        sys.exit(f"unknown command {arguments[0]}; {hint}")


def start(command, argv=None):
    """Run a command's module as the main program; its docstring begins the text of --help."""
    command.define_flags()
    flags.DEFINE_bool("verbose", False, "Report details, such as files without a checksum.")
    # absl's name of the main module
    name = sys.argv[0] if command.__name__ == "__main__" else command.__name__
    flags.FLAGS.register_key_flag_for_module(name, flags.FLAGS["verbose"])
    flags.FLAGS.set_gnu_getopt(True)
    app.run(partial(_run, command), argv or sys.argv, flags_parser=partial(_parse, command))


def _parse(command, argv):
    """Parse the flags, hyphens or underscores in their names, and return the other arguments."""
    end = argv.index("--") if "--" in argv else len(argv)
    if set(argv[1:end]) & set(help_text.OPTIONS):
        print(help_text.of_command(command))
        sys.exit(0)
    if "--version" in argv[1:end]:
        print(_version())
        sys.exit(0)
    try:
        return flags.FLAGS([argv[0], *map(_underscored, argv[1:end]), *argv[end:]])
    except flags.UnrecognizedFlagError as error:
        known = [flag.name for flag in flags.FLAGS.get_key_flags_for_module(command)]
        near = difflib.get_close_matches(error.flagname.replace("-", "_"), known, n=1)
        hint = f"did you mean {help_text.spelt(near[0])}?" if near else "see --help"
        sys.exit(f"unknown option {help_text.spelt(error.flagname)}; {hint}")
    except flags.Error as error:
        sys.exit(f"{error}; see --help")


def _underscored(argument):
    option, equals, value = argument.partition("=")
    if not option.startswith("--"):
        return argument
    return f"--{option[2:].replace('-', '_')}{equals}{value}"


def _version():
    return f"keras_matting {keras_matting.__version__}"


def _run(command, argv):
    log = logging.getLogger("keras_matting")
    log.propagate = False  # to absl, which adds time and place
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO if flags.FLAGS.verbose else logging.WARNING)
    try:
        return command.main(argv)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
