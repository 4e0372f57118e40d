"""Score folders of mattes in several processes, after checking every file, and make tables."""

import csv
import io
import json
import logging
import math
import multiprocessing
import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import cv2
import numpy as np

from keras_matting import alpha_ranges, image_files, metrics
from keras_matting.progress import show_progress

METRICS = {
    "sad": metrics.sad,
    "mse": metrics.mse,
    "mad": metrics.mad,
    "grad": metrics.gradient_error,
    "conn": metrics.connectivity_error,
}
# parts of a trimap, which the tables of AM-2k and P3M score separately
REGIONS = {"transition": 128, "foreground": 255, "background": 0}
RESULTS = ("alpha", "cutout", "foreground", "composite")  # of `predict`
# metric: the table's column heading and number of decimals
COLUMNS = {"sad": ("SAD", 4), "mse": ("MSE", 6), "mad": ("MAD", 6)}
COLUMNS |= {"grad": ("Grad", 4), "conn": ("Conn", 4)}
# a trimap that restricts the scores may be known everywhere, or nowhere
READERS = image_files.READERS | {"trimap": partial(image_files.read_trimap, uniform=True)}
NAMED_AT_MOST = 10


def evaluate(
    prediction, alpha, trimap=None, *, overwrite_known=False, regions=False, processes=None
):
    """Score a folder of predicted mattes against a folder of true ones.

    Shows progress on stderr. With several processes, the calling script must guard its entry point
    with `if __name__ == "__main__"`.

    Args:
        prediction, alpha: folders of mattes, matched by file name without suffix.
        trimap: folder of trimaps; only their unknown pixels (128) count.
        overwrite_known: set predictions to 0 and 255 where the trimap is.
        regions: score whole images, and add SAD, MSE and MAD of the trimap's transition, foreground
            and background: sad_transition, mse_transition, ... mad_background.
        processes: default: the number of CPU cores.

    Returns:
        {name: {"sad", "mse", "mad", "grad", "conn"}}, sorted by name.

    Raises:
        ValueError: a file is missing, unexpected or invalid; one line per problem. Nothing has been
            scored then.
    """
    if regions and not trimap:
        raise ValueError("regions are those of trimaps; specify their folder")
    folders = {"prediction": prediction, "alpha": alpha, "trimap": trimap}
    files = match_files({kind: path for kind, path in folders.items() if path}, processes)
    items = ((paths["prediction"], paths) for paths in files.values())
    return scored(items, list(files), overwrite_known, processes, regions)


def match_files(folders, processes=None, inputs=()):
    """Match the files of {kind: folder} by name and read each once to check it.

    `inputs` are the kinds that a network receives; otherwise trimaps may be known everywhere, or
    nowhere. Logs how files are read that are not as expected.

    Of the files that `predict` writes, the alphas count as predictions.

    Returns {name: {kind: path}}, sorted. Raises ValueError with a line for each file that has no
    counterpart in another folder, cannot be read, is of the wrong kind, or differs in size from its
    alpha.
    """
    found, problems = {}, []
    for kind, folder in folders.items():
        try:
            found[kind] = image_files.find_pictures(folder)
        except (OSError, ValueError) as error:
            problems.append(str(error))
    if "prediction" in found and "alpha" in found:
        found["prediction"] = _mattes_of_predict(found["prediction"], found["alpha"])
        found["alpha"] = _mattes_of_predict(found["alpha"], found["prediction"])
    names = sorted(set().union(*found.values()))
    files = {name: {k: f[name] for k, f in found.items() if name in f} for name in names}
    for paths in files.values():
        if lacking := [str(folders[kind]) for kind in found if kind not in paths]:
            file = next(iter(paths.values()))
            problems.append(
                f"{file}: no matching file in {', '.join(lacking)}; add it or remove this one"
            )
    check = partial(_checked, inputs=inputs)
    checked = _in_order(check, files.values(), names, processes, "checked")
    problems += [problem for faults, _, _ in checked for problem in faults]
    if not problems:
        for kind, judge in (("alpha", alpha_ranges.folder_problem), ("prediction", _scale_problem)):
            measured = alpha_ranges.merged(m[kind] for _, _, m in checked if kind in m)
            if measured and (problem := judge(measured)):
                problems.append(f"the mattes in {folders[kind]} cannot be scored: {problem}")
    if problems:
        raise ValueError("\n".join(problems))
    _say([note for _, notes, _ in checked for note in notes])
    return files


def _mattes_of_predict(pictures, others):
    """Give x_alpha.png, which `predict` wrote, the name x if the others have that.

    Its other results are dropped; without x_alpha.png, x_cutout.png takes its place.
    """
    found = {}
    for stem, path in pictures.items():
        name, _, output = stem.rpartition("_")
        best = "alpha" if f"{name}_alpha" in pictures else "cutout"
        if output not in RESULTS or f"{name}_{best}" not in pictures:
            found[stem] = path
        elif output == best:
            found[stem if stem in others else name] = path
    return found


def _scale_problem(measured):
    """Return why predictions are on another scale, or None; a network may be wrong everywhere."""
    scale = measured["low"], measured["high"]
    if scale not in ((0, 1), (0, 127), (16, 235)):
        return None
    return f"they reach from {scale[0]} to {scale[1]}, but alphas from 0 to 255: rescale them"


def _say(notes):
    log = logging.getLogger(__name__)
    for note in notes[:NAMED_AT_MOST]:
        log.warning(note)
    if len(notes) > NAMED_AT_MOST:
        log.warning("and %d more files of these kinds", len(notes) - NAMED_AT_MOST)


