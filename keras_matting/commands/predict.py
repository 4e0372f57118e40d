"""Mattes photographs: INPUT, a file or a folder -> OUTPUT/<name>_alpha.png and <name>_cutout.png.

    python -m keras_matting.predict portrait.jpg mattes --tflite modnet_512x512_int8.tflite
    python -m keras_matting.predict photos mattes --model modnet_mobilenetv2 --weights my.weights.h5
    python -m keras_matting.predict photos mattes --model gca --weights gca.weights.h5 \\
        --trimap trimaps
    python -m keras_matting.predict photos mattes --model bgmv2_resnet50 \\
        --weights bgmv2.weights.h5 --background empty_room.jpg --option refine_mode=full
    python -m keras_matting.predict photos mattes --model modnet_mobilenetv2_mobile --width 0.5 \\
        --weights my.weights.h5 --size 384

Both results have the photograph's own size, turned as its EXIF orientation says. The alpha is 8-bit
grey; the cut-out is RGBA with the photograph's colours as they are (the background's colour remains
in half-transparent hair). An alpha channel of the input is ignored, 16 bits are reduced to 8.

A network sees a photograph at the size at which its published test code shows it, listed in
keras_matting/inference/input_sizes.py; --size changes it where it is one number. Where a trimap says 0 or 255 the
alpha is 0 or 1, as in the published tests. BiSeNetV2 is built with two classes, which have an
alpha: the probability of the second.

Nothing is left out silently. A folder may hold photographs (.bmp .jpeg .jpg .png .tif .tiff .webp)
and hidden files; anything else in it, or two names that would give the same result, is refused
before anything is written. A photograph that turns out damaged is reported at the end: the others
are written, and the exit code is 1. Results of an earlier run are replaced, each in one step;
OUTPUT may lie in the folder of the photographs but not be it.
"""

import ast
import sys
from pathlib import Path

import numpy as np
from absl import app, flags

from keras_matting.inference import check_call, load_tflite, predict_alpha
from keras_matting.image_files import by_stem, find_pictures, read_photograph, read_trimap, write_png

READERS = {"trimap": read_trimap, "background": read_photograph}


def predict(source, target, model, reference_size=None, **others):
    """Writes the mattes of a photograph or of a folder's photographs into the folder `target`.

    `model` and `reference_size` as for `predict_alpha`; `others` are `trimap` or `background`, a
    file for all photographs or a folder with one of each photograph's name. Shows its progress on
    stderr and returns one sentence per photograph that could not be matted. Raises ValueError or
    OSError, before anything is written, on sources that are no photographs or lack something.
    """
    check_call(model, others, reference_size)
    photographs = find_photographs(source, target)
    partners = {kind: _partners(kind, path, photographs) for kind, path in others.items()}
    Path(target).mkdir(parents=True, exist_ok=True)
    problems = []
    for done, (stem, path) in enumerate(photographs.items()):
        show_progress(done, len(photographs), path.name)
        try:
            files = {kind: found[stem] for kind, found in partners.items()}
            image, alpha = matte(model, path, reference_size, **files)
        except ValueError as error:
            problems.append(str(error))
            continue
        write_png(Path(target) / f"{stem}_alpha.png", alpha)
        write_png(Path(target) / f"{stem}_cutout.png", np.dstack([image[..., ::-1], alpha]))
    show_progress(len(photographs), len(photographs), "done")
    return problems


def matte(model, path, reference_size=None, **others):
    """-> the photograph in a file, uint8 RGB (H, W, 3), and its alpha, uint8 (H, W).

    `others` are files. ValueError, beginning with a file's name, when that cannot be matted.
    """
    image = read_photograph(path)
    inputs = {kind: READERS[kind](other) for kind, other in others.items()}
    try:
        alpha = predict_alpha(model, image, reference_size, **inputs)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return image, np.rint(255.0 * alpha).astype(np.uint8)


