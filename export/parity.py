r"""Compare exported files with Keras: numbers, limits, and a page with pictures.

    keras-matting parity build/*.tflite --weights float.weights.h5 --qat-weights qat.weights.h5
    keras-matting parity build/*.tflite --weights float.weights.h5 --golden golden
    keras-matting parity build/*.tflite --model modnet_mobilenetv2_mobile \
        --weights float.weights.h5 --images photographs --report build/parity.html

Every file runs in `tf.lite.Interpreter` and LiteRT, with and without XNNPACK, on photographs
(--images, default: scikit-image's if installed; placed behind drawn figures if the network takes a
trimap or background) and on synthetic composites with known alphas. The page and a .json of the
same name contain for each file: differences to Keras; SAD, MSE, Grad and Conn against the matte of
Keras and the known alpha; the layers of a quantised file with the largest error; float tensors,
operators and their times, what the GPU delegate would refuse, size, latency and memory. For float16
files it has the largest sum of a mean, since phones' GPUs may add in half precision, whose largest
number is 65504; the table warns above a quarter of that.

--golden DIR writes inputs and alphas to check another runtime with, such as a phone's; see
`export.golden`.

The exit code is 1 if a file breaks a promise of its format or exceeds its limit in any runtime
(`export.promises`): float32 1e-4 and float16 1e-2 at the worst pixel, int8_qat and
int8_float_ends 2/255 at the 99.9th percentile against the quantization-aware Keras model. For
networks that choose between values, the 99th percentile of the median sample counts: of two values
that are equal except for rounding, a file may choose the other, which changes every pixel that
depends on it.
"""

import sys
from pathlib import Path

import numpy as np
from absl import flags

from export import golden, network
from export import samples as sample_sets
from export.benchmark import benchmark, peak_memory
from export.convert import FORMATS, FROM_QAT, INTEGER
from export.interpreters import (
    DEFAULT_RUNTIME,
    RUNTIMES,
    Exported,
    gpu_warnings,
    load,
    structure,
)
from export.layer_errors import worst_layers
from export.operators import by_kind, operator_times
from export.promises import (
    LIMITS,
    differences,
    exceeded,
    is_discontinuous,
    promises_broken,
    reference_limit,
)
from export.report import write_report
from export.sums import largest_sum, sum_warning
from keras_matting import metrics
from keras_matting.commands import start
from keras_matting.data.synthetic import FIGURES
from keras_matting.inference.tflite import read_tflite
from keras_matting.models import inference_outputs, without_heads

BATCH = 8  # images per call of Keras
GOLDEN_SAMPLES = 3
METRICS = {
    "sad": metrics.sad,
    "mse": metrics.mse,
    "grad": metrics.gradient_error,
    "conn": metrics.connectivity_error,
}


