"""One module per command, with `define_flags`, `main` and the docstring that --help shows."""

import logging
import sys
from functools import partial

from absl import app, flags


def start(command):
    """Run a command's module as the main program; its docstring is the text of --help."""
    sys.modules["__main__"].__doc__ = command.__doc__
    command.define_flags()
    for flag in flags.FLAGS.get_key_flags_for_module(command):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    flags.DEFINE_bool("verbose", False, "Report details, such as files without a checksum.")
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS["verbose"])
    flags.FLAGS.set_gnu_getopt(True)
    app.run(partial(_run, command))


def _run(command, argv):
    log = logging.getLogger("keras_matting")
    log.propagate = False  # to absl, which adds time and place
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO if flags.FLAGS.verbose else logging.WARNING)
    return command.main(argv)
