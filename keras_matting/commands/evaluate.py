"""Score mattes: SAD, MSE, MAD, Grad and Conn of each image, and their means.

    keras-matting evaluate --prediction cutouts --alpha alphas --csv scores.csv
    keras-matting evaluate --model gca --weights gca.weights.h5 --image images \\
        --trimap trimaps --alpha alphas --save mattes
    keras-matting evaluate --model bisenetv2 --weights city.weights.h5 --option num_classes=19 \\
        --labels cityscapes:/data/cityscapes

--prediction compares two folders. Otherwise mattes are predicted as `predict` does, scored as 8-bit
images, and saved to --save. Files of an image must have the same name in all folders, apart from
the suffix; of cut-outs, the alpha channel is scored. Files that are missing, unexpected, damaged,
of another size or in colour, and mattes on a scale other than 0..255, are listed as errors, and
nothing is predicted, scored or written.

Results equal the MATLAB evaluation of Deep Image Matting (which has no MAD). With --trimap, only
unknown pixels (128) count, otherwise all pixels. SAD, Grad and Conn are divided by 1000; MSE and
MAD are not scaled (papers often print 1000 * MSE). If a trimap has no unknown pixels, SAD, Grad and
Conn are 0, and MSE and MAD are "nan" (null in --json) and left out of the means.

--labels scores label maps instead: the intersection over union (IoU) of each class and its mean;
label 255 is ignored. With cityscapes:FOLDER, the network sees the 500 pictures of its validation
set at 1024x512, and its logits are scaled back to 2048x1024.
"""

import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from absl import flags

from keras_matting import image_files
from keras_matting.atomic import write_bytes
from keras_matting.commands import evaluate_labels, model_flags
from keras_matting.inference import check_call, input_names, input_sizes
from keras_matting.inference.folders import in_8_bits, matte_photograph
from keras_matting.metrics import segmentation
from keras_matting.metrics.evaluation import as_csv, as_json, evaluate, match_files, scored, table

GROUPS = {
    "Folders": ["prediction", "alpha", "trimap", "labels"],
    "Instead of --prediction": ["image", "background", "save"],
    "Network": model_flags.GROUP,
    "Results": ["csv", "json"],
}


def predict_and_evaluate(
    model,
    folders,
    save=None,
    *,
    reference_size=None,
    overwrite_known=False,
    regions=False,
    processes=None,
):
    """Predict a matte for each image of a folder and score it, as `evaluate` does.

    Args:
        model, reference_size: as for `predict_alpha`.
        folders: {kind: folder} with "image" and "alpha"; "background" if the model takes one;
            "trimap" if the model takes one or to score unknown pixels only.
        save: folder to save the predictions to, as <name>.png.
        overwrite_known, regions, processes: as for `evaluate`.

    Returns and raises the same as `evaluate`.
    """
    if regions and "trimap" not in folders:
        raise ValueError("regions are those of trimaps; specify their folder")
    extra = [kind for kind in input_names(model) if kind != "image"]
    given = set(folders) - {"image", "alpha"}
    if "trimap" not in extra:
        given -= {"trimap"}
    check_call(model, given, reference_size)
    files = match_files(folders, processes, extra)
    if save:
        Path(save).mkdir(parents=True, exist_ok=True)

    def items():
        for name, paths in files.items():
            others = {kind: paths[kind] for kind in extra}
            # what the readers say has been said by match_files
            _, alpha = matte_photograph(model, paths["image"], reference_size, [], **others)
            matte = in_8_bits(alpha)
            if save:
                image_files.write_png(Path(save) / f"{name}.png", matte)
            yield matte, paths

    return scored(items(), list(files), overwrite_known, processes, regions)


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
    flags.DEFINE_string(
        "prediction", None, "Folder of mattes to score; alternatively, specify a model."
    )
    flags.DEFINE_string("alpha", None, "Folder of the true mattes.")
    flags.DEFINE_string(
        "trimap",
        None,
        "Folder of trimaps: score unknown pixels only; also an input of networks.",
    )
    flags.DEFINE_string(
        "labels", None, "Folder of true label maps instead of mattes, or cityscapes:FOLDER."
    )
    flags.DEFINE_string("image", None, "Folder of photographs for a model to matte.")
    flags.DEFINE_string(
        "background", None, "Folder of captured backgrounds, for networks that take one."
    )
    flags.DEFINE_string("save", None, "Folder to save a model's mattes to.")
    flags.DEFINE_bool(
        "overwrite_known", False,
        "Set predictions to 0 and 255 where the trimap is, as PaddleSeg; changes Grad and Conn.",
    )  # fmt: skip
    flags.DEFINE_bool(
        "regions", False,
        "Score whole images, and SAD, MSE and MAD also in the trimap's transition, foreground and "
        "background, as the tables of AM-2k and P3M.",
    )  # fmt: skip
    flags.DEFINE_integer(
        "processes", None, "Number of processes; default: one per core.", lower_bound=1
    )
    flags.DEFINE_string(
        "csv", None, "Write the table in full precision to this file, without means."
    )
    flags.DEFINE_string("json", None, "Write the table in full precision to this file, with means.")


