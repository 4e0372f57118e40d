"""Scores mattes: SAD, MSE, MAD, Grad and Conn of every image and their means.

    python -m keras_matting.evaluate --prediction mattes --alpha alphas --trimap trimaps
    python -m keras_matting.evaluate --model gca --weights gca.weights.h5 \\
        --image images --trimap trimaps --alpha alphas --save mattes --csv gca.csv

The first form compares two folders, the second predicts as keras_matting.predict does (there are
--tflite, --background, --size and --option as well) and scores the 8-bit mattes that --save keeps.
The files of an image have the same name in every folder, up to the suffix.

Numbers are those of the MATLAB evaluation of Deep Image Matting (which has no MAD): with --trimap
over the pixels that are 128 in it, without over the whole image; SAD, Grad and Conn divided by
1000, MSE and MAD bare (papers often print 1000 * MSE). Where a trimap has no 128, SAD, Grad and
Conn are 0, and MSE and MAD are undefined: "nan" in the table and in --csv, null in --json. Means
are over all images, but those of MSE and MAD leave such images out, and the table says how many.

A file that is missing, superfluous, damaged, of another size, in colour or of 16 bits is an error:
all such files are listed, and nothing is predicted, scored or written.
"""

import csv
import io
import json
import math
import multiprocessing
import os
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from absl import app, flags

from keras_matting import metrics, pictures, predict
from keras_matting.inference import check_call, input_names

METRICS = {
    "sad": metrics.sad,
    "mse": metrics.mse,
    "mad": metrics.mad,
    "grad": metrics.gradient_error,
    "conn": metrics.connectivity_error,
}
# heading and decimals of each in the table
COLUMNS = {"sad": ("SAD", 4), "mse": ("MSE", 6), "mad": ("MAD", 6)}
COLUMNS |= {"grad": ("Grad", 4), "conn": ("Conn", 4)}
READERS = predict.READERS | {
    "prediction": pictures.read_matte,
    "alpha": pictures.read_matte,
    "image": pictures.read_photograph,
}


def evaluate(prediction, alpha, trimap=None, *, overwrite_known=False, processes=None):
    """Folders -> {name: {"sad", "mse", "mad", "grad", "conn"}}, sorted by name.

    `overwrite_known` puts 0 and 255 into the prediction where the trimap has them. `processes` is
    the number of processor cores by default; a script that asks for several has to guard its own
    start with `if __name__ == "__main__"`. Shows its progress on stderr. ValueError, a sentence per
    line, when any file is missing, superfluous or unfit; nothing has been scored then.
    """
    folders = {"prediction": prediction, "alpha": alpha, "trimap": trimap}
    files = match_files({kind: path for kind, path in folders.items() if path}, processes)
    items = ((paths["prediction"], paths) for paths in files.values())
    return _scores(items, list(files), overwrite_known, processes)


def predict_and_evaluate(
    model, folders, save=None, *, reference_size=None, overwrite_known=False, processes=None
):
    """The same of what a model predicts; `model` and `reference_size` as for `predict_alpha`.

    `folders`: "image", "alpha", "background" where the model takes one, "trimap" where it takes one
    or only unknown pixels are to be scored. `save` is a folder for the predictions, <name>.png.
    """
    beside = [kind for kind in input_names(model) if kind != "image"]
    given = set(folders) - {"image", "alpha"}
    if "trimap" not in beside:
        given -= {"trimap"}
    check_call(model, given, reference_size)
    files = match_files(folders, processes)
    if save:
        Path(save).mkdir(parents=True, exist_ok=True)

    def items():
        for name, paths in files.items():
            others = {kind: paths[kind] for kind in beside}
            _, matte = predict.matte(model, paths["image"], reference_size, **others)
            if save:
                pictures.write_png(Path(save) / f"{name}.png", matte)
            yield matte, paths

    return _scores(items(), list(files), overwrite_known, processes)


