"""Commands in the documents are true: those of README's *Use* run, the others' options exist."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage
from absl import flags

from keras_matting.commands import COMMANDS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONSOLE = [sys.executable, "-m", "keras_matting"]


def blocks(text):
    """Return [(language, code)] of the fenced blocks."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(document):
    """Return the words of each command line with keras-matting."""
    lines = [
        line
        for language, code in blocks(document.read_text())
        if not language
        for line in code.replace("\\\n", "").splitlines()
    ]
    return [shlex.split(line, comments=True)[1:] for line in lines if "keras-matting " in line]


@pytest.fixture
def inputs(tmp_path):
    """A folder with the files that README's *Use* names, skimage's astronaut at 96x96."""
    picture = cv2.imread(str(Path(skimage.__path__[0], "data", "astronaut.png")))
    small = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)
    (tmp_path / "photographs" / "more").mkdir(parents=True)
    for place in ("portrait.jpg", "photographs/one.png", "photographs/more/two.jpg"):
        assert cv2.imwrite(str(tmp_path / place), small)
    with av.open(str(tmp_path / "talk.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 96, 96, "yuv420p"
        for i in range(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(small[..., ::-1]))
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return tmp_path


def test_every_line_of_the_readmes_use_runs(inputs):
    text = (ROOT / "README.md").read_text()
    (section,) = re.findall(r"^## Use\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = []
    for language, code in blocks(section):
        lines = [[sys.executable, "-c", code]]
        if not language:
            lines = [shlex.split(line, comments=True) for line in code.splitlines()]
        for words in lines:
            words = [*CONSOLE, *words[1:]] if words[0] == "keras-matting" else words
            done = subprocess.run(
                words, cwd=inputs, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, (words, done.stderr)
            ran.append(words)
    assert len(ran) >= 4
    for result in (
        "cutouts/portrait_cutout.png",
        "cutouts/portrait_alpha.png",
        "on_white/one_composite.png",
        "on_white/more/two_composite.png",
        "talk_on_blue.mp4",
    ):
        assert (inputs / result).stat().st_size, result


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_documents_have_these_options(document):
    for words in commands(document):
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        others = set(flags.FLAGS)
        try:
            importlib.import_module(COMMANDS[name][0]).define_flags()
            known = set(flags.FLAGS)
        finally:
            for flag in set(flags.FLAGS) - others:  # the next command defines some of them, too
                delattr(flags.FLAGS, flag)
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert not {option[2:].replace("-", "_") for option in given} - known, words
