"""The parity page: one self-contained HTML file with a summary, a chart, tables and images."""

import base64
import html
import json
from pathlib import Path

import cv2
import numpy as np

from keras_matting.atomic import write_text

GAIN = 16  # difference maps are shown this much brighter
PICTURED = 8  # samples

_STYLE = """
:root { color-scheme: light dark; --text: #1d2126; --faint: #636c76; --line: #d8dee4;
  --page: #ffffff; --panel: #f4f6f8; --error: #c2571a; --time: #2f6db3; --good: #1a7f37;
  --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e8ed; --faint: #98a3ae; --line: #39424c;
  --page: #14181d; --panel: #1d232a; --error: #e28a4f; --time: #6aa5e3; --good: #57b96d;
  --bad: #f28b82; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 1150px;
  color: var(--text); background: var(--page); }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 75ch; } .faint { color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; color: var(--faint); }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 7rem;
  overflow-wrap: anywhere; }
.summary { background: var(--panel); border-left: 5px solid var(--good); border-radius: 4px;
  padding: .8rem 1.1rem; margin: 1rem 0; }
.summary.failed { border-color: var(--bad); }
.verdict { font-size: 1.25rem; font-weight: 600; color: var(--good); }
.failed .verdict, .fails { color: var(--bad); }
.chart { display: grid; grid-template-columns: max-content 1fr 1fr; gap: .35rem 1.2rem;
  align-items: center; }
.chart b { font-weight: 600; color: var(--faint); }
.bar { display: flex; align-items: center; gap: .5rem; font-variant-numeric: tabular-nums; }
.bar i { height: .95rem; min-width: 2px; border-radius: 2px; background: var(--time); }
.bar.error i { background: var(--error); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(130px, 1fr));
  gap: .6rem; margin: .6rem 0 1.4rem; }
figure { margin: 0; } figcaption { font-size: 12px; color: var(--faint); overflow-wrap: anywhere; }
img { width: 100%; display: block; background: #000; }
details { border-bottom: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; }
"""
_METRICS = {"sad": "SAD", "mse": "MSE", "grad": "Grad", "conn": "Conn"}
_DIFFERENCES = {"max_difference": "largest", "p999": "99.9th percentile", "mean_difference": "mean"}


def write_report(rows, pictures, path_html, path_json):
    """Write what `export.parity.check` returned: a page, and its rows as JSON."""
    write_file(path_json, json.dumps(rows, indent=1))
    labels = _labels(rows)
    parts = [
        _top("Parity of exported files"),
        f"<p class='faint'>{html.escape(', '.join(row['file'] for row in rows))}</p>",
        _summary(rows, labels, **pictures),
        "<h2>Error and time</h2>",
        _chart(rows, labels),
        "<h2>Difference to Keras</h2>",
        "<p class='faint'>Of the alpha, in LiteRT with XNNPACK; int8_qat and "
        "int8_float_ends are compared with the quantization-aware model.</p>",
        _differences(rows, labels),
        "<h2>Metrics</h2>",
        "<p class='faint'>Means over the samples whose alpha is known, and against the matte of "
        "the float Keras model.</p>",
        _metrics(rows, labels),
        "<h2>Speed and memory</h2>",
        _speed(rows, labels),
        "<h2>Files</h2>",
        *[_details(row) for row in rows],
        "<h2>Mattes</h2>",
        f"<p class='faint'>Below each matte is its difference to that of Keras, {GAIN} times as "
        "bright.</p>",
        _pictures(**pictures),
        "</html>",
    ]
    write_file(path_html, "\n".join(parts))


def page(title, head, body) -> str:
    """Return a page with one table, whose `head` and `body` are lists of cells."""
    return "\n".join([_top(title), _table(head, body), "</html>"])


