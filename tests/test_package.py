"""What `import keras_matting` gives, and that it costs nothing until it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import keras_matting
from keras_matting import data, inference, models, weights

ROOT = Path(__file__).parents[1]


def run(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "module",
    [
        "keras_matting",
        "keras_matting.inference",
        "keras_matting.data",
        "keras_matting.data.synthetic",
        "keras_matting.commands.data",
        "keras_matting.commands.evaluate",
        "keras_matting.commands.predict",
        "keras_matting.commands.serve",
        "keras_matting.commands.synthetic",
        "keras_matting.commands.weights",
    ],
)
def test_import_is_silent_and_without_tensorflow(module):
    done = run(f"import sys, {module}; sys.exit('tensorflow' in sys.modules)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_figures_are_drawn_without_tensorflow():
    done = run(
        "import sys; from keras_matting.data import synthetic\n"
        "synthetic.draw_foreground(1, 16, 16); synthetic.draw_background(1, 16, 16)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert done.returncode == 0, done.stderr


def test_public_names():
    assert keras_matting.create_model is models.create_model
    assert keras_matting.list_models is models.list_models
    assert keras_matting.load_published is weights.load_published
    assert keras_matting.load_tflite is inference.load_tflite
    assert keras_matting.predict_alpha is inference.predict_alpha


@pytest.mark.parametrize("package", [keras_matting, data])
def test_every_public_name_is_listed_and_there(package):
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert callable(getattr(package, name))
    with pytest.raises(AttributeError, match="no attribute 'create_modle'"):
        package.create_modle  # noqa: B018


def test_tensorflow_has_keras_2_afterwards():
    done = run("import keras_matting\nfrom tensorflow import keras\nkeras.optimizers.legacy.Adam")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tensorflow_imported_before_it_with_keras_3_is_one_sentence():
    pytest.importorskip("tf_keras", reason="TensorFlow 2.15 has Keras 2 itself")
    code = "import os; os.environ.pop('TF_USE_LEGACY_KERAS', None)"
    done = run(f"{code}; import tensorflow, keras_matting")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ImportError: keras_matting needs Keras 2, but TensorFlow was imported before it"
    )
