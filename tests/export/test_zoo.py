"""The tables of mobile variants: numbers, what passes, and that a killed run goes on."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from export import zoo
from export.convert import FORMATS
from export.stand_in_weights import fill
from keras_matting.models import MODELS, modnet

SIZE = (32, 48)


@pytest.fixture
def toy(monkeypatch, new_network):
    """A small network as if it were one of MODNet's."""
    monkeypatch.setitem(MODELS, "toy", modnet)
    monkeypatch.setattr(
        zoo, "create_model", lambda name, shape, training_heads, **_: new_network(SIZE)
    )


def test_a_variant_is_built_once_and_again_when_its_weights_change(toy, new_network, tmp_path):
    def build(*formats, weights=None):
        return zoo.build("toy", SIZE, tmp_path, weights, runs=1, held_out=4, formats=formats)

    folder = tmp_path / "toy_32x48"
    file = folder / "toy_32x48_float32.tflite"
    first = build("float32")
    (folder / "row.json").unlink()  # as if killed now
    written = file.stat().st_mtime_ns
    row = build(*FORMATS)
    assert [found["format"] for found in row["files"]] == list(FORMATS)
    assert [found["problems"] for found in row["files"]] == [[]] * len(FORMATS)
    assert file.stat().st_mtime_ns == written and row["files"][0]["bytes"] == file.stat().st_size
    assert row["files"][0]["error"] == first["files"][0]["error"] > 0
    assert (folder / "report.html").is_file() and not row["trained"] and not row["refused"]
    assert build(*FORMATS) == row  # latencies, too: nothing is measured anew

    model = new_network(SIZE)
    fill(model, {"image": np.zeros((1, *SIZE, 3), np.float32)}, seed=5)
    model.save_weights(tmp_path / "toy.weights.h5")
    other = build("float32", weights=tmp_path)
    assert other["trained"] and file.stat().st_mtime_ns != written
    assert other["files"][0]["error"] != row["files"][0]["error"]
    assert [path.suffix for path in folder.iterdir()].count(".tflite") == 1


def test_a_network_without_integer_rules_has_its_other_files(toy, tmp_path, monkeypatch):
    def refuse(*_):
        raise ValueError("toy has layer cells, which has no int8 rule")

    monkeypatch.setattr(zoo, "quantize", refuse)
    formats = ("float32", "int8_qat")
    row = zoo.build("toy", SIZE, tmp_path, runs=1, held_out=4, formats=formats)
    assert [file["format"] for file in row["files"]] == ["float32"]
    assert row["refused"] == {"int8_qat": "toy has layer cells, which has no int8 rule"}
    first = (tmp_path / "toy_32x48" / "row.json").stat().st_mtime_ns
    zoo.build("toy", SIZE, tmp_path, runs=1, held_out=4, formats=formats, options={"width": 1.0})
    assert (tmp_path / "toy_32x48" / "row.json").stat().st_mtime_ns != first


def test_times_are_taken_once(toy, tmp_path):
    row = zoo.times("toy", SIZE, tmp_path, runs=2)
    folder = tmp_path / "toy_32x48"
    assert sorted(path.name for path in folder.iterdir()) == ["times.json", "weights.json"]
    assert row["latency_ms"].keys() == row["memory"].keys() == {"float32", "int8"}
    assert row["ratio"] > 0 and min(row["latency_ms"].values()) > 0
    assert zoo.times("toy", SIZE, tmp_path, runs=2) == row
    (line,) = zoo.time_table([row | {"ratio": 0.374, "multiply_adds": 12_340_000_000}])
    assert line[:3] == ["toy", "32x48", "12.3"] and line[5] == "0.37"
    assert len(line) == len(zoo.TIMES)
    document = zoo.document([], [row], 32)
    assert document.count("## ") == 3 and document.endswith("|\n")


@pytest.fixture
def row():
    """What `build` returns of a variant with three files."""
    file = dict(bytes=2_500_000, latency_ms=4.0, mean_difference=1e-3, p999=2e-3, float_tensors=0)
    file |= dict(gpu_warnings=[], passed=True)
    errors = {"float32": 0.2, "int8": 0.25, "int8_qat": 0.206}
    return {
        "variant": "toy_mobile", "method": "toy", "size": "32x48", "parameters": 1_500_000,
        "multiply_adds": 340_000_000, "trained": True, "measure": zoo.WHOLE, "constant": 0.6,
        "files": [file | {"format": format, "error": e} for format, e in errors.items()],
        "refused": {"int16x8": "No | kernel."},
    }  # fmt: skip


