"""The parity report: right numbers, and a failure where a file is wrong."""

import json

import numpy as np
import pytest
from tensorflow import keras

from export import flatbuffer
from export.benchmark import benchmark
from export.benchmark import table as benchmark_table
from export.convert import FORMATS, FROM_QAT
from export.interpreters import gpu_warnings
from export.layer_errors import worst_layers
from export.parity import check, format_of, table
from export.promises import most_pixels
from export.report import write_report
from export.sums import LARGEST_HALF, largest_sum, sum_warning
from keras_matting.metrics import sad
from keras_matting.quantization.qat import deployment


@pytest.fixture(scope="module")
def samples(pictures):
    images = pictures(3, seed=20)
    truths = [images[0][..., :1], images[1][..., 1:2], None]
    return [
        {"name": f"<{i}>", "image": image, "alpha": alpha}
        for i, (image, alpha) in enumerate(zip(images, truths, strict=True))
    ]


@pytest.fixture(scope="module")
def result(files, network, quantised, samples):
    return check(files.values(), network, deployment(quantised), samples, threads=(1,), runs=2)


def test_good_files_pass(result):
    rows, _ = result
    assert [row["format"] for row in rows] == list(FORMATS)
    assert [row["problems"] for row in rows] == [[] for _ in rows]
    assert all(row["passed"] for row in rows)


def test_numbers_are_those_of_the_mattes(result, network, samples):
    rows, pictures = result
    keras = network.predict({"image": np.stack([s["image"] for s in samples])}, verbose=0)["alpha"]
    for row in rows:
        matte = pictures["mattes"][row["format"]]
        errors = [sad(matte[i], samples[i]["alpha"]) for i in (0, 1)]
        assert row["sad"] == pytest.approx(np.mean(errors))
        if row["format"] not in FROM_QAT:
            difference = np.abs(matte - keras)
            assert row["max_difference"] == pytest.approx(difference.max(), abs=1e-6)
            assert row["mean_difference"] == pytest.approx(difference.mean(), abs=1e-6)
            assert row["p999"] == pytest.approx(np.percentile(difference, 99.9), abs=1e-6)
        assert row["latency"][1]["p10"] <= row["latency_ms"] <= row["latency"][1]["p90"]
        assert 0 < row["peak_memory"] < 1e9
        assert sum(row["operators"].values()) >= len(row["operator_ms"]) > 3
        assert row["slowest"][0]["ms"] >= row["slowest"][1]["ms"] > 0
    counts = {row["format"]: row["float_tensors"] for row in rows}
    assert counts["int8"] == counts["int8_qat"] == 0 < counts["float32"]


def test_the_largest_sum_of_a_mean_is_reported(result, network, samples):
    rows, _ = result
    sums = {row["format"]: row["largest_sum"] for row in rows}
    assert [format for format, largest in sums.items() if largest] == ["float16"]
    layer = keras.Model(network.input, network.get_layer("mean").input)
    features = layer({"image": np.stack([s["image"] for s in samples])}).numpy()
    expected = np.abs(features).sum((1, 2)).max()
    assert sums["float16"]["sum"] == pytest.approx(expected, rel=1e-2)
    assert "mean" in sums["float16"]["result"]


def test_sums_near_the_end_of_half_precision_are_a_warning(result):
    quarter = LARGEST_HALF / 4
    assert sum_warning(None) is sum_warning({"result": "mean", "sum": quarter}) is None
    assert "mean adds up to 16377" in sum_warning({"result": "mean", "sum": quarter + 1})
    (row,) = [row for row in result[0] if row["format"] == "float16"]
    largest = {"result": "mean", "sum": 20000.0}
    assert "warns: the mean mean adds up to 20000" in table([row | {"largest_sum": largest}])
    assert "warns" not in table([row])


def test_a_file_without_means_has_no_sum(files, samples):
    model = flatbuffer.parse(files["float32"].read_bytes())
    graph = model.subgraphs[0]
    means = [o for o in graph.operators if flatbuffer.operator_name(model, o) == "MEAN"]
    assert len(means) == 1
    graph.operators = graph.operators[: graph.operators.index(means[0])]
    assert largest_sum(flatbuffer.pack(model), samples) is None


def test_a_file_of_other_weights_fails_its_limit(new_network, files, samples):
    other = new_network()
    kernel = other.get_layer("alpha_logit_conv").kernel
    kernel.assign(kernel + 0.1)
    (row,), _ = check([files["float32"]], other, samples=samples, threads=(1,), runs=1)
    assert not row["passed"]
    assert "more than 0.0001" in row["problems"][0]
    assert "fails: max_difference" in table([row])


def test_the_layer_that_differs_is_named(new_network, files, images):
    other = new_network()
    kernel = other.get_layer("low_conv").kernel
    kernel.assign(-kernel)
    found = worst_layers(files["int8"].read_bytes(), other, {"image": images[0]})
    assert len(found) == 5
    assert found[0]["relative_error"] > 0.5
    assert "low_relu" in [layer["layer"] for layer in found]
    assert not {"stem_relu", "residual", "join4"} & {layer["layer"] for layer in found[:3]}


def test_a_report_is_written_of_what_check_returns(result, tmp_path):
    write_report(*result, tmp_path / "page.html", tmp_path / "page.json")
    page = (tmp_path / "page.html").read_text()
    # of each of three samples, image, Keras, and every file with a difference map; two truths; the
    # summary's image, Keras, matte and difference
    assert page.count("data:image/png;base64,") == 3 * (1 + 1 + 2 * len(FORMATS)) + 2 + 4
    assert f"All {len(FORMATS)} files passed" in page
    assert [row["format"] for row in json.loads((tmp_path / "page.json").read_text())] == [*FORMATS]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "page.json"]


def test_formats_are_read_from_names(tmp_path):
    assert format_of("a/net_int8_512x512_int8_qat.tflite") == "int8_qat"
    with pytest.raises(ValueError, match="net.tflite does not say its format"):
        format_of("net.tflite")


def test_bad_files_are_named(network, files, tmp_path):
    broken = tmp_path / "toy_32x48_float32.tflite"
    broken.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="toy_32x48_float32.tflite is not a .tflite file"):
        check([broken], network)
    with pytest.raises(FileNotFoundError, match="file not found: missing"):
        check(["missing_int8.tflite"], network)
    with pytest.raises(ValueError, match="specify --qat_weights"):
        check([files["int8_qat"]], network)


def test_benchmark_has_a_row_per_file_in_order(files):
    chosen = [files["int8"], files["float32"]]
    rows = benchmark(chosen, threads=1, runs=3)
    assert [row["file"] for row in rows] == [path.name for path in chosen]
    assert [row["bytes"] for row in rows] == [path.stat().st_size for path in chosen]
    text = benchmark_table(rows).splitlines()
    assert len(text) == 3 and text[1].endswith("1.00")


def test_the_gpu_delegate_is_asked(files):
    assert gpu_warnings(files["float32"].read_bytes()) == []


def test_of_networks_that_choose_one_sample_may_have_chosen_otherwise():
    difference = np.zeros((3, 20, 20, 1))
    difference[:, 0, 0] = difference[0, 5:] = 1.0
    assert most_pixels(difference) == 0.0
    difference[1, 5:] = 1.0
    assert most_pixels(difference) == 1.0
