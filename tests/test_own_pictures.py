"""Commands of docs/training.md, *Your own pictures*, up to the export run on small pictures.

Networks are shallow, the one that ships as well, and sizes, steps and batches are smaller.
"""

import importlib
import os
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
import running
import shallow
from absl import flags

from keras_matting import pretrained
from keras_matting.commands import COMMANDS
from keras_matting.models import create_model

DOCUMENT = Path(__file__).parents[1] / "docs" / "training.md"
SIDE = 64
SHORT = ["--batch_size=2", "--epochs=1", "--steps_per_epoch=2"]


def commands():
    """Return the words of each command of the section."""
    (section,) = re.findall(
        r"^## Your own pictures\n(.*?)(?=^##|\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
    )
    blocks = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").replace("384", str(SIDE)).splitlines()
    return [shlex.split(line) for line in lines]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Work in a folder with the pictures that the section names: discs before noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96] - 48.0
    for i in range(4):
        noise = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        scene = cv2.resize(noise, (96, 96), interpolation=cv2.INTER_CUBIC)
        distance = np.hypot(x - 2 * i, y)
        image = np.where(distance[..., None] < 30, np.uint8(rng.integers(0, 256, 3)), scene)
        pictures = {"own/image": image, "scenes": scene, "test_soft/image": image}
        pictures["own/mask"] = np.uint8(255 * (distance < 30))
        pictures["test_soft/alpha"] = np.uint8(np.clip(30.5 - distance, 0, 1) * 255)
        for folder, picture in pictures.items():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(tmp_path / folder / f"{i}.png"), picture)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # no further processes, which load all again


@pytest.fixture
def shallow_portrait(tmp_path, monkeypatch):
    shallow.apply(monkeypatch.setattr)
    path = tmp_path / "portrait.weights.h5"
    network = pretrained.networks()["portrait"]
    create_model(network["variant"], (None, None, 3), True, **network["options"]).save_weights(path)
    monkeypatch.setattr(pretrained, "weights_file", lambda _: path)


def call(words):
    """Run a console command in this process."""
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    command = importlib.import_module(COMMANDS[name][0])
    others = set(flags.FLAGS)
    try:
        command.define_flags()
        flags.FLAGS.set_gnu_getopt(True)
        ended = command.main(flags.FLAGS([name, *words[len(name.split()) :]]))
    except SystemExit as end:
        ended = end.code
    finally:
        for flag in set(flags.FLAGS) - others:
            delattr(flags.FLAGS, flag)
    assert not ended, (words, ended)


def test_every_command_up_to_the_export_runs(folders, shallow_portrait):
    ran = []
    for program, *words in commands():
        if words[0] == "export":
            break
        if program == "keras-matting":
            call(words)
        else:
            (workdir,) = [words[i + 1] for i, word in enumerate(words) if word == "--workdir"]
            running.run(Path(words[0]).stem, workdir, *words[1:], *SHORT)
        ran.append(words[0])
    recipe = "recipes/modnet.py"
    assert ran == ["data", recipe, "evaluate", "evaluate", recipe]
    assert Path("own_soft/contact_sheet.jpg").is_file() and len(list(Path("mattes").iterdir())) == 4
    assert Path("runs/own_int8/last.weights.h5").is_file()