def main(argv):
    try:
        if argv[1:]:
            raise ValueError(f"unexpected argument {argv[1]}; see --help for examples")
        _run(flags.FLAGS)
    except BrokenProcessPool:
        error = "a process was killed, possibly out of memory; try fewer --processes"
    except (ValueError, OSError) as raised:
        error = raised
    else:
        return 0
    print(error, file=sys.stderr)
    return 1


def _run(options):
    if options.labels:
        _score_labels(options)
        return
    _check(options)
    names = ("overwrite_known", "regions", "processes")
    common = {name: options[name].value for name in names}
    size_seen = ""
    if options.prediction:
        scores = evaluate(options.prediction, options.alpha, options.trimap, **common)
    else:
        folders = {k: options[k].value for k in ("image", "alpha", "trimap", "background")}
        folders = {kind: folder for kind, folder in folders.items() if folder}
        model = model_flags.load_model(options)
        scores = predict_and_evaluate(
            model, folders, options.save, reference_size=options.size, **common
        )
        if options.model:
            size_seen = input_sizes.described(options.model, options.size)
    region = "unknown" if options.trimap and not options.regions else "whole"
    _write(options, as_csv(scores), as_json(scores, region))
    # file names are bytes to the system and may not be valid text
    sys.stdout.reconfigure(errors="backslashreplace")
    print(table(scores, region))
    if size_seen:
        print(size_seen)


def _write(options, csv, json):
    for path, text in ((options.csv, csv), (options.json, json)):
        if path:
            write_bytes(path, text.encode(errors="surrogateescape"))


def _score_labels(options):
    """Score label maps of --prediction or of a model."""
    names = ("alpha", "trimap", "background", "size", "regions", "overwrite_known")
    if given := [f"--{name}" for name in names if options[name].value]:
        raise ValueError(f"{', '.join(given)}: not for label maps; leave it out")
    _check_files(options)
    if options.prediction:
        scores = evaluate_labels.score_folder(options.prediction, options.labels)
    else:
        if not options.model:
            raise ValueError("--labels needs --prediction, or --model and --weights")
        model_flags.check_model_flags(options)
        model = model_flags.load_model(options)
        scores = evaluate_labels.score_model(
            model, options.labels, options.image, options.save
        )
    _write(options, segmentation.as_csv(scores), segmentation.as_json(scores))
    print(segmentation.table(scores))


def _check(options):
    """Raise ValueError for contradicting flags, before anything is read."""
    of_models = ("network", "model", "weights", "tflite", "width", "option", "size")
    of_models += ("image", "background", "save")
    given = [f"--{flag}" for flag in of_models if options[flag].value]
    if options.prediction and given:
        raise ValueError(f"--prediction needs no model; leave out {', '.join(given)}")
    if not options.prediction:
        if not given:
            raise ValueError("specify --prediction, --model or --tflite; see --help for examples")
        model_flags.check_model_flags(options)
        if not options.image:
            raise ValueError("specify --image, the folder of photographs to matte")
    if not options.alpha:
        raise ValueError("specify --alpha, the folder of true mattes")
    if options.overwrite_known and not options.trimap:
        raise ValueError("--overwrite_known needs --trimap")
    if options.regions and not options.trimap:
        raise ValueError("--regions needs --trimap")
    if options.save:
        for kind in ("image", "alpha", "trimap", "background"):
            folder = options[kind].value
            if folder and Path(folder).resolve() == Path(options.save).resolve():
                raise ValueError(
                    f"--save {options.save} is also the folder of --{kind}; use another"
                )
    _check_files(options)


def _check_files(options):
    """Raise ValueError if the table cannot be written to --csv or --json."""
    for path in (options.csv, options.json):
        if path and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            raise ValueError(f"cannot write {path}; specify a file in an existing folder")
