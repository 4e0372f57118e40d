"""The parity page: numbers as people read them, and the summary."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from export.report import number, page, worst_picture, write_report


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.012345, "0.0123"),
        (0.00012345, "0.000123"),
        (2.031e-8, "2.03 × 10⁻⁸"),
        (0.9996, "1.00"),
        (12.345, "12.3"),
        (99.97, "100"),
        (1234.5, "1234"),
        (float("nan"), "nan"),
    ],
)
def test_three_significant_digits(value, text):
    assert number(value) == text


def row(format, passed=True, **numbers):
    differences = {"max_difference": 0.01, "p999": 0.005, "mean_difference": 0.001} | numbers
    metrics = {"sad": 1.0, "mse": 0.1, "grad": 1.0, "conn": 1.0}
    latency = {"median": 2.0, "p10": 1.0, "p90": 3.0}
    return {
        "file": f"net_8x8_{format}.tflite", "format": format, "bytes": 10**6, "passed": passed,
        "problems": [] if passed else ["p999 of alpha is <0.1>"], **differences, **metrics,
        "runtimes": {"litert": {"alpha": differences}}, "keras": metrics, "constant_sad": 2.0,
        "against_keras": metrics, "float_tensors": 0, "operators": {"CONV_2D": 1},
        "gpu_warnings": [], "largest_sum": None, "layers": [], "latency_ms": 2.0,
        "latency": {1: latency}, "peak_memory": 10**6, "operator_ms": {"CONV_2D": 1.0},
        "slowest": [],
    }  # fmt: skip


@pytest.fixture
def pictures():
    image, alpha = np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 1), np.float32)
    samples = [{"name": name, "image": image, "alpha": alpha} for name in ("<first>", "second")]
    mattes = {name: np.zeros((2, 8, 8, 1), np.float32) for name in ("Keras", "float16", "int8")}
    mattes["float16"] += 0.001
    mattes["int8"][1, :4] = 0.5
    return {"samples": samples, "mattes": mattes}


def written(tmp_path, rows, pictures):
    write_report(rows, pictures, tmp_path / "page.html", tmp_path / "page.json")
    return (tmp_path / "page.html").read_text()


def test_the_summary_comes_first(tmp_path, pictures):
    rows = [row("float16"), row("int8", max_difference=0.5, mean_difference=0.125)]
    text = re.sub("<[^>]+>", " ", written(tmp_path, rows, pictures).split("<h2>")[0])
    assert "All 2 files passed" in text
    assert "the alpha of int8 differs from Keras by up to 0.500 at one pixel, by 0.125" in text
    assert "second in int8, by 0.250 on average" in text
    assert worst_picture(**pictures) == (0.25, "int8", 1)


def test_failures_are_named_in_the_summary(tmp_path, pictures):
    rows = [row("float16"), row("int8", passed=False)]
    summary = written(tmp_path, rows, pictures).split("<h2>")[0]
    assert "1 of 2 files failed: int8" in summary
    assert "int8: p999 of alpha is &lt;0.1&gt;" in summary


def test_files_of_one_format_keep_their_names(tmp_path, pictures):
    text = written(tmp_path, [row("int8"), row("int8") | {"file": "other_int8.tflite"}], pictures)
    assert "<td>net_8x8_int8.tflite</td>" in text and "<td>other_int8.tflite</td>" in text


def test_the_page_is_one_file_that_escapes_names_and_knows_dark_mode(tmp_path, pictures):
    text = written(tmp_path, [row("float16"), row("int8")], pictures)
    assert "src='http" not in text and "href" not in text
    assert "&lt;first&gt;" in text and "<first>" not in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"\de[-+]\d", re.sub("base64,[^']*", "", text))


class Balance(HTMLParser):
    """Raises where a tag is closed that is not the last one opened."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_tag_is_closed_and_tables_scroll(tmp_path, pictures):
    for text in (written(tmp_path, [row("int8")], pictures), page("Zoo", ["a"], [["<b>"]])):
        parser = Balance()
        parser.feed(text)
        assert parser.open == []
        assert text.count("<table>") == text.count("<div class='scroll'><table>") > 0
