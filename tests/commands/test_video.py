"""The command: outputs by name, errors in one line, and the shipped network on a small video."""

import os
import signal
import subprocess
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage
from absl import flags

from keras_matting.commands import video


def run(*arguments):
    command = [sys.executable, "-m", "keras_matting.video", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video of skimage's astronaut, 96x96, 3 frames."""
    picture = cv2.imread(str(Path(skimage.__path__[0], "data", "astronaut.png")))
    small = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)[..., ::-1]
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = 96, 96, "yuv420p"
        for i in range(3):
            frame = av.VideoFrame.from_ndarray(np.roll(small, i, 1).copy())
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("target", "kinds", "background", "expected"),
    [
        ("a.mp4", None, None, {"composite": "a.mp4"}),
        ("a.mov", None, None, {"foreground": "a.mov"}),
        ("a.mov", None, "blue", {"composite": "a.mov"}),
        ("a.webm", None, None, {"foreground": "a.webm"}),
        ("frames", None, None, {"foreground": "frames"}),
        ("a.mp4", ["alpha"], None, {"alpha": "a.mp4"}),
        ("a.mkv", ["alpha", "composite"], None,
         {"alpha": "a_alpha.mkv", "composite": "a_composite.mkv"}),
        ("frames", ["alpha", "foreground"], None,
         {"alpha": "frames/alpha", "foreground": "frames/foreground"}),
    ],
)  # fmt: skip
def test_outputs_by_name(target, kinds, background, expected):
    found = video.output_paths(target, kinds, background)
    assert found == {kind: Path(path) for kind, path in expected.items()}


def test_the_shipped_network_cuts_a_person_out(clip, tmp_path):
    done = run(clip, tmp_path / "out.mkv", "--output=alpha,foreground")
    assert done.returncode == 0, done.stderr
    assert "3/3 frames" in done.stderr.splitlines()[-1]
    with av.open(str(tmp_path / "out_alpha.mkv")) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(frames) == 3 and (tmp_path / "out_foreground.mkv").stat().st_size
    assert frames[0][20, 42] > 230 and frames[0][28, 62] < 25  # her face, the wall beside it


@pytest.fixture
def call(monkeypatch, capsys):
    """A function that runs the command in this process -> exit code, stderr."""
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    for name in ("string", "integer", "float", "bool", "list", "multi_string"):
        define = getattr(flags, f"DEFINE_{name}")
        monkeypatch.setattr(flags, f"DEFINE_{name}", partial(define, flag_values=values))
    monkeypatch.setattr(flags, "adopt_module_key_flags", lambda module: None)
    monkeypatch.setattr("keras_matting.inference.video.preview.open_window", lambda title: None)
    video.define_flags()

    def called(*arguments):
        values.unparse_flags()
        for flag in values:
            values[flag].unparse()
        values.set_gnu_getopt(True)
        code = video.main(values(["video", *map(str, arguments)]))
        return code, capsys.readouterr().err

    return called


def test_errors_are_one_line(call, clip, tmp_path):
    out = tmp_path / "out.mp4"
    for arguments, sentence in [
        ((clip,), "specify one INPUT and one OUTPUT"),
        (("none.mp4", out), "video or folder of frames not found: none.mp4"),
        ((clip, clip), "is also the input"),
        ((clip, tmp_path / "out.avi"), "out.avi: composite is written to .mp4"),
        ((clip, out, "--output=foreground"), "out.mp4: foreground is written to .mov"),
        ((clip, out, "--output=mask"), "unknown output mask; choose from composite"),
        ((clip, tmp_path / "no" / "out.mp4"), "create it first"),
        ((clip, out, "--onto=purpel"), "background purpel is no colour"),
        ((clip, out, "--rate=fast"), "invalid --rate fast"),
        (("--camera=7",), "there is no window for a preview; specify an OUTPUT"),
        (("--camera=7", out), "camera 7 gives no pictures"),
        ((clip, out, "--network=none"), "unknown pretrained network 'none'"),
    ]:
        code, errors = call(*arguments)
        assert code == 1 and sentence in errors and len(errors.splitlines()) == 1, errors
    assert not list(tmp_path.iterdir())


def test_without_pyav_the_command_says_what_to_install(monkeypatch, capsys):
    def fail(arguments, options):
        raise ModuleNotFoundError("No module named 'av'", name="av")

    monkeypatch.setattr(video, "_run", fail)
    assert video.main(["video"]) == 1
    assert 'pip install "keras_matting[video]"' in capsys.readouterr().err


def test_ctrl_c_asks_for_an_end_once_and_then_interrupts():
    with video._interrupt() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