def find_photographs(source, target):
    """{stem: path} of the photographs at `source`, a file or a folder, sorted by name.

    Raises FileNotFoundError, NotADirectoryError or ValueError, naming all that is in the way.
    """
    source, target = Path(source), Path(target)
    if not source.exists():
        raise FileNotFoundError(f"There is no photograph or folder {source}.")
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; name a folder for the results.")
    folder = source if source.is_dir() else source.parent
    if folder.resolve() == target.resolve():
        raise ValueError(f"{target} holds the photographs; name another folder for the results.")
    if source.is_dir():
        return find_pictures(source, apart_from=target)
    return by_stem([source], folder)


def _partners(kind, path, photographs):
    """{stem: path} of the trimap or background of each photograph."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no {kind} {path}.")
    if path.is_file():
        return dict.fromkeys(photographs, path)
    found = find_pictures(path)
    if missing := [
        photograph.name for stem, photograph in photographs.items() if stem not in found
    ]:
        raise ValueError(f"{path} has no {kind} of the name of {', '.join(missing)}; add it.")
    return found


def show_progress(done, total, note):
    """A bar that redraws itself in a terminal, at most twenty-one lines in a log."""
    filled = 30 * done // total
    line = f"[{'=' * filled}{' ' * (30 - filled)}] {done}/{total} {note}"
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif 20 * done // total != 20 * (done - 1) // total:
        print(line, file=sys.stderr, flush=True)


def define_flags():
    define_model_flags()
    flags.DEFINE_string("trimap", None, "A trimap for all, or a folder with one per photograph.")
    flags.DEFINE_string("background", None, "A background for all, or a folder likewise.")


def define_model_flags():
    flags.DEFINE_string("model", None, "Name of a Keras model, as in create_model.")
    flags.DEFINE_string("weights", None, "Its weights, a .weights.h5 file.")
    flags.DEFINE_float("width", None, "The width multiplier it was trained with.")
    flags.DEFINE_multi_string(
        "option", [], "NAME=VALUE, another option of create_model; may be repeated."
    )
    flags.DEFINE_string("tflite", None, "An exported file, instead of --model and --weights.")
    flags.DEFINE_integer(
        "size", None, "Side at which a Keras model sees photographs; default: the published one.",
        lower_bound=32,
    )  # fmt: skip


def check_model_flags(options):
    """ValueError on flags that name no model, or two."""
    if bool(options.tflite) == bool(options.model) or bool(options.model) != bool(options.weights):
        raise ValueError("Give either --model with --weights, or --tflite; --help shows examples.")
    if options.tflite and (options.size or options.width is not None or options.option):
        raise ValueError(
            "--size, --width and --option are for --model; a .tflite file has its own."
        )
    _model_options(options)


def load_model(options):
    """The model that the flags name."""
    if options.tflite:
        return load_tflite(options.tflite)
    from keras_matting.models import create_model

    return create_model(
        options.model, (None, None, 3), weights=options.weights, **_model_options(options)
    )


def _model_options(options):
    values = {} if options.width is None else {"width": options.width}
    if (options.model or "").startswith("bisenetv2"):
        values["num_classes"] = 2
    for option in options.option:
        name, equals, value = option.partition("=")
        if not equals:
            raise ValueError(f"--option {option} is not of the form NAME=VALUE.")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):  # a word
            values[name] = value
    return values


def main(argv):
    try:
        problems = _run(argv[1:], flags.FLAGS)
    except (ValueError, OSError) as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _run(arguments, options):
    if len(arguments) != 2:
        raise ValueError("Name one INPUT and one OUTPUT folder; --help shows examples.")
    check_model_flags(options)
    find_photographs(*arguments)
    others = {kind: options[kind].value for kind in READERS if options[kind].value}
    return predict(*arguments, load_model(options), options.size, **others)


if __name__ == "__main__":
    define_flags()
    flags.FLAGS.set_gnu_getopt(True)
    app.run(main)
