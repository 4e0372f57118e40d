r"""Export and check every mobile variant in every format: files, a page for each, one table.

    python -m export.zoo --weights weights --out build/zoo --sizes 96x96,64x96 --timed 512x512

Weights are <variant>.weights.h5 and <variant>.qat.weights.h5 in the folder --weights if they exist;
otherwise stand-ins, with which only the mattes are meaningless. `recipes/zoo.sh` (`make zoo`)
trains them first. Under --out, each variant and size gets its .tflite files, `report.html` and
`report.json` (`export.parity`); `zoo.html`, `zoo.json` and the tables of --table come last. At the
sizes of --timed, float32 and int8 are only timed. If it is killed, the same command continues after
the last file; a variant whose weights have changed is built again. --option NAME=VALUE is an option
of `create_model` for all of --models; without it, `OPTIONS` has those of networks beside the mobile
variants.

The exit code is 1 if a file breaks its promises or limits, or if quantization-aware training had no
benefit: with trained weights the error of int8_qat may exceed float32's by `LOSS`, but not int8's.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import flags, logging

from export import network, parity, samples
from export.benchmark import benchmark, peak_memory
from export.convert import FORMATS, FROM_QAT, convert, export, parse_size, representative_inputs
from export.interpreters import load
from export.report import page, write_file, write_report
from export.stand_in_weights import fill
from keras_matting import metrics
from keras_matting.commands import start
from keras_matting.commands.model_flags import parse_options
from keras_matting.models import MODELS, create_model, list_models, without_heads
from keras_matting.models.operations import multiply_adds
from keras_matting.quantization.qat import deployment, load_quantized, quantize

THREADS = (2,)
CALIBRATION = 32  # samples
PARITY = 4  # samples that are compared in every runtime
FEW = 3  # samples, where the numbers do not matter
LOSS = 0.05
# Networks beside the mobile variants: the one that refines a part of the cells at full size, here
# about as large a part of 96x96 as its default is of a photograph.
OPTIONS = {"bgmv2_mobilenetv2": {"refine_sample_pixels": 1600}}
# The figures that the methods' recipes draw; the others draw all kinds.
FIGURES = {"bgmv2": "portrait", "modnet": "portrait", "ppmatting": "portrait", "gfm": "animal"}
# The measures of error that the recipes use.
WHOLE, UNKNOWN, MASK = "SAD", "SAD, unknown", "1 - mIoU"
MEASURES = {"dim": UNKNOWN, "gca": UNKNOWN, "bisenetv2": MASK}

VARIANTS = ["method", "variant", "input", "M parameters", "G multiply-adds", "weights", "error is"]
VARIANTS += ["constant", "float32", "int8", "int8_qat", "of float32"]
FILES = ["variant", "input", "format", "MB", "ms", "of float32", "error", "mean to Keras"]
FILES += ["99.9 % to Keras", "float tensors", "GPU"]
TIMES = ["variant", "input", "G multiply-adds", "float32 ms", "int8 ms", "int8 of float32"]
TIMES += ["float32 MB of memory", "int8 MB of memory"]


def variants() -> list[str]:
    return [*(name for name in list_models() if name.endswith("_mobile")), *OPTIONS]


def build(
    name, size, folder, weights=None, runs=10, held_out=32, formats=FORMATS, options=None
) -> dict:
    """Write files and report of one variant and return its row; existing files are kept.

    A row has variant, method, size, parameters, multiply_adds, trained, measure and constant (the
    error of the best single alpha for all pixels of the `held_out` composites), files (rows of
    `parity.check`, each with its error), and refused {format: reason}. `options` are those of
    `create_model`, by default `OPTIONS`. Raises ValueError on weights or options that do not fit.
    """
    options = options or OPTIONS.get(name, {})
    folder, paths = _place(name, size, folder, weights, options)
    done = folder / "row.json"
    if done.is_file():
        return json.loads(done.read_text())
    method = _method(name)
    kind, measure = FIGURES.get(method), MEASURES.get(method, WHOLE)
    heads, model, inputs = _network(name, size, paths[0], CALIBRATION, options)
    qat_model, refused = None, {}
    if of_qat := [format for format in formats if format in FROM_QAT]:
        try:
            qat_model = _quantised(heads, model, inputs, paths[1])
        except ValueError as reason:
            if paths[1]:
                raise
            refused = dict.fromkeys(of_qat, str(reason))  # a layer without an integer rule
    few = {key: values[:FEW] for key, values in inputs.items()}
    for format in formats:
        if format in refused or _file(folder, name, size, format).is_file():
            continue
        try:
            origin = qat_model if format in FROM_QAT else model
            print(export(origin, format, folder, few, inputs), flush=True)
        except (ValueError, RuntimeError) as reason:
            refused[format] = str(reason).strip().splitlines()[-1]
    files = [path for f in formats if (path := _file(folder, name, size, f)).is_file()]
    tried = samples.synthetic(*size, count=held_out, kind=kind)
    rows, pictures = parity.check(files, model, qat_model, tried[:PARITY], THREADS, runs)
    write_report(rows, pictures, folder / "report.html", folder / "report.json")
    shown = samples.stacked(tried, model.input)
    flat = np.ones((held_out, *size, 1), np.float32)
    row = {
        "variant": name,
        "method": method,
        "size": f"{size[0]}x{size[1]}",
        "parameters": model.count_params(),
        "multiply_adds": multiply_adds(model),
        "trained": paths[0] is not None,
        "measure": measure,
        "constant": min(error(measure, level / 100 * flat, tried) for level in range(101)),
        "files": [
            {key: row[key] for key in KEPT}
            | {"error": error(measure, load(path)(shown)["alpha"], tried)}
            for path, row in zip(files, rows, strict=True)
        ],
        "refused": refused,
    }
    write_file(done, json.dumps(row, indent=1))
    return row


def times(name, size, folder, weights=None, runs=10, options=None) -> dict:
    """Measure a variant as float32 and int8 files that run alternately, on two threads.

    Returns {variant, size, multiply_adds, latency_ms {format: median}, memory {format: bytes},
    ratio: int8's time over float32's}. The row is kept in `folder`, the files are not. `options` as
    for `build`.
    """
    options = options or OPTIONS.get(name, {})
    folder, paths = _place(name, size, folder, weights, options)
    done = folder / "times.json"
    if done.is_file():
        return json.loads(done.read_text())
    _, model, inputs = _network(name, size, paths[0], FEW, options)
    with tempfile.TemporaryDirectory() as scratch:
        files = {format: Path(scratch, f"{format}.tflite") for format in ("float32", "int8")}
        for format, path in files.items():
            path.write_bytes(convert(model, format, inputs))
        found = dict(zip(files, benchmark(files.values(), *THREADS, runs), strict=True))
        row = {
            "variant": name,
            "size": f"{size[0]}x{size[1]}",
            "multiply_adds": multiply_adds(model),
            "latency_ms": {format: row["latency_ms"]["median"] for format, row in found.items()},
            "ratio": found["int8"]["ratio"],
            "memory": {format: peak_memory(path) for format, path in files.items()},
        }
    print(f"{name} at {row['size']}: int8 takes {row['ratio']:.2f} of float32", flush=True)
    write_file(done, json.dumps(row, indent=1))
    return row


# keys of a row of `parity.check` that the tables need
KEPT = ["file", "format", "bytes", "latency_ms", "mean_difference", "p999", "max_difference"]
KEPT += ["float_tensors", "gpu_warnings", "problems", "passed"]


def error(measure, mattes, samples) -> float:
    """Return the error of mattes (N, H, W, 1) against the samples' alphas.

    It is the mean SAD of all pixels or of those that are unknown in the trimaps, or one minus the
    mean IoU of pixels that are at least half covered.
    """
    if measure == MASK:
        predicted, true = mattes >= 0.5, np.stack([sample["alpha"] for sample in samples]) >= 0.5
        pairs = [(predicted, true), (~predicted, ~true)]
        return float(1 - np.mean([(p & t).sum() / (p | t).sum() for p, t in pairs]))
    sads = []
    for matte, sample in zip(mattes, samples, strict=True):
        trimap = np.rint(255 * sample["trimap"]).astype(np.uint8) if measure == UNKNOWN else None
        sads.append(metrics.sad(np.clip(matte, 0, 1), np.clip(sample["alpha"], 0, 1), trimap))
    return float(np.mean(sads))


def variant_table(rows) -> list[list[str]]:
    """Return a line of `VARIANTS` for every row."""
    lines = []
    for row in rows:
        found = {file["format"]: f"{file['error']:.4f}" for file in row["files"]}
        ratio = qat_ratio(row)
        errors = [f"{row['constant']:.4f}"]
        errors += [found.get(format, "-") for format in ("float32", "int8", "int8_qat")]
        errors.append("-" if ratio is None else f"{ratio:.3f}{' (fails)' * (not fine(row))}")
        lines.append([
            row["method"],
            row["variant"],
            row["size"],
            f"{row['parameters'] / 1e6:.1f}",
            f"{row['multiply_adds'] / 1e9:.2f}",
            "trained" if row["trained"] else "stand-in",
            row["measure"],
            *(errors if row["trained"] else ["-"] * len(errors)),
        ])  # fmt: skip
    return lines


def qat_ratio(row):
    """Return int8_qat's error as a multiple of float32's, None if either or training is missing."""
    errors = {file["format"]: file["error"] for file in row["files"]}
    if not row["trained"] or not {"float32", "int8_qat"} <= errors.keys():
        return None
    return errors["int8_qat"] / errors["float32"]


def fine(row) -> bool:
    """Return whether a row's files keep their promises and int8_qat is good enough."""
    errors, ratio = {file["format"]: file["error"] for file in row["files"]}, qat_ratio(row)
    good = ratio is None or ratio <= 1 + LOSS and errors["int8_qat"] <= errors.get("int8", np.inf)
    return good and all(file["passed"] for file in row["files"])


