"""What `import keras_matting` does to its process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_importing_it_is_silent_and_loads_no_tensorflow():
    done = run("import keras_matting, sys; assert 'tensorflow' not in sys.modules")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tensorflow_has_keras_2_afterwards():
    done = run("import keras_matting\nfrom tensorflow import keras\nkeras.optimizers.legacy.Adam")
    assert done.returncode == 0, done.stderr


def test_tensorflow_imported_before_it_with_keras_3_is_one_sentence():
    pytest.importorskip("tf_keras", reason="TensorFlow 2.15 has Keras 2 itself")
    code = "import os; os.environ.pop('TF_USE_LEGACY_KERAS', None); import tensorflow, keras_matting"
    done = run(code)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ImportError: keras_matting needs Keras 2, but TensorFlow was imported before it"
    )
