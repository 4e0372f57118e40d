"""One module per command, with `define_flags`, `main` and the docstring that --help shows."""

import sys

from absl import app, flags


def start(command):
    """Run a command's module as the main program; its docstring is the text of --help."""
    sys.modules["__main__"].__doc__ = command.__doc__
    command.define_flags()
    for flag in flags.FLAGS.get_key_flags_for_module(command):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    flags.FLAGS.set_gnu_getopt(True)
    app.run(command.main)
