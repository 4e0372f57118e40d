"""The parity page: one self-contained HTML file with tables, pictures and difference maps."""

import base64
import html
import json
from pathlib import Path

import cv2
import numpy as np

from keras_matting.atomic import replacing

GAIN = 16  # difference maps are shown this much brighter
PICTURED = 8  # samples

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.pictures td { text-align: center; border: 0; font-size: 12px; color: #555; }
.fails { color: #b00020; }
img { max-width: 220px; display: block; }
details { margin: .4rem 0; }
"""


def write_report(rows, pictures, path_html, path_json):
    """Writes what `export.parity.check` returned: a page, and its rows as JSON."""
    written(path_json, json.dumps(rows, indent=1))
    parts = [
        _top("Parity", "Exported files against Keras"),
        _summary(rows),
        "<h2>Runtimes</h2><p>Difference to Keras (int8_qat: to the quantization-aware model).</p>",
        _runtimes(rows),
        "<h2>Files</h2>",
        *[_details(row) for row in rows],
        f"<h2>Mattes</h2><p>Under each, its difference to Keras' matte, {GAIN} times.</p>",
        _pictures(**pictures),
        "</html>",
    ]
    written(path_html, "\n".join(parts))


def page(title, head, body) -> str:
    """A page of one table, `head` and `body` being lists of cells."""
    return "\n".join([_top(title, title), _table(head, body), "</html>"])


def written(path, text):
    """Writes a file that is whole or not there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _top(title, heading):
    start = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"
    return f"{start}<style>{_STYLE}</style><h1>{heading}</h1>"


def _summary(rows):
    metrics = ("sad", "mse", "grad", "conn")
    head = ["file", "passed", *metrics, *(f"{m} to Keras" for m in metrics), "KB", "float tensors"]
    head += ["peak MB"]
    head += [f"ms, {n} thread{'s' * (int(n) > 1)} (p10-p90)" for n in rows[0]["latency"]]
    body = []
    for row in rows:
        cells = [row["file"], "yes" if row["passed"] else "no"]
        cells += [_number(row[m]) for m in metrics]
        cells += [_number(row["against_keras"][m]) for m in metrics]
        cells += [f"{row['bytes'] / 1000:.0f}", str(row["float_tensors"])]
        cells.append(f"{row['peak_memory'] / 1e6:.1f}")
        spreads = row["latency"].values()
        cells += [f"{ms['median']:.2f} ({ms['p10']:.2f}-{ms['p90']:.2f})" for ms in spreads]
        body.append(cells)
    keras = rows[0]["keras"]
    body.append(["Keras, float", "", *(_number(keras[m]) for m in metrics)])
    body.append(["best constant alpha", "", _number(rows[0]["constant_sad"])])
    return _table(head, body)


def _runtimes(rows):
    head = ["file", "runtime", "output", "largest", "99.9th percentile", "mean"]
    body = [
        [row["file"], runtime, output, *(_number(found[k]) for k in _DIFFERENCES)]
        for row in rows
        for runtime, outputs in row["runtimes"].items()
        for output, found in outputs.items()
    ]
    return _table(head, body)


_DIFFERENCES = ("max_difference", "p999", "mean_difference")


def _details(row):
    operators = ", ".join(f"{name} {count}" for name, count in row["operators"].items())
    gpu = row["gpu_warnings"] or ["nothing that the analyzer knows of"]
    parts = [f"<details><summary>{html.escape(row['file'])}</summary>"]
    parts += [f"<p class='fails'>{html.escape(problem)}</p>" for problem in row["problems"]]
    parts.append(f"<p>Operators: {html.escape(operators)}</p>")
    parts.append(f"<p>Against the GPU delegate: {html.escape('; '.join(gpu))}</p>")
    times = ", ".join(f"{name} {ms:.2f}" for name, ms in row["operator_ms"].items())
    parts.append(f"<p>Milliseconds on one thread, by LiteRT's profiler: {html.escape(times)}</p>")
    slow = [[e["result"], e["operator"], str(e["shape"]), _number(e["ms"])] for e in row["slowest"]]
    parts.append(_table(["slowest", "operator", "shape", "ms"], slow))
    if row["layers"]:
        body = [
            [e["layer"], e["operator"], _number(e["relative_error"]), _number(e["steps"])]
            for e in row["layers"]
        ]
        head = ["layers that depart furthest", "operator", "RMS error / RMS", "in steps"]
        parts.append(_table(head, body))
    return "\n".join(parts) + "</details>"


def _pictures(samples, mattes):
    parts = ["<table class='pictures'>"]
    for i, sample in enumerate(samples[:PICTURED]):
        top = [_picture(sample["image"], sample["name"])]
        if sample["alpha"] is not None:
            top.append(_picture(sample["alpha"], "truth"))
        top += [_picture(matte[i], name) for name, matte in mattes.items()]
        below = ["<td></td>"] * (len(top) - len(mattes))
        for name, matte in mattes.items():
            difference = GAIN * np.abs(matte[i] - mattes["Keras"][i])
            below.append("<td></td>" if name == "Keras" else _picture(difference, name))
        parts += ["<tr>", *top, "</tr><tr>", *below, "</tr>"]
    return "\n".join(parts) + "</table>"


def _picture(values, caption):
    """(H, W, 1 or 3) in [0, 1] -> a table cell with a PNG in it."""
    pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)[..., ::-1]
    _, png = cv2.imencode(".png", pixels)
    data = base64.b64encode(png.tobytes()).decode()
    return f"<td><img src='data:image/png;base64,{data}' alt=''>{html.escape(caption)}</td>"


def _table(head, body):
    rows = [_row("th", head), *(_row("td", cells) for cells in body)]
    return "<table>" + "\n".join(rows) + "</table>"


def _row(tag, cells):
    return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"


def _number(value):
    return "-" if value is None else f"{value:.4g}"