def match_files(folders, processes=None):
    """{kind: folder} -> {name: {kind: path}}, sorted; every file has been read once.

    ValueError, a sentence per line, names every file without a partner in another folder, that
    cannot be read, is of the wrong kind, or not of the size of its alpha.
    """
    found, problems = {}, []
    for kind, folder in folders.items():
        try:
            found[kind] = pictures.find_pictures(folder)
        except (OSError, ValueError) as error:
            problems.append(str(error))
    names = sorted(set().union(*found.values()))
    files = {name: {k: f[name] for k, f in found.items() if name in f} for name in names}
    for paths in files.values():
        if lacking := [str(folders[kind]) for kind in found if kind not in paths]:
            file = next(iter(paths.values()))
            problems.append(f"{file}: has no partner in {', '.join(lacking)}; add or remove one.")
    checked = _in_order(_problems, files.values(), names, processes, "checked")
    problems += [problem for faults in checked for problem in faults]
    if problems:
        raise ValueError("\n".join(problems))
    return files


def _problems(paths):
    problems, sizes = [], {}
    for kind, path in paths.items():
        try:
            sizes[kind] = READERS[kind](path).shape[:2]
        except ValueError as error:
            problems.append(str(error))
    height, width = sizes.get("alpha", (None, None))
    for kind, size in sizes.items():
        if "alpha" in sizes and size != (height, width):
            problems.append(
                f"{paths[kind]}: {size[0]}x{size[1]} pixels, but {paths['alpha']} has "
                f"{height}x{width} (height x width); replace one."
            )
    return problems


def _scores(items, names, overwrite_known, processes):
    score = partial(_score, overwrite_known=overwrite_known)
    return dict(zip(names, _in_order(score, items, names, processes, "scored"), strict=True))


def _score(item, overwrite_known):
    """(prediction or its file, {kind: path}) -> {metric: value}."""
    prediction, paths = item
    if not isinstance(prediction, np.ndarray):
        prediction = pictures.read_matte(prediction)
    alpha = pictures.read_matte(paths["alpha"])
    trimap = pictures.read_trimap(paths["trimap"]) if "trimap" in paths else None
    if overwrite_known and trimap is not None:
        prediction = np.where(trimap == 128, prediction, trimap)
    return {name: metric(prediction, alpha, trimap) for name, metric in METRICS.items()}


def _in_order(function, items, names, processes, verb):
    """[function(item), ...], computed by several processes."""
    processes = min(processes or os.cpu_count(), len(names))
    results = map(function, items) if processes < 2 else _pooled(function, items, processes)
    kept = []
    for name, result in zip(names, results, strict=True):
        kept.append(result)
        predict.show_progress(len(kept), len(names), f"{verb} {name}")
    return kept


def _pooled(function, items, processes):
    # Not forked: TensorFlow's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    one_thread = dict(initializer=cv2.setNumThreads, initargs=(1,))
    with ProcessPoolExecutor(processes, context, **one_thread) as pool:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * processes:  # so that predictions do not pile up in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def means(scores):
    """{name: {metric: value}} -> {metric: mean}, without values that are NaN."""
    columns = {metric: [row[metric] for row in scores.values()] for metric in METRICS}
    defined = {metric: [v for v in column if v == v] for metric, column in columns.items()}
    return {metric: math.fsum(v) / len(v) if v else math.nan for metric, v in defined.items()}


def undefined(scores):
    """The names of images without pixels to score, whose MSE and MAD are NaN."""
    return [name for name, row in scores.items() if math.isnan(row["mse"])]