def file_table(rows) -> list[list[str]]:
    """Return a line of `FILES` for every file and every format that was refused."""
    lines = []
    for row in rows:
        start = [row["variant"], row["size"]]
        latency = {file["format"]: file["latency_ms"] for file in row["files"]}
        for file in row["files"]:
            ratio = file["latency_ms"] / latency["float32"] if "float32" in latency else None
            lines.append([
                *start,
                file["format"] + ("" if file["passed"] else " (fails)"),
                f"{file['bytes'] / 1e6:.2f}",
                f"{file['latency_ms']:.1f}",
                f"{ratio:.2f}" if ratio else "-",
                f"{file['error']:.4f}" if row["trained"] else "-",
                f"{file['mean_difference']:.1e}",
                f"{file['p999']:.1e}",
                str(file["float_tensors"]),
                "no" if file["gpu_warnings"] else "yes",
            ])  # fmt: skip
        for format, reason in row["refused"].items():
            lines.append([*start, f"{format}: {reason}", *["-"] * (len(FILES) - 3)])
    return lines


def time_table(rows) -> list[list[str]]:
    """Return a line of `TIMES` for every row of `times`."""
    return [
        [
            row["variant"],
            row["size"],
            f"{row['multiply_adds'] / 1e9:.1f}",
            *(f"{row['latency_ms'][format]:.0f}" for format in ("float32", "int8")),
            f"{row['ratio']:.2f}",
            *(f"{row['memory'][format] / 1e6:.0f}" for format in ("float32", "int8")),
        ]
        for row in rows
    ]


