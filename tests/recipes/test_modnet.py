"""The MODNet recipes, with shallow networks: from a shell, killed, resumed, with wrong flags."""

import numpy as np
import pytest
import running
from running import MOBILE, SHALLOW, arrays, assert_same_weights, finish, kill_after_an_epoch


def start(recipe, workdir, *flags):
    return running.start(recipe, workdir, *MOBILE, *flags, launcher=SHALLOW)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("undisturbed")
    output = finish(start("modnet", workdir))
    return workdir, output


def test_leaves_weights_log_and_pictures(undisturbed):
    workdir, output = undisturbed
    assert output.startswith("No GPU found, training on the CPU.\n")
    assert "Epoch 3/3" in output and "step 1/3" in output
    names = {path.name for path in workdir.iterdir()}
    assert {"best.weights.h5", "last.weights.h5", "log.csv", "panel.png", "flags.json"} <= names
    log = (workdir / "log.csv").read_text().splitlines()
    assert len(log) == 4 and "val_alpha_sad" in log[0]
    assert list(workdir.glob("train/events*")) and list(workdir.glob("panels/events*"))
    assert not [name for name in names if "partial" in name]


def test_a_finished_run_is_left_as_it_is(undisturbed):
    workdir, _ = undisturbed
    log = (workdir / "log.csv").read_bytes()
    assert finish(start("modnet", workdir)) == f"The run in {workdir} is finished.\n"
    assert (workdir / "log.csv").read_bytes() == log


def test_killed_and_resumed_it_ends_with_the_same_weights(undisturbed, tmp_path):
    kill_after_an_epoch(start("modnet", tmp_path), tmp_path)
    with open(tmp_path / "log.csv", "a") as log:
        log.write("1,0.5,half a li")  # what a kill in the midst of writing leaves
    output = finish(start("modnet", tmp_path))
    assert f"Resuming {tmp_path} at epoch" in output
    for name in ("last.weights.h5", "best.weights.h5"):
        assert_same_weights(tmp_path / name, undisturbed[0] / name)
    log, expected = ((d / "log.csv").read_bytes() for d in (tmp_path, undisturbed[0]))
    assert log == expected


def test_soc_adapts_those_weights(undisturbed, shallow, tmp_path):
    weights = undisturbed[0] / "best.weights.h5"
    flags = [*MOBILE, f"--weights={weights}", "--learning_rate=1e-3"]
    output = running.run("modnet_soc", tmp_path, *flags, gpus=["a GPU"])
    # norms that use their running statistics
    assert "Not deterministic: the training step has" in output and "FusedBatchNormGradV3" in output
    before, after = arrays(weights), arrays(tmp_path / "last.weights.h5")
    assert before.keys() == after.keys()
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed
    # norms run on their running statistics, which stay: variables 2 and 3 of a batch norm
    moving = [n for n in before if "batch_normalization" in n and n.endswith(("/2", "/3"))]
    assert moving and not set(moving) & set(changed)


def test_half_precision_under_a_strategy(shallow, tmp_path):
    flags = [*MOBILE, "--precision=mixed_bfloat16", "--strategy=mirrored", "--epochs=1"]
    running.run("modnet", tmp_path, *flags)
    for array in arrays(tmp_path / "last.weights.h5").values():
        assert np.isfinite(array).all()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--foregrounds=nowhere"], "nowhere is not a folder"),
        (["--weights=nowhere.weights.h5"], "weights file not found: nowhere.weights.h5"),
        (["--optimizer=adam", "--learning_rate=1e30"], "at step"),
    ],
)
def test_what_its_user_can_mend_is_one_line(flags, message, tmp_path):
    process = start("modnet", tmp_path, *flags)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert message in output.splitlines()[-1] and "Traceback" not in output