def check(files, model, qat_model=None, samples=None, threads=(1, 2), runs: int = 30):
    """Return a row (dict) per file, and the mattes for the page's pictures.

    `files` have one size and names as `export.convert` gives them; `model` is the float Keras
    model, `qat_model` the quantization-aware one, which `FROM_QAT` needs. `samples` as in
    `export.samples`, by default synthetic ones.

    Returns (rows, pictures). A row has file, format, bytes, passed, problems; max_difference,
    mean_difference, p999 (LiteRT with XNNPACK, against Keras: for `FROM_QAT` `qat_model`) and,
    under runtimes, in every runtime; sad, mse, grad, conn (mean over the samples with a known
    alpha, None without any) and keras (the same of Keras' own matte); constant_sad, that of the
    best single alpha for all pixels; against_keras (the same numbers against the float matte, all
    samples); layers, float_tensors, operators, gpu_warnings; largest_sum of a mean, for float16
    (see `export.sums`); latency_ms (median, one thread) and latency
    {threads: {median, p10, p90}}; peak_memory in bytes; operator_ms {operator: ms} and the five
    slowest, by LiteRT's profiler on one thread.

    Raises FileNotFoundError and ValueError, which name the file.
    """
    contents = {str(path): read_tflite(path) for path in files}
    formats = {path: format_of(path) for path in contents}
    if qat_model is None and (wanted := set(FROM_QAT) & set(formats.values())):
        raise ValueError(
            f"{' and '.join(sorted(wanted))} files need the quantization-aware model; specify "
            "--qat_weights"
        )
    names = list(model.input)
    samples = samples or sample_sets.synthetic(*_common_size(contents))
    samples = sample_sets.usable(samples, names)
    inputs = sample_sets.stacked(samples, names)
    expected = {"float": _keras(model, inputs)}
    if qat_model is not None:
        expected["qat"] = _keras(qat_model, inputs)
    latencies = {n: benchmark(files, n, runs) for n in threads}

    rows, mattes = [], {"Keras": expected["float"]["alpha"]}
    for i, (path, data) in enumerate(contents.items()):
        format = formats[path]
        reference = expected["qat" if format in FROM_QAT else "float"]
        outputs = {runtime: Exported(data, runtime)(inputs) for runtime in RUNTIMES}
        matte = outputs[DEFAULT_RUNTIME]["alpha"]
        runtimes = {
            runtime: {name: differences(found[name], x) for name, x in reference.items()}
            for runtime, found in outputs.items()
        }
        found = structure(data)
        row = {
            "file": Path(path).name,
            "format": format,
            "bytes": len(data),
            **runtimes[DEFAULT_RUNTIME]["alpha"],
            "runtimes": runtimes,
            **_errors(matte, samples),
            "keras": _errors(mattes["Keras"], samples),
            "constant_sad": _constant_sad(samples),
            "against_keras": _mean_metrics(matte, mattes["Keras"]),
            "float_tensors": len(found["float_tensors"]),
            "operators": found["operators"],
            "quantization": found["quantization"],
            "gpu_warnings": gpu_warnings(data),
            "largest_sum": largest_sum(data, samples) if format == "float16" else None,
            "layers": [],
            "latency_ms": latencies[threads[0]][i]["latency_ms"]["median"],
            "latency": {n: latencies[n][i]["latency_ms"] for n in threads},
            "peak_memory": peak_memory(path),
            "operator_ms": by_kind(times := operator_times(data)),
            "slowest": times[:5],
        }
        if format in INTEGER:
            origin = qat_model if format in FROM_QAT else model
            row["layers"] = worst_layers(data, origin, samples[0])
        if warning := sum_warning(row["largest_sum"]):
            row["gpu_warnings"].append(warning)
        row["problems"] = promises_broken(data, format)
        row["problems"] += _limits_broken(format, runtimes, is_discontinuous(model))
        row["passed"] = not row["problems"]
        rows.append(row)
        mattes[format] = matte
    return rows, {"samples": samples, "mattes": mattes}


def format_of(path) -> str:
    """Return the format in a file's name: 'name_512x512_int8_qat.tflite' -> 'int8_qat'."""
    stem = Path(path).stem
    for format in sorted(FORMATS, key=len, reverse=True):
        if stem.endswith(f"_{format}"):
            return format
    raise ValueError(
        f"{path} does not say its format: files are named <name>_<HxW>_<format>.tflite with one of "
        f"{', '.join(FORMATS)}"
    )


def _common_size(files):
    sizes = {str(path): load(path).size for path in files}
    if len(set(sizes.values())) != 1:
        listed = ", ".join(f"{Path(p).name} {h}x{w}" for p, (h, w) in sizes.items())
        raise ValueError(f"files of different sizes cannot be compared: {listed or 'none'}")
    return next(iter(sizes.values()))


def _keras(model, inputs):
    """Run the model eagerly, because tracing it takes longer for so few images."""
    results = [model(batch, training=False) for batch in sample_sets.batches(inputs, BATCH)]
    names = inference_outputs(model)
    return {name: np.concatenate([result[name] for result in results]) for name in names}


def _errors(mattes, samples):
    known = [i for i, sample in enumerate(samples) if sample["alpha"] is not None]
    if not known:
        return dict.fromkeys(METRICS)
    return _mean_metrics(mattes[known], [samples[i]["alpha"] for i in known])


def _constant_sad(samples):
    alphas = [sample["alpha"] for sample in samples if sample["alpha"] is not None]
    if not alphas:
        return None
    candidates = [np.float32(level / 100) for level in range(101)]
    flat = [np.full_like(alphas[0], level) for level in candidates]
    return min(float(np.mean([metrics.sad(guess, a) for a in alphas])) for guess in flat)