def markdown(head, lines) -> str:
    cells = [[cell.replace("|", "/") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *cells])


def _place(name, size, folder, weights, options):
    """Return the folder of a variant and size, and the paths of its two kinds of weights.

    The folder is emptied if it was built from other weights or options; a path is None if there is
    no file.
    """
    folder = Path(folder) / f"{name}_{size[0]}x{size[1]}"
    paths = [Path(weights or "", f"{name}{kind}.weights.h5") for kind in ("", ".qat")]
    paths = [path if weights and path.is_file() else None for path in paths]
    built_from = [path and hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    built_from += [options] if options else []
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "weights.json"
    if not record.is_file() or json.loads(record.read_text()) != built_from:
        shutil.rmtree(folder)
        write_file(record, json.dumps(built_from))
    return folder, paths


def _method(name):
    return MODELS[name].__name__.rsplit(".", 1)[-1]


def _network(name, size, path, count, options):
    """Return the network with its heads and without, and `count` samples to calibrate on."""
    heads = create_model(name, (*size, 3), training_heads=True, **options)
    model = without_heads(heads)
    inputs = representative_inputs(model.input, *size, count=count, kind=FIGURES.get(_method(name)))
    network.loaded(heads, path) if path else fill(model, inputs)
    return heads, model, inputs


def _quantised(heads, model, inputs, path):
    if path:
        return load_quantized(heads, str(path))
    return deployment(quantize(model, samples.batches(inputs)))


def _file(folder, name, size, format):
    return folder / f"{name}_{size[0]}x{size[1]}_{format}.tflite"


def main(_):
    options = flags.FLAGS
    logging.set_verbosity(logging.ERROR)
    try:
        given = parse_options(options.option)
        rows = [
            build(
                name,
                parse_size(size),
                options.out,
                options.weights,
                options.runs,
                options.held_out,
                options.formats,
                given,
            )
            for name in options.models or variants()
            for size in options.sizes
        ]
        timed = [
            times(name, parse_size(size), options.out, options.weights, options.runs, given)
            for name in options.models or variants()
            for size in options.timed
        ]
        found = {"variants": rows, "timed": timed}
        write_file(Path(options.out) / "zoo.json", json.dumps(found, indent=1))
        write_file(Path(options.out) / "zoo.html", page("Zoo", FILES, file_table(rows)))
        write_file(options.table, document(rows, timed, options.held_out))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(options.table)
    sys.exit(0 if all(map(fine, rows)) else 1)


def document(rows, timed, held_out) -> str:
    text = (
        "# The mobile variants as files\n\n"
        "Written by `make zoo`, which trains each variant for a few minutes on synthetic figures, "
        "fine-tunes it with quantization-aware training, converts it and checks the files.\n\n"
        "## Variants\n\n"
        f"The error is measured on {held_out} held-out synthetic composites: the mean SAD over "
        "whole images or, with a trimap, over unknown pixels; for BiSeNetV2, whose alpha is a "
        "mask, 1 - mIoU. `constant` is the error of the best constant alpha. int8 is quantised "
        "after training, int8_qat by quantization-aware training; the last column is its error "
        f"divided by float32's, limited to {1 + LOSS} for trained weights. Stand-in weights are "
        "random and give no useful matte.\n\n"
        f"{markdown(VARIANTS, variant_table(rows))}\n\n"
        "## Files\n\n"
        "Times are for LiteRT with XNNPACK and two threads on the machine that wrote this; compare "
        "them only with each other. Differences are between the alphas of the file and of Keras, "
        "for int8_qat and int8_float_ends of the quantization-aware model. GPU tells whether the "
        "GPU delegate supports the file, according to TensorFlow's analyzer.\n\n"
        f"{markdown(FILES, file_table(rows))}\n"
    )
    if not timed:
        return text
    return (
        f"{text}\n## At another size\n\n"
        "float32 and int8 files with the same weights, run alternately, as above; int8_qat files "
        "have the same operators as int8. The speed-up of int8 depends on the processor: recent "
        "ones have dot products of bytes (x86: VNNI, ARM: dotprod). Memory is the growth of a "
        "process that loads a file and runs it once.\n\n"
        f"{markdown(TIMES, time_table(timed))}\n"
    )


def define_flags():
    flags.DEFINE_list(
        "models", [], f"Variants, with commas; default: all mobile ones, {', '.join(OPTIONS)}."
    )
    flags.DEFINE_multi_string(
        "option", [], "NAME=VALUE, an option of create_model for all --models; may be repeated."
    )
    flags.DEFINE_list("sizes", ["256x256", "192x320"], "HxW, with commas.")
    flags.DEFINE_list("timed", [], "HxW, with commas: sizes at which to time float32 and int8.")
    flags.DEFINE_list("formats", list(FORMATS), "Formats, with commas.")
    flags.DEFINE_string("weights", None, "A folder of trained weights.")
    flags.DEFINE_string("out", "build/zoo", "Folder to write to.")
    flags.DEFINE_string("table", "docs/zoo.md", "The tables to write.")
    flags.DEFINE_integer("runs", 10, "Timed runs of each file.", lower_bound=1)
    flags.DEFINE_integer("held_out", 32, "Composites to measure errors on.", lower_bound=PARITY)


if __name__ == "__main__":
    start(sys.modules[__name__])
