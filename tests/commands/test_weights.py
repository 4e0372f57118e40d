"""The command python -m keras_matting.weights CHECKPOINT MODEL OUT.weights.h5."""

import subprocess
import sys

import numpy as np
import pytest
from recordings import published_state
from torch_files import tensors, write_zip

from keras_matting.commands import weights_backbones
from keras_matting.commands.model_flags import parse_options
from keras_matting.commands.weights import convert
from keras_matting.models import create_model
from keras_matting.weights import load_published

NAME = "modnet_mobilenetv2"


@pytest.fixture(scope="module")
def state():
    return published_state("modnet/modnet.layout.json")


def alpha(model):
    return model({"image": np.full((1, 64, 64, 3), 0.25, np.float32)})["alpha"]


def test_a_checkpoint_becomes_a_weights_file(state, tmp_path):
    # like the released checkpoints: DataParallel's prefix, and the backbone under both its names
    prefixed = {f"module.{name}": array for name, array in state.items()}
    write_zip(tmp_path / "modnet.ckpt", tensors(prefixed))
    convert(tmp_path / "modnet.ckpt", NAME, tmp_path / "new" / "modnet.weights.h5")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["modnet.weights.h5"]
    path = str(tmp_path / "new" / "modnet.weights.h5")
    found = create_model(NAME, (64, 64, 3), weights=path)
    expected = load_published(create_model(NAME, (64, 64, 3)), state)
    np.testing.assert_array_equal(alpha(found), alpha(expected))
    heads = create_model(NAME, (64, 64, 3), training_heads=True, weights=path)
    assert set(heads.output) == {"alpha", "semantic", "detail"}


def test_a_checkpoint_without_heads(tmp_path):
    state = published_state("bisenetv2/bisenetv2_c19_eval.layout.json")
    np.savez(tmp_path / "eval.npz", **state)
    model = convert(tmp_path / "eval.npz", "bisenetv2", tmp_path / "eval.weights.h5")
    assert list(model.output) == ["semantic"]


def test_nothing_is_written_if_tensors_do_not_match(state, tmp_path):
    np.savez(tmp_path / "odd.npz", **{k: v for k, v in state.items() if "f_branch" not in k})
    with pytest.raises(ValueError, match="f_branch.conv_lr4x.layers.0.weight for our fusion4_conv"):
        convert(tmp_path / "odd.npz", NAME, tmp_path / "odd.weights.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["odd.npz"]


def test_options():
    assert parse_options(["num_classes=2", "refine_mode=full"]) == {
        "num_classes": 2,
        "refine_mode": "full",
    }
    for text in ("width", "=5", "width="):
        with pytest.raises(ValueError, match=f"invalid option '{text}'; write name=value"):
            parse_options([text])


@pytest.mark.parametrize(
    "text, message",
    [
        ("training_heads=False", "training_heads cannot be set here"),
        ("input_shape=(64, 64, 3)", "input_shape cannot be set here"),
        ("name=bisenetv2", "name cannot be set here"),
        ("checkpoint=1", f"{NAME} does not take checkpoint; its options: width"),
        ("width=wide", f"{NAME} cannot be built with {{'width': 'wide'}}"),
    ],
)
def test_bad_options_are_reported(text, message, tmp_path):
    np.savez(tmp_path / "x.npz", w=np.zeros(1, np.float32))
    with pytest.raises(ValueError, match=message):
        convert(tmp_path / "x.npz", NAME, tmp_path / "x.weights.h5", **parse_options([text]))
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_errors_of_the_command_are_one_line(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "keras_matting.weights", "gone.pth", NAME, "x.weights.h5"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == "checkpoint not found: gone.pth"
    assert "Traceback" not in found.stderr


def test_backbones_are_listed_with_file_licence_and_address(capsys):
    weights_backbones.main(["weights backbones", "gca"])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["networks", "file", "licence", "address"]
    assert row.startswith("gca       model_best_resnet34_En_nomixup.pth  MIT (code)  https://")
    with pytest.raises(SystemExit, match="no backbone with vit"):
        weights_backbones.main(["weights backbones", "vit"])