def table(scores, region):
    """Lines of text: a row per image and the means; `region` is "unknown" or "whole"."""
    rows = [["image", *(heading for heading, _ in COLUMNS.values())]]
    for name, row in [*scores.items(), ("mean", means(scores))]:
        rows.append([name, *(f"{row[m]:.{places}f}" for m, (_, places) in COLUMNS.items())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    lines.insert(-1, "-" * len(lines[0]))
    counted = "unknown pixels (trimap 128)" if region == "unknown" else "all pixels"
    lines.append(f"{len(scores)} images, {counted}; SAD, Grad and Conn are divided by 1000.")
    if left_out := undefined(scores):
        lines.append(
            f"The means of MSE and MAD are over {len(scores) - len(left_out)} images: "
            f"{len(left_out)} without unknown pixels have none."
        )
    return "\n".join(lines)


def as_csv(scores):
    """Text with a header and a row per image; means are left to its reader."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *METRICS])
    writer.writerows([name, *row.values()] for name, row in scores.items())
    return text.getvalue()


def as_json(scores, region):
    """Text {"region", "mean", "without_unknown_pixels", "images"}; NaN is null."""

    def finite(row):
        return {metric: None if math.isnan(v) else v for metric, v in row.items()}

    content = {
        "region": region,
        "mean": finite(means(scores)),
        "without_unknown_pixels": undefined(scores),
        "images": {name: finite(row) for name, row in scores.items()},
    }
    return json.dumps(content, indent=1) + "\n"


def define_flags():
    predict.define_model_flags()
    flags.adopt_module_key_flags(predict)  # so that --help lists them
    flags.DEFINE_string("prediction", None, "Folder of mattes to score; or give a model.")
    flags.DEFINE_string("alpha", None, "Folder of the true mattes.")
    flags.DEFINE_string(
        "trimap", None, "Folder of trimaps: unknown pixels alone count; also for networks with one."
    )
    flags.DEFINE_string("image", None, "Folder of the photographs that a model is to matte.")
    flags.DEFINE_string("background", None, "Folder of backgrounds alone, for networks with them.")
    flags.DEFINE_string("save", None, "Folder for a model's mattes.")
    flags.DEFINE_bool(
        "overwrite_known", False,
        "Put 0 and 255 into predictions where the trimap has them, as PaddleSeg's evaluation does: "
        "SAD, MSE and MAD stay as they are, Grad and Conn change. MATLAB's numbers are without.",
    )  # fmt: skip
    flags.DEFINE_integer("processes", None, "Default: one per core.", lower_bound=1)
    flags.DEFINE_string("csv", None, "File for the table in full precision, without means.")
    flags.DEFINE_string("json", None, "File for the table in full precision, with means.")


def main(argv):
    try:
        if argv[1:]:
            raise ValueError(f"{argv[1]} is no flag; --help shows examples.")
        _run(flags.FLAGS)
    except BrokenProcessPool:
        error = "A process was killed, perhaps for want of memory; try fewer --processes."
    except (ValueError, OSError) as raised:
        error = raised
    else:
        return 0
    print(error, file=sys.stderr)
    return 1


def _run(options):
    _check(options)
    common = dict(overwrite_known=options.overwrite_known, processes=options.processes)
    if options.prediction:
        scores = evaluate(options.prediction, options.alpha, options.trimap, **common)
    else:
        folders = {k: options[k].value for k in ("image", "alpha", "trimap", "background")}
        folders = {kind: folder for kind, folder in folders.items() if folder}
        model = predict.load_model(options)
        scores = predict_and_evaluate(
            model, folders, options.save, reference_size=options.size, **common
        )
    region = "unknown" if options.trimap else "whole"
    for path, text in ((options.csv, as_csv(scores)), (options.json, as_json(scores, region))):
        if path:
            pictures.write_whole(path, text.encode(errors="surrogateescape"))
    # names are bytes to the system, and some are no text
    sys.stdout.reconfigure(errors="backslashreplace")
    print(table(scores, region))


def _check(options):
    """ValueError on flags that contradict each other, before anything is read."""
    of_models = ("model", "weights", "tflite", "width", "option", "size")
    of_models += ("image", "background", "save")
    given = [f"--{flag}" for flag in of_models if options[flag].value]
    if options.prediction and given:
        raise ValueError(f"--prediction is scored as it is; leave out {', '.join(given)}.")
    if not options.prediction:
        if not given:
            raise ValueError("Give --prediction, or --model or --tflite; --help shows examples.")
        predict.check_model_flags(options)
        if not options.image:
            raise ValueError("Give --image, the folder of photographs to matte.")
    if not options.alpha:
        raise ValueError("Give --alpha, the folder of true mattes.")
    if options.overwrite_known and not options.trimap:
        raise ValueError("--overwrite_known needs --trimap.")
    if options.save:
        for kind in ("image", "alpha", "trimap", "background"):
            folder = options[kind].value
            if folder and Path(folder).resolve() == Path(options.save).resolve():
                raise ValueError(f"--save {options.save} is the folder of --{kind}; name another.")
    for path in (options.csv, options.json):
        if path and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            raise ValueError(f"{path} cannot be written: name a file in a folder that exists.")


if __name__ == "__main__":
    define_flags()
    app.run(main)
