"""What `pip install` gives: pins, source distribution, wheel, and use from another folder."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("keras_matting", "export", "recipes")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(version):
    """{package: its version in requirements.txt} on a version of Python."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").open())
    found = {}
    for pin in (Requirement(line) for line in lines if line):
        if pin.marker is None or pin.marker.evaluate({"python_version": version}):
            (exact,) = pin.specifier
            assert exact.operator == "==" and pin.name not in found
            found[pin.name] = exact.version
    return found


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_pinned_versions_are_those_that_the_package_declares(version):
    pinned = pins(version)
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for declared in (Requirement(text) for group in groups for text in group):
        environment = {"python_version": version}
        if declared.marker is None or declared.marker.evaluate(environment):
            if declared.name not in ("keras_matting", "flatbuffers"):  # TensorFlow pins the latter
                assert declared.specifier.contains(pinned[declared.name]), declared


def test_the_users_packages_are_pinned_on_python_3_11():
    pinned = pins("3.11")
    assert pinned["tensorflow"] == "2.15.1" and pinned["keras"] == "2.15.0"
    assert {"tensorflow-addons", "tensorflow-model-optimization", "numpy", "absl-py"} < set(pinned)
    assert {"opencv-python", "opencv-python-headless"} & set(pinned)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the files of the wheel that was built from the source distribution."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("packaging")
    tree = folder / "tree"
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    build(tree, "build_sdist", folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    build(source, "build_wheel", folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def build(source, hook, out):
    code = f"from setuptools import build_meta; build_meta.{hook}({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_wheel_has_every_file_and_the_licence(installed):
    def files(folder):
        found = (path for package in PACKAGES for path in (folder / package).rglob("*.*"))
        return {path.relative_to(folder) for path in found if path.is_file()}

    left_out = (".pyc", ".sh", ".toml")
    expected = {p for p in files(ROOT) if p.suffix not in left_out and "/." not in str(p)}
    assert files(installed) == expected
    assert list(installed.glob("keras_matting-*.dist-info/licenses/LICENSE"))


def test_it_works_from_another_folder(installed, tmp_path):
    code = """
import numpy as np, keras_matting
from export.convert import export
model = keras_matting.create_model("modnet_mobilenetv2_mobile", (32, 32, 3), width=0.35)
photograph = np.full((40, 60, 3), 128, np.uint8)
alpha = keras_matting.predict_alpha(model, photograph)
path = export(model, "float32", ".", {"image": np.full((1, 32, 32, 3), 0.5, np.float32)})
again = keras_matting.predict_alpha(keras_matting.load_tflite(path), photograph)
assert np.abs(alpha - again).max() < 1e-4
print(keras_matting.__file__)
"""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(installed / "keras_matting/__init__.py")]
