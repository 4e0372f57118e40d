"""`keras-matting` lists its commands, and each explains itself on one screen."""

import importlib
import subprocess
import sys

import pytest
from absl import flags

from keras_matting import __version__
from keras_matting.commands import COMMANDS, help_text


def run(*arguments, module="keras_matting"):
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_screen(name):
    command, others = importlib.import_module(COMMANDS[name][0]), set(flags.FLAGS)
    try:
        command.define_flags()
        page = help_text.of_command(command)
    finally:
        for flag in set(flags.FLAGS) - others:  # the next command defines some of them, too
            delattr(flags.FLAGS, flag)
    lines = page.splitlines()
    assert len(lines) <= 55 and max(map(len, lines)) <= 100
    assert page.count(f"    keras-matting {name} ") == 3
    assert "repeat this option" not in page


def test_the_commands_are_listed():
    for arguments in ((), ("--help",)):
        done = run(*arguments)
        assert done.returncode == 0
        for name, (_, purpose) in COMMANDS.items():
            assert f"  {name} " in done.stdout and purpose in done.stdout


@pytest.mark.parametrize("words", [(), ("predict",)])
def test_version(words):
    assert run(*words, "--version").stdout == f"keras_matting {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predcit"], "unknown command predcit; did you mean predict?"),
        (["predict", "a", "b", "--trimpa", "c"], "unknown option --trimpa; did you mean --trimap?"),
        (["evaluate", "--overwrite-konwn"], "unknown option --overwrite-konwn; did you mean "
         "--overwrite-known?"),
        (["data", "--shards=many"], "flag --shards=many: invalid literal for int() with base 10: "
         "'many'; see --help"),
    ],
)  # fmt: skip
def test_mistakes_are_answered_in_one_line(arguments, sentence):
    done = run(*arguments)
    assert done.returncode == 1 and done.stderr == f"{sentence}\n"


def test_hyphens_and_underscores_are_alike():
    for option in ("--overwrite-known", "--overwrite_known"):
        done = run("evaluate", "--prediction=none", "--alpha=none", option)
        assert done.stderr == "--overwrite_known needs --trimap\n"


@pytest.mark.parametrize(
    "module", ["predict", "video", "evaluate", "weights", "data", "data.synthetic"]
)
def test_modules_are_the_same_commands(module):
    done = run("--version", module=f"keras_matting.{module}")
    assert done.stdout == f"keras_matting {__version__}\n"