def write_file(path, text):
    """Write a text file atomically, into a folder that is created if needed."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def number(value) -> str:
    """Format a number with three significant digits: 0.0123, 12.3, 1234, 2.03 × 10⁻⁸."""
    if value is None:
        return "–"
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    exponent = int(exponent)
    if exponent < -4 or exponent > 5:
        digits = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa} × 10{digits}"
    return f"{value:.{max(2 - exponent, 0)}f}"


def worst_picture(samples, mattes):
    """Return (mean difference to Keras, name of the matte, index of the sample) of the largest."""
    return max(
        (float(np.abs(matte[i] - mattes["Keras"][i]).mean()), name, i)
        for name, matte in mattes.items()
        if name != "Keras"
        for i in range(len(samples))
    )


def _top(title):
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{_STYLE}</style><h1>{title}</h1>"
    )


def _labels(rows):
    """Return what to call each file: its format, or its name if several have one format."""
    formats = [row["format"] for row in rows]
    return formats if len(set(formats)) == len(rows) else [row["file"] for row in rows]


def _summary(rows, labels, samples, mattes):
    failed = [label for label, row in zip(labels, rows, strict=True) if not row["passed"]]
    verdict = f"All {len(rows)} files passed" if len(rows) > 1 else "The file passed"
    if failed:
        verdict = f"{len(failed)} of {len(rows)} files failed: {', '.join(failed)}"
    parts = [f"<p class='verdict'>{html.escape(verdict)}</p>"]
    for label, row in zip(labels, rows, strict=True):
        parts += [f"<p class='fails'>{html.escape(f'{label}: {p}')}</p>" for p in row["problems"]]
    worst = max(range(len(rows)), key=lambda i: rows[i]["max_difference"])
    parts.append(
        f"<p>Worst figure: the alpha of {html.escape(labels[worst])} differs from Keras by up to "
        f"{number(rows[worst]['max_difference'])} at one pixel, by "
        f"{number(rows[worst]['mean_difference'])} on average.</p>"
    )
    difference, name, i = worst_picture(samples, mattes)
    parts.append(
        f"<p>The picture that differs most: {html.escape(samples[i]['name'])} in "
        f"{html.escape(name)}, by {number(difference)} on average from the float model.</p>"
    )
    shown = {"image": samples[i]["image"], "Keras": mattes["Keras"][i], name: mattes[name][i]}
    shown[f"difference, {GAIN} times"] = GAIN * np.abs(mattes[name][i] - mattes["Keras"][i])
    pictures = "".join(_picture(values, caption) for caption, values in shown.items())
    parts.append(f"<div class='pictures'>{pictures}</div>")
    return f"<div class='summary{' failed' * bool(failed)}'>{''.join(parts)}</div>"


def _chart(rows, labels):
    """Return bars of the error and of the time of every file."""
    known = rows[0]["sad"] is not None
    errors = [row["sad"] if known else row["mean_difference"] for row in rows]
    lines = list(zip(labels, errors, (row["latency_ms"] for row in rows), strict=True))
    if known:
        lines.insert(0, ("Keras, float", rows[0]["keras"]["sad"], None))
    largest = max(line[1] for line in lines), max(row["latency_ms"] for row in rows)
    error = "Error: SAD against the known alpha" if known else "Error: mean difference to Keras"
    threads = next(iter(rows[0]["latency"]))
    plural = "" if int(threads) == 1 else "s"
    cells = ["<b></b>", f"<b>{error}</b>", f"<b>Time: milliseconds on {threads} thread{plural}</b>"]
    for label, error, time in lines:
        cells.append(f"<span>{html.escape(label)}</span>")
        cells.append(_bar(error, largest[0], "error"))
        cells.append("<span></span>" if time is None else _bar(time, largest[1], "time"))
    return f"<div class='chart'>{''.join(cells)}</div>"


def _bar(value, largest, kind):
    share = 100 * value / largest if largest > 0 else 0  # of what the number leaves
    return f"<div class='bar {kind}'><i style='width:{0.75 * share:.1f}%'></i>{number(value)}</div>"


def _differences(rows, labels):
    """Return a table for the alpha in the default runtime; Files has other outputs and runtimes."""
    head = ["file", "result", *_DIFFERENCES.values(), "float tensors", "MB"]
    body = [
        [
            label,
            "passed" if row["passed"] else "failed",
            *(number(row[key]) for key in _DIFFERENCES),
            str(row["float_tensors"]),
            number(row["bytes"] / 1e6),
        ]
        for label, row in zip(labels, rows, strict=True)
    ]
    return _table(head, body)


def _metrics(rows, labels):
    head = ["", *_METRICS.values(), *(f"{name} to Keras" for name in _METRICS.values())]
    keras = ["Keras, float", *(number(rows[0]["keras"][key]) for key in _METRICS)]
    body = [[*keras, *[""] * len(_METRICS)]]
    for label, row in zip(labels, rows, strict=True):
        own = [number(row[key]) for key in _METRICS]
        body.append([label, *own, *(number(row["against_keras"][key]) for key in _METRICS)])
    constant = ["best constant alpha", number(rows[0]["constant_sad"])]
    body.append(constant + [""] * (len(head) - len(constant)))
    return _table(head, body)


def _speed(rows, labels):
    threads = list(rows[0]["latency"])
    head = ["file", *(f"ms, {n} thread{'s' * (int(n) > 1)} (p10 to p90)" for n in threads)]
    body = [
        [label, *map(_spread, row["latency"].values()), number(row["peak_memory"] / 1e6)]
        for label, row in zip(labels, rows, strict=True)
    ]
    return _table([*head, "MB of memory"], body)


def _spread(ms):
    return f"{number(ms['median'])} ({number(ms['p10'])} to {number(ms['p90'])})"


def _details(row):
    operators = ", ".join(f"{name} {count}" for name, count in row["operators"].items())
    gpu = row["gpu_warnings"] or ["nothing that the analyzer knows of"]
    times = ", ".join(f"{name} {number(ms)}" for name, ms in row["operator_ms"].items())
    slow = [[e["result"], e["operator"], str(e["shape"]), number(e["ms"])] for e in row["slowest"]]
    runtimes = [
        [runtime, output, *(number(found[key]) for key in _DIFFERENCES)]
        for runtime, outputs in row["runtimes"].items()
        for output, found in outputs.items()
    ]
    parts = [
        f"<details><summary>{html.escape(row['file'])}</summary>",
        _table(["runtime", "output", *_DIFFERENCES.values()], runtimes),
        f"<p>Operators: {html.escape(operators)}</p>",
        f"<p>Against the GPU delegate: {html.escape('; '.join(gpu))}</p>",
        _largest_sum(row["largest_sum"]),
        f"<p>Milliseconds on one thread, by LiteRT's profiler: {html.escape(times)}</p>",
        _table(["slowest", "operator", "shape", "ms"], slow),
    ]
    if row["layers"]:
        body = [
            [e["layer"], e["operator"], number(e["relative_error"]), number(e["steps"])]
            for e in row["layers"]
        ]
        head = ["layers with the largest error", "operator", "RMS error / RMS", "in steps"]
        parts.append(_table(head, body))
    return "\n".join(parts) + "</details>"


def _largest_sum(largest):
    if largest is None:
        return ""
    name = html.escape(largest["result"])
    return f"<p>Largest sum of a mean: {number(largest['sum'])}, in {name}</p>"


def _pictures(samples, mattes):
    parts = []
    for i, sample in enumerate(samples[:PICTURED]):
        shown = [_picture(sample["image"], sample["name"])]
        if sample["alpha"] is not None:
            shown.append(_picture(sample["alpha"], "truth"))
        for name, matte in mattes.items():
            difference = None if name == "Keras" else np.abs(matte[i] - mattes["Keras"][i])
            shown.append(_picture(matte[i], name, difference))
        parts += ["<div class='pictures'>", *shown, "</div>"]
    return "\n".join(parts)


def _picture(values, caption, difference=None):
    """Return a figure of (H, W, 1 or 3) in [0, 1], with a difference map below it."""
    images = _image(values) + ("" if difference is None else _image(GAIN * difference))
    return f"<figure>{images}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _image(values):
    pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)[..., ::-1]
    _, png = cv2.imencode(".png", pixels)
    data = base64.b64encode(png.tobytes()).decode()
    return f"<img src='data:image/png;base64,{data}' alt=''>"


def _table(head, body):
    rows = [_row("th", head), *(_row("td", cells) for cells in body)]
    return "<div class='scroll'><table>" + "\n".join(rows) + "</table></div>"


def _row(tag, cells):
    return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"