def test_tables(row):
    (line,) = zoo.variant_table([row])
    assert line[:7] == ["toy", "toy_mobile", "32x48", "1.5", "0.34", "trained", "SAD"]
    assert line[7:] == ["0.6000", "0.2000", "0.2500", "0.2060", "1.030"]
    row["files"][1]["latency_ms"] = 3.0
    _, int8, _, refused = zoo.file_table([row])
    start = ["toy_mobile", "32x48", "int8", "2.50", "3.0", "0.75", "0.2500"]
    assert int8 == [*start, "1.0e-03", "2.0e-03", "0", "yes"]
    assert refused[:4] == ["toy_mobile", "32x48", "int16x8: No | kernel.", "-"]
    document = zoo.document([row], [], 32).splitlines()
    tables = [line for line in document if line.startswith("|")]
    text = " ".join(document)
    assert len(tables) == 2 + 1 + 2 + 4 and "on 32 held-out synthetic composites" in text
    widths = {line.count("|") - 1 for line in tables}
    assert widths == {len(zoo.VARIANTS), len(zoo.FILES)}


def test_quantization_aware_training_has_to_be_worth_it(row):
    float32, int8, qat = row["files"]
    assert zoo.fine(row)
    qat["error"] = 0.211  # 5.5 % more than float32
    assert not zoo.fine(row) and zoo.variant_table([row])[0][-1] == "1.055 (fails)"
    qat["error"], int8["error"] = 0.206, 0.203
    assert not zoo.fine(row)  # worse than after training
    row["trained"] = False
    assert zoo.fine(row) and zoo.variant_table([row])[0][-1] == "-"
    float32["passed"] = False
    assert not zoo.fine(row)


def test_errors():
    alpha = np.zeros((4, 5, 1), np.float32)
    alpha[:2] = 1.0
    trimap = np.full((4, 5, 1), 128 / 255, np.float32)
    trimap[0], trimap[3] = 1.0, 0.0
    samples = [{"alpha": alpha, "trimap": trimap}] * 2
    mattes = np.stack([alpha, alpha])
    mattes[0, 0, 0], mattes[0, 2, 1] = 0.4, 0.6  # the first where the trimap knows
    assert zoo.error(zoo.WHOLE, mattes, samples) == pytest.approx((0.6 + 0.6) / 2 / 1000, rel=1e-5)
    assert zoo.error(zoo.UNKNOWN, mattes, samples) == pytest.approx(0.6 / 2 / 1000, rel=1e-5)
    # of 20 and 20 pixels of either kind one of each is taken for the other
    assert zoo.error(zoo.MASK, mattes, samples) == pytest.approx(1 - 19 / 21)


# in place of Python: notes its arguments, and leaves as weights what it was called with
NOTES = """#!/bin/sh
echo "$*" >> commands
all=$*
while [ $# -gt 0 ]; do
  [ "$1" = --workdir ] && mkdir -p "$2" && echo "$all" > "$2/best.weights.h5"
  shift
done
exit 0
"""


def test_make_zoo_trains_every_variant_and_tries_what_came_out(tmp_path):
    (tmp_path / "python").write_text(NOTES)
    (tmp_path / "python").chmod(0o755)
    script = Path(zoo.__file__).parents[1] / "recipes" / "zoo.sh"
    path = f"{tmp_path}:{os.environ['PATH']}"
    run = ["bash", str(script), "out", "zoo.md"]
    subprocess.run(run, cwd=tmp_path, env=os.environ | {"PATH": path}, check=True)
    *trained, last = (tmp_path / "commands").read_text().splitlines()
    mobile = [name for name in zoo.variants() if name.endswith("_mobile")]
    assert len(trained) == 2 * len(zoo.variants())
    assert sorted({*zoo.variants()} - {*mobile}) == ["bgmv2_mobilenetv2"]
    refined = (tmp_path / "out" / "weights" / "bgmv2_mobilenetv2.weights.h5").read_text()
    assert "--stage refine --base out/runs/bgmv2_mobilenetv2/base/best.weights.h5" in refined
    assert last.startswith("-m export.zoo --weights out/weights --out out")
    for name in mobile:
        method = MODELS[name].__name__.rsplit(".", 1)[-1]
        for kind, folder in (("", "float"), (".qat", "int8")):
            command = (tmp_path / "out" / "weights" / f"{name}{kind}.weights.h5").read_text()
            assert command.startswith(f"recipes/{method}.py --model {name} ")
            assert f"--workdir out/runs/{name}/{folder} " in command
            before = f"--quantize out/runs/{name}/float/best.weights.h5 "
            assert (before in command) == (kind == ".qat")


def test_every_mobile_variant_has_a_measure():
    assert len(zoo.variants()) == 12
    methods = {zoo.MODELS[name].__name__.rsplit(".", 1)[-1] for name in zoo.variants()}
    assert methods >= zoo.FIGURES.keys() | zoo.MEASURES.keys()
