"""SOC and a second stage, killed and started again, end with the weights of a run left alone.

`python -m benchmarks.resume` kills at more moments, `test_modnet.py` has the plain run.
"""

import pytest
from running import MOBILE, SHALLOW, assert_same_weights, finish, kill_after_an_epoch, start

from keras_matting.models import create_model


@pytest.fixture
def coarse(tmp_path):
    """A file of DIM's first stage."""
    path = tmp_path / "coarse.weights.h5"
    create_model("dim_vgg16", (64, 64, 3), True, refinement=False).save_weights(path)
    return path


def test_soc(tmp_path):
    compare("modnet_soc", tmp_path, *MOBILE)


def test_second_stage(coarse, tmp_path):
    compare("dim", tmp_path, "--stage=refinement", f"--weights={coarse}")


def compare(recipe, folder, *flags):
    def run(workdir):
        return start(recipe, folder / workdir, *flags, "--epochs=6", launcher=SHALLOW)

    finish(run("undisturbed"))
    kill_after_an_epoch(run("killed"), folder / "killed")
    assert "Resuming" in finish(run("killed"))
    for name in ("last.weights.h5", "best.weights.h5"):
        assert_same_weights(folder / "killed" / name, folder / "undisturbed" / name)