def _checked(paths, inputs):
    """Return (problems, notes, {kind: what is measured of a matte}) of the files of an image."""
    problems, notes, sizes, measured = [], [], {}, {}
    for kind, path in paths.items():
        reader = image_files.READERS[kind] if kind in inputs else READERS[kind]
        try:
            content = reader(path, notes)
        except ValueError as error:
            problems.append(str(error))
            continue
        sizes[kind] = content.shape[:2]
        if kind in ("alpha", "prediction"):
            measured[kind] = alpha_ranges.measure(_in_8_bits(content))
    if "alpha" in measured and (problem := alpha_ranges.file_problem(measured["alpha"])):
        problems.append(f"{paths['alpha']}: {problem}; make a matte of it, or remove it")
    height, width = sizes.get("alpha", (None, None))
    for kind, size in sizes.items():
        if "alpha" in sizes and size != (height, width):
            problems.append(
                f"{paths[kind]}: {size[0]}x{size[1]} pixels, but {paths['alpha']} has "
                f"{height}x{width} (height x width); replace one"
            )
    return problems, notes, measured


def _in_8_bits(matte):
    return matte if matte.dtype == np.uint8 else np.rint(255.0 * matte).astype(np.uint8)


def scored(items, names, overwrite_known, processes, regions=False):
    """Score (prediction or its file, {kind: path}) items, one per name; returns {name: scores}."""
    score = partial(_score, overwrite_known=overwrite_known, regions=regions)
    return dict(zip(names, _in_order(score, items, names, processes, "scored"), strict=True))


def _score(item, overwrite_known, regions):
    """Score one (prediction or its file, {kind: path}) item; returns {metric: value}."""
    prediction, paths = item
    if not isinstance(prediction, np.ndarray):
        prediction = READERS["prediction"](prediction)
    alpha = READERS["alpha"](paths["alpha"])
    trimap = READERS["trimap"](paths["trimap"]) if "trimap" in paths else None
    if overwrite_known and trimap is not None:
        known = trimap if prediction.dtype == np.uint8 else trimap / 255.0
        prediction = np.where(trimap == 128, prediction, known)
    if not regions:
        return {name: metric(prediction, alpha, trimap) for name, metric in METRICS.items()}
    found = {name: metric(prediction, alpha) for name, metric in METRICS.items()}
    for region, value in REGIONS.items():
        counted = np.where(trimap == value, np.uint8(128), np.uint8(0))
        found |= {
            f"{name}_{region}": METRICS[name](prediction, alpha, counted)
            for name in ("sad", "mse", "mad")
        }
    return found


def _in_order(function, items, names, processes, verb):
    """Return [function(item), ...], computed by several processes."""
    processes = min(processes or os.cpu_count(), len(names))
    results = map(function, items) if processes < 2 else _pooled(function, items, processes)
    kept = []
    for name, result in zip(names, results, strict=True):
        kept.append(result)
        show_progress(len(kept), len(names), f"{verb} {name}")
    return kept


def _pooled(function, items, processes):
    # Spawn, not fork: TensorFlow's threads do not survive a fork.
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
    """Return {metric: mean} over {name: {metric: value}}, ignoring NaN."""
    names = next(iter(scores.values()), METRICS)
    columns = {metric: [row[metric] for row in scores.values()] for metric in names}
    defined = {metric: [v for v in column if v == v] for metric, column in columns.items()}
    return {metric: math.fsum(v) / len(v) if v else math.nan for metric, v in defined.items()}


def undefined(scores):
    """Return the names of images without pixels to score, whose MSE and MAD are NaN."""
    return [name for name, row in scores.items() if math.isnan(row["mse"])]


def table(scores, region):
    """Format a row per image and the means as text; `region` is "unknown" or "whole"."""
    rows = [["image", *(heading for heading, _ in COLUMNS.values())]]
    for name, row in [*scores.items(), ("mean", means(scores))]:
        rows.append([name, *(f"{row[m]:.{places}f}" for m, (_, places) in COLUMNS.items())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    lines.insert(-1, "-" * len(lines[0]))
    lines += _regions(scores)
    counted = "unknown pixels (trimap 128)" if region == "unknown" else "all pixels"
    lines.append(f"{len(scores)} images, {counted}; SAD, Grad and Conn are divided by 1000.")
    if left_out := undefined(scores):
        lines.append(
            f"The means of MSE and MAD are over {len(scores) - len(left_out)} images, without "
            f"{len(left_out)} that have no unknown pixels."
        )
    return "\n".join(lines)


def _regions(scores):
    """Return lines with the means of the trimap's regions, if they were scored."""
    found, lines = means(scores), []
    for region in REGIONS:
        if f"sad_{region}" in found:
            values = (
                f"{COLUMNS[m][0]} {found[f'{m}_{region}']:.{COLUMNS[m][1]}f}"
                for m in ("sad", "mse", "mad")
            )
            lines.append(f"mean of the {region}: {', '.join(values)}")
    return lines


def as_csv(scores):
    """Format scores as CSV: a header and a row per image, without means."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *next(iter(scores.values()), METRICS)])
    writer.writerows([name, *row.values()] for name, row in scores.items())
    return text.getvalue()


def as_json(scores, region):
    """Format {"region", "mean", "without_unknown_pixels", "images"} as JSON; NaN becomes null."""

    def finite(row):
        return {metric: None if math.isnan(v) else v for metric, v in row.items()}

    content = {
        "region": region,
        "mean": finite(means(scores)),
        "without_unknown_pixels": undefined(scores),
        "images": {name: finite(row) for name, row in scores.items()},
    }
    return json.dumps(content, indent=1) + "\n"
