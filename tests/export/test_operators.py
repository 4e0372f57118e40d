"""The profiler names what a file and XNNPACK's kernels are made of; its times fit into the run."""

import time
from collections import Counter

import pytest

from export import profiler
from export.convert import convert
from export.interpreters import structure
from export.operators import by_kind, operator_times

SIZE = (96, 144)
# The layers of the network in `conftest` that have weights, by the kernels XNNPACK has for such.
KERNELS = {
    "IGEMM": {"stem_relu", "down_relu", "low_relu", "fuse_relu"},
    "DWConv": {"spread_relu"},
    "GEMM": {"project_bn", "context_conv", "alpha_logit_conv"},
}


@pytest.fixture(scope="module")
def made(new_network, pictures):
    network, inputs = new_network(SIZE), {"image": pictures(8, seed=1, size=SIZE)}
    return {format: convert(network, format, inputs) for format in ("float32", "int8", "int16x8")}


@pytest.mark.parametrize("format", ["float32", "int8", "int16x8"])
def test_without_xnnpack_every_operator_is_there(made, format):
    rows = operator_times(made[format], runs=1, runtime="litert without XNNPACK")
    found = structure(made[format])
    assert Counter(row["operator"] for row in rows) == found["operators"]
    assert {row["result"] for row in rows} == {name.split(";")[0] for name in found["results"]}
    assert {row["kernel"] for row in rows} == {""}


@pytest.mark.parametrize("format", ["float32", "int8"])
def test_kernels_are_of_the_layers_that_need_them(made, format):
    rows = operator_times(made[format], threads=2, runs=1)
    convolutions = [row for row in rows if row["operator"].endswith("CONV_2D")]
    found = {kernel: set() for kernel in KERNELS}
    for row in convolutions:
        assert row["kernel"].startswith(("Convolution", "Fully Connected"))
        found[row["kernel"].split()[-1]].add(row["result"].split("/")[1])
    assert found == KERNELS
    assert len(convolutions) == 8
    (upsampled,) = [row for row in rows if row["operator"] == "RESIZE_NEAREST_NEIGHBOR"]
    assert upsampled["kernel"] == "" and upsampled["shape"] == [1, *SIZE, 8]
    others = Counter(row["operator"] for row in rows if row["result"])
    assert others <= Counter(structure(made[format])["operators"])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("runtime", profiler.KERNELS)
def test_times_fit_into_the_run(made, runtime, threads):
    start = time.perf_counter()
    rows = operator_times(made["float32"], threads, 5, runtime)
    passed = (time.perf_counter() - start) * 1000.0
    assert [row["ms"] for row in rows] == sorted((row["ms"] for row in rows), reverse=True)
    assert 0 < sum(row["ms"] for row in rows) < passed / 3  # three of five reach a median
    sums = by_kind(rows)
    assert sum(sums.values()) == pytest.approx(sum(row["ms"] for row in rows))
    slowest = next(row for row in rows if row["operator"] == "CONV_2D")
    assert slowest["result"] == "toy/fuse_relu/Relu"  # at full size, ten times the next one


def test_what_cannot_be_profiled_is_refused(made):
    for bad in (b"", b"no model" * 99, made["float32"][:999]):
        with pytest.raises(ValueError, match="^not a .tflite file that LiteRT runs: "):
            operator_times(bad)
    with pytest.raises(ValueError, match="tf.lite has no profiler"):
        operator_times(made["float32"], runtime="tf.lite")


def test_another_release_is_refused_with_the_remedy(made, monkeypatch, tmp_path):
    monkeypatch.setattr(profiler.metadata, "version", lambda package: "2.4.0")
    with pytest.raises(OSError, match="this is 2.4.0; run pip install -r requirements.txt$"):
        operator_times(made["float32"])
    monkeypatch.undo()
    monkeypatch.setattr(profiler.ai_edge_litert, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(OSError, match="without one; run pip install -r requirements.txt$"):
        operator_times(made["float32"])