def _mean_metrics(mattes, alphas):
    pairs = [(np.clip(m, 0, 1), np.clip(a, 0, 1)) for m, a in zip(mattes, alphas, strict=True)]
    return {name: float(np.mean([f(m, a) for m, a in pairs])) for name, f in METRICS.items()}


def _limits_broken(format, runtimes, discontinuous):
    problems = []
    for runtime, outputs in runtimes.items():
        for name, numbers in outputs.items():
            if found := exceeded(LIMITS, format, numbers, discontinuous):
                number, value, limit = found
                problems.append(
                    f"{number} of {name} is {value:.2g} in {runtime}, more than {limit:.2g}"
                )
    return problems


def table(rows) -> str:
    """Format the most important numbers as text, a line per file."""
    widest = max(len(row["format"]) for row in rows)
    lines = [f"{'format':{widest}}  {'SAD':>7}  {'max':>8}  {'99.9%':>8}  {'mean':>8}  "
             f"{'MB':>6}  {'ms':>7}"]  # fmt: skip
    if rows[0]["sad"] is not None:
        lines.append(f"{'constant':{widest}}  {rows[0]['constant_sad']:7.3f}")
        lines.append(f"{'Keras':{widest}}  {rows[0]['keras']['sad']:7.3f}")
    for row in rows:
        sad = f"{row['sad']:7.3f}" if row["sad"] is not None else f"{'-':>7}"
        lines.append(
            f"{row['format']:{widest}}  {sad}  {row['max_difference']:8.5f}  {row['p999']:8.5f}  "
            f"{row['mean_difference']:8.5f}  {row['bytes'] / 1e6:6.2f}  {row['latency_ms']:7.2f}"
        )
        if warning := sum_warning(row["largest_sum"]):
            lines.append(f"{'':{widest}}  warns: {warning}")
        lines += [f"{'':{widest}}  fails: {problem}" for problem in row["problems"]]
    return "\n".join(lines)


def main(argv):
    options = flags.FLAGS
    try:
        if len(argv) < 2:
            raise ValueError("specify at least one .tflite file; see --help for an example")
        rows, pictures = _check_files(argv[1:], options)
        write_report(rows, pictures, options.report, Path(options.report).with_suffix(".json"))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(table(rows))
    print(f"Pictures and the other numbers: {options.report}")
    sys.exit(0 if all(row["passed"] for row in rows) else 1)


def _check_files(files, options):
    size = _common_size(files)
    heads = network.build(options, size)
    model, qat_model = without_heads(heads), None
    if options.qat_weights:
        qat_model = network.quantized(heads, options.qat_weights)
    kind = None if options.figure_kind == "any" else options.figure_kind
    if set(model.input) == {"image"}:
        tried = sample_sets.photographs(*size, options.images)
    else:
        tried = sample_sets.behind_figures(*size, options.images, kind=kind)
    tried += sample_sets.synthetic(*size, options.samples, kind=kind)
    rows, pictures = check(files, model, qat_model, tried, runs=options.runs)
    if options.golden:
        entries = [_golden_entry(path, model, qat_model) for path in files]
        golden.write(options.golden, entries, pictures["samples"][:GOLDEN_SAMPLES])
    return rows, pictures


def _golden_entry(path, model, qat_model):
    format = format_of(path)
    limit = reference_limit(format, is_discontinuous(model))
    return path, format, qat_model if format in FROM_QAT else model, limit


def define_flags():
    network.define_flags()
    flags.adopt_module_key_flags(network)  # so that --help lists them
    used = " and ".join(FROM_QAT)
    flags.DEFINE_string("qat_weights", None, f"Quantization-aware weights, for {used}.")
    flags.DEFINE_string("images", None, "Folder of photographs.")
    flags.DEFINE_integer("samples", 8, "Number of synthetic composites.", lower_bound=1)
    flags.DEFINE_enum("figure_kind", "any", ["any", *FIGURES], "What the composites show.")
    flags.DEFINE_string("report", "parity.html", "Page to write; a .json is written next to it.")
    flags.DEFINE_string("golden", None, "Folder for vectors to check other runtimes with.")
    flags.DEFINE_integer("runs", 30, "Timed runs of each file.", lower_bound=1)


if __name__ == "__main__":
    start(sys.modules[__name__])
