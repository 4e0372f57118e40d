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

import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from absl import flags

from keras_matting import image_files
from keras_matting.commands import model_flags
from keras_matting.inference import check_call, input_names
from keras_matting.inference.folders import matte_photograph
from keras_matting.metrics.evaluation import as_csv, as_json, evaluate, match_files, scored, table


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
            _, matte = matte_photograph(model, paths["image"], reference_size, **others)
            if save:
                image_files.write_png(Path(save) / f"{name}.png", matte)
            yield matte, paths

    return scored(items(), list(files), overwrite_known, processes)


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
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
        model = model_flags.load_model(options)
        scores = predict_and_evaluate(
            model, folders, options.save, reference_size=options.size, **common
        )
    region = "unknown" if options.trimap else "whole"
    for path, text in ((options.csv, as_csv(scores)), (options.json, as_json(scores, region))):
        if path:
            image_files.write_whole(path, text.encode(errors="surrogateescape"))
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
        model_flags.check_model_flags(options)
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
