"""Measure the networks that ship and write the results into docs/pretrained.md.

    python -m benchmarks.cards PHOTOGRAPHS --people PEOPLE --scenes SCENES \\
        --segmenter selfie_segmentation.tflite

PHOTOGRAPHS contains the folders portraits, animals and objects, each with image/ and alpha/, of
which none was trained on. PEOPLE and SCENES are those of `benchmarks.captured`. Replaces the tables
between "<!-- measured: NAME -->" and "<!-- end -->", of --only NAME if given, and the first table,
of all networks.
"""

import functools
import re
import sys
from pathlib import Path

import numpy as np
from absl import app, flags

from benchmarks import captured, closed_form, photographs
from keras_matting import load, pretrained
from keras_matting.atomic import write_between, write_text
from keras_matting.data.refinement import segmenter
from keras_matting.inference import predict_alpha

FLAGS = flags.FLAGS
FOLDERS = {"animal": "animals"}  # of a network for photographs alone; the others: portraits


def models(name):
    """Return {label: model} of a network's files, float16 first."""
    files = pretrained.networks()[name]["tflite"]
    return {
        f"{kind} {size}x{size}": load(name, kind, int(size))
        for kind in sorted(files)
        for size in files[kind]
    }


def plain(name, options):
    """Return table and summary of a network for photographs alone."""
    folder = Path(options.photographs, FOLDERS.get(name, "portraits"))
    rows = {}
    for label, model in models(name).items():
        found = photographs.measure(functools.partial(predict_alpha, model), folder)
        rows[label] = photographs.summary(found)
    first = next(iter(rows.values()))
    best = f"MAD {first['mean']:.3f}, IoU {first['IoU']:.3f} on {folder.name}"
    if folder.name == "portraits" and options.segmenter:
        other = photographs.measure(segmenter(options.segmenter), folder)
        rows["MediaPipe's selfie segmentation"] = photographs.summary(other)
    return table(["MAD on " + folder.name, "mean", "median", "worst", "IoU"], rows), best


def of_trimap(name, options):
    """Return table and summary of a trimap-based network, beside closed-form matting."""
    folders = [Path(options.photographs, kind) for kind in ("animals", "objects", "portraits")]
    rows = closed_form.measure(load(name), folders, (10, 20, 40), options.cache)
    means = closed_form.means(rows)
    ours, theirs = (means["all", "-"][method] for method in ("network", "closed-form"))
    labelled = {" ".join(map(str, group)).removesuffix(" -"): of for group, of in means.items()}
    best = f"SAD {ours:.1f} over unknown pixels, closed-form matting {theirs:.1f}"
    return table(["SAD, radius of the trimap", "network", "closed-form"], labelled, 1), best


def of_captured(name, options):
    """Return table and summary of a network that takes a captured background."""
    rows = {}
    for label, model in models(name).items():
        found = captured.errors(model, options.people, options.scenes)
        rows[label] = {"mean": np.mean(found), "median": np.median(found), "worst": max(found)}
    best = f"MAD {next(iter(rows.values()))['mean']:.3f} on composites of held-out people"
    return table(["MAD on 48 composites", "mean", "median", "worst"], rows), best


# inputs of a network: how it is measured
KINDS = {
    frozenset(["image"]): plain,
    frozenset(["image", "trimap"]): of_trimap,
    frozenset(["image", "background"]): of_captured,
}


def table(head, rows, digits=4):
    """Return a Markdown table of {label: {column: number}}; columns are head[1:]."""
    lines = [head, ["---"] * len(head)]
    for label, values in rows.items():
        lines.append([label, *(f"{values[column]:.{digits}f}" for column in head[1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(argv):
    if len(argv) != 2:
        raise app.UsageError("specify PHOTOGRAPHS")
    FLAGS.photographs = argv[1]
    document = Path(FLAGS.document)
    for name in FLAGS.only or pretrained.networks():
        row = pretrained.networks()[name]
        text, best = KINDS[frozenset(row["inputs"])](name, FLAGS)
        write_between(document, (f"<!-- measured: {name} -->", "<!-- end -->"), text)
        line = rf"^\| `{name}` \|.*$"
        shown = f"| `{name}` | {row['task']} | `{row['variant']}` | {best} |"
        found = document.read_text()
        written, count = re.subn(line, lambda _, shown=shown: shown, found, flags=re.M)
        if count != 1:
            raise ValueError(f"{document} needs one row of `{name}` in its first table")
        write_text(document, written)
        print(name, best, flush=True)


if __name__ == "__main__":
    flags.DEFINE_string("photographs", None, "Set by the argument.")
    flags.DEFINE_string("people", None, "People of captured_background's composites.")
    flags.DEFINE_string("scenes", None, "Scenes of captured_background's composites.")
    flags.DEFINE_string("segmenter", None, "MediaPipe's selfie network, to compare with.")
    flags.DEFINE_string("cache", "build/closed_form", "Folder of closed-form mattes.")
    flags.DEFINE_string("document", "docs/pretrained.md", "The document to write to.")
    flags.DEFINE_list("only", [], "Names of the networks to measure; default: all.")
    flags.FLAGS.set_gnu_getopt(True)
    sys.exit(app.run(main))
