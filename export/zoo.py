r"""Every mobile variant in every format, checked: files, a page for each, and a table of all.

    python -m export.zoo --out build/zoo --sizes 256x256,192x320        # or: make zoo

Weights are WEIGHTS/<variant>.weights.h5 and <variant>.qat.weights.h5 of the folder --weights, where
they are there; otherwise stand-ins, with which everything holds but the mattes. Writes under --out,
per variant and size, the .tflite files, `report.html` and `report.json` (`export.parity`), then
`zoo.html`, `zoo.json` and the table --table. Killed and started again, it goes on after the last
file; remove a variant's folder to have it built anew. Exit code 1 if a file breaks its promises or
limits.
"""

import json
import sys
from pathlib import Path

from absl import app, flags, logging

from export import parity, samples
from export.convert import FORMATS, export, parse_size, representative_inputs
from export.qat import batches, deployment, load_quantized, quantize
from export.report import page, write_report, written
from export.standins import fill
from keras_matting.models import MODELS, create_model, list_models, load_weights, without_heads

THREADS = (2,)
CALIBRATION = 16  # samples
HEAD = ["method", "variant", "input", "M parameters", "weights", "format", "MB", "ms", "of float32"]
HEAD += ["SAD", "mean to Keras", "99.9 % to Keras", "float tensors", "GPU"]


def variants() -> list[str]:
    return [name for name in list_models() if name.endswith("_mobile")]


def build(name, size, folder, weights=None, runs: int = 10) -> dict:
    """Files, report and row of one variant; what is there already is left.

    A row has variant, size, parameters, trained, files (rows of `parity.check`), and refused
    {format: reason}. Raises ValueError on weights that do not fit.
    """
    folder = Path(folder) / f"{name}_{size[0]}x{size[1]}"
    done = folder / "row.json"
    if done.is_file():
        return json.loads(done.read_text())
    heads = create_model(name, (*size, 3), training_heads=True)
    model = without_heads(heads)
    inputs = representative_inputs(model.input, *size, count=CALIBRATION)
    trained = _fill(heads, model, inputs, weights)
    qat_model = _quantised(heads, model, inputs, weights)
    few = {key: values[:2] for key, values in inputs.items()}
    refused = {}
    for format in FORMATS:
        if _file(folder, name, size, format).is_file():
            continue
        try:
            origin = qat_model if format == "int8_qat" else model
            print(export(origin, format, folder, few, inputs), flush=True)
        except (ValueError, RuntimeError) as error:
            refused[format] = str(error).strip().splitlines()[-1]
    files = [path for f in FORMATS if (path := _file(folder, name, size, f)).is_file()]
    tried = samples.synthetic(*size, count=4)
    rows, pictures = parity.check(files, model, qat_model, tried, THREADS, runs)
    write_report(rows, pictures, folder / "report.html", folder / "report.json")
    row = {
        "variant": name,
        "method": MODELS[name].__name__.rsplit(".", 1)[-1],
        "size": f"{size[0]}x{size[1]}",
        "parameters": model.count_params(),
        "trained": trained,
        "files": [{key: row[key] for key in KEPT} for row in rows],
        "refused": refused,
    }
    written(done, json.dumps(row, indent=1))
    return row


# what the table needs of a row of `parity.check`
KEPT = ["file", "format", "bytes", "latency_ms", "sad", "keras", "mean_difference", "p999"]
KEPT += ["max_difference", "float_tensors", "gpu_warnings", "problems", "passed"]


def table(rows) -> list[list[str]]:
    """A line of `HEAD` for every file and every format that was refused."""
    lines = []
    for row in rows:
        start = [row["method"], row["variant"], row["size"], f"{row['parameters'] / 1e6:.1f}"]
        start.append("trained" if row["trained"] else "stand-in")
        latency = {file["format"]: file["latency_ms"] for file in row["files"]}
        for file in row["files"]:
            sad = f"{file['sad']:.2f}" if row["trained"] else "-"
            gpu = "no" if file["gpu_warnings"] else "yes"
            ratio = file["latency_ms"] / latency["float32"] if "float32" in latency else None
            lines.append([
                *start,
                file["format"] + ("" if file["passed"] else " (fails)"),
                f"{file['bytes'] / 1e6:.2f}",
                f"{file['latency_ms']:.1f}",
                f"{ratio:.2f}" if ratio else "-",
                sad,
                f"{file['mean_difference']:.1e}",
                f"{file['p999']:.1e}",
                str(file["float_tensors"]),
                gpu,
            ])  # fmt: skip
        for format, reason in row["refused"].items():
            lines.append([*start, f"{format}: {reason}", *["-"] * (len(HEAD) - 6)])
    return lines


def markdown(rows) -> str:
    lines = [HEAD, ["---"] * len(HEAD), *table(rows)]
    cells = [[cell.replace("|", "/") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _fill(heads, model, inputs, weights):
    """Trained weights if there are some, otherwise stand-ins; whether they are trained."""
    path = Path(weights or "", f"{model.name}.weights.h5")
    if weights and path.is_file():
        load_weights(heads, path)
        return True
    fill(model, inputs)
    return False


def _quantised(heads, model, inputs, weights):
    path = Path(weights or "", f"{model.name}.qat.weights.h5")
    if weights and path.is_file():
        return load_quantized(heads, str(path))
    return deployment(quantize(model, batches(inputs)))


def _file(folder, name, size, format):
    return folder / f"{name}_{size[0]}x{size[1]}_{format}.tflite"


def main(_):
    options = flags.FLAGS
    logging.set_verbosity(logging.ERROR)
    try:
        rows = [
            build(name, parse_size(size), options.out, options.weights, options.runs)
            for name in options.models or variants()
            for size in options.sizes
        ]
        written(Path(options.out) / "zoo.json", json.dumps(rows, indent=1))
        written(Path(options.out) / "zoo.html", page("Zoo", HEAD, table(rows)))
        written(options.table, _document(rows))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(options.table)
    sys.exit(0 if all(file["passed"] for row in rows for file in row["files"]) else 1)


def _document(rows):
    return (
        "# The mobile variants as files\n\n"
        "Written by `make zoo`. Latencies are of LiteRT with XNNPACK on two threads of the machine "
        "that wrote this, for comparison with one another only; the difference is that of alpha to "
        "Keras, of int8_qat to the quantization-aware model. int8_qat without trained weights has "
        "ranges from calibration only. SAD is that of trained weights on synthetic composites. GPU "
        "is what TensorFlow's analyzer says of the delegate.\n\n"
        f"{markdown(rows)}\n"
    )


def define_flags():
    flags.DEFINE_list("models", [], "Variants, with commas; by default all that end in _mobile.")
    flags.DEFINE_list("sizes", ["256x256", "192x320"], "HxW, with commas.")
    flags.DEFINE_string("weights", None, "A folder of trained weights.")
    flags.DEFINE_string("out", "build/zoo", "Folder to write to.")
    flags.DEFINE_string("table", "docs/zoo.md", "The table to write.")
    flags.DEFINE_integer("runs", 10, "Timed runs of each file.", lower_bound=1)


if __name__ == "__main__":
    define_flags()
    app.run(main)
