"""Cut people and things out of photographs: keras-matting predict INPUT... OUTPUT

    keras-matting predict portrait.jpg cutouts
    keras-matting predict photographs more.heic cutouts --recursive --skip-existing
    keras-matting predict photographs cutouts --onto white --output composite --format webp

INPUT is a photograph, a folder, or - for standard input; OUTPUT a folder, or - for standard output.
Results are <name>_alpha.png and so on, at the photograph's size, upright, with its colour profile,
resolution and 16 bits. Cut-outs have estimated foreground colours: the background does not show
through in hair. By default, `portrait` finds people and `trimap` refines their edges; --network
portrait alone is faster. With --trimap, `trimap` mattes anything; with --background, a photograph
of the scene without the subject, `captured_background` is used.

Other files in a folder are skipped. A photograph that cannot be matted is named at the end, the
others are written, and the exit code is 1. Existing results are replaced. A network with classes,
such as BiSeNetV2 for Cityscapes, writes <name>_labels.png, with a palette, and <name>_overlay.png.
"""

import sys

from absl import flags

from keras_matting.commands import model_flags
from keras_matting.inference import label_folders, labels
from keras_matting.inference.folders import (
    AUTO,
    OUTPUTS,
    RESULTS,
    STDOUT,
    find_photographs,
    predict,
)
from keras_matting.result_files import FORMATS

GROUPS = {
    "Input": ["recursive", "trimap", "background", "align", "keep_alpha"],
    "Output": [
        "output",
        "format",
        "onto",
        "raw_colours",
        "raw_edges",
        "keep_islands",
        "skip_existing",
        "keep_metadata",
    ],
    "Network": [*model_flags.GROUP, "tiled", "mode"],
}


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
    flags.DEFINE_bool("recursive", False, "Include sub-folders; OUTPUT gets the same tree.")
    flags.DEFINE_string(
        "trimap", None,
        "Trimap for all photographs, a folder with one each, or auto (default): from `portrait`.",
    )  # fmt: skip
    flags.DEFINE_string(
        "background", None,
        "The empty scene, photographed by the same camera, or a folder with one per photograph.",
    )  # fmt: skip
    flags.DEFINE_bool("align", False, "Align the background with each photograph.")
    flags.DEFINE_bool("keep_alpha", False, "Multiply by the photographs' own alpha channels.")
    flags.DEFINE_list(
        "output", None,
        f"Some of {','.join(RESULTS)} (default: {','.join(OUTPUTS)}, composite with --onto).",
    )  # fmt: skip
    flags.DEFINE_enum("format", "png", list(FORMATS), "File format of the results.")
    flags.DEFINE_string(
        "onto", None, "What composites have behind the subject: a colour, a picture, or blur."
    )
    flags.DEFINE_bool("raw_colours", False, "Leave the photograph's colours in cut-outs.")
    flags.DEFINE_bool("raw_edges", False, "Do not enlarge small mattes along edges.")
    flags.DEFINE_bool("tiled", False, "Run networks with a trimap at full resolution, in tiles.")
    flags.DEFINE_enum("mode", None, ["border", "hybrid"], "The second mode of GCA and of GFM.")
    flags.DEFINE_bool("keep_islands", False, "Keep small separate regions and holes of mattes.")
    flags.DEFINE_bool("skip_existing", False, "Leave out photographs whose results exist.")
    flags.DEFINE_bool(
        "keep_metadata", False, "Copy EXIF, which holds places and dates; not into TIFF files."
    )


def main(argv):
    try:
        problems = _run(argv[1:], flags.FLAGS)
    except (ValueError, OSError) as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _run(arguments, options):
    if len(arguments) < 2:
        raise ValueError("specify INPUT and an OUTPUT folder; see --help for examples")
    *sources, target = arguments
    others = further_inputs(options)
    model_flags.check_model_flags(options, default_network(others))
    outputs = options.output or default_outputs(target, options.onto)
    if unknown := set(outputs) - set(RESULTS):
        raise ValueError(f"unknown output {min(unknown)}; choose from {', '.join(RESULTS)}")
    if options.onto and "composite" not in outputs:
        raise ValueError("--onto applies to composites; add composite to --output")
    if options.keep_metadata and options.format == "tiff":
        raise ValueError("--keep-metadata does not apply to TIFF files; use another --format")
    if options.align and not options.background:
        raise ValueError("--align needs --background, the empty scene")
    find_photographs(sources, target, options.recursive)
    hybrid = options.mode == "hybrid"
    model = model_flags.load_model(options, default_network(others), hybrid)
    if labels.has_classes(model):
        _check_labels(options, target)
        return label_folders.predict(
            sources,
            target,
            model,
            recursive=options.recursive,
            skip_existing=options.skip_existing,
        )
    way = {"mode": options.mode, "tiled": options.tiled or None}
    way["refine_edges"] = False if options.raw_edges else None
    return predict(
        sources,
        target,
        model,
        options.size,
        outputs=outputs,
        format=options.format,
        onto=options.onto,
        recursive=options.recursive,
        raw_colours=options.raw_colours,
        keep_islands=options.keep_islands,
        skip_existing=options.skip_existing,
        keep_alpha=options.keep_alpha,
        keep_metadata=options.keep_metadata,
        align=options.align,
        way=way,
        **others,
    )


def further_inputs(options):
    """Return {"trimap" or "background": path}; the trimap is AUTO if no network is named either."""
    others = {kind: options[kind].value for kind in ("trimap", "background") if options[kind].value}
    if others or any(options[kind].value for kind in ("network", "model", "tflite")):
        return others
    return {"trimap": AUTO}


def _check_labels(options, target):
    """Raise ValueError for options of mattes, which a network with classes does not write."""
    names = ("output", "onto", "trimap", "background", "size", "mode", "tiled", "keep_alpha")
    if given := [f"--{name}" for name in names if options[name].value]:
        raise ValueError(
            f"{options.model} writes label maps and overlays; leave out {', '.join(given)}"
        )
    if target == STDOUT:
        raise ValueError(f"{options.model} writes two results; specify a folder")


def default_outputs(target, onto):
    """Return the kinds of results at `target`, a folder or "-" for a single one."""
    if target == STDOUT:
        return ["composite" if onto else "cutout"]
    return [*OUTPUTS, "composite"] if onto else OUTPUTS


def default_network(others):
    """Return the name of the network for an image and `others`."""
    if "background" in others:
        return model_flags.CAPTURED
    return model_flags.TRIMAP if "trimap" in others else model_flags.DEFAULT
