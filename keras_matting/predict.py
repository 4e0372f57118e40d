"""Mattes photographs: INPUT, a file or a folder -> OUTPUT/<name>_alpha.png and <name>_cutout.png.

    python -m keras_matting.predict portrait.jpg mattes --tflite modnet_512x512_int8.tflite
    python -m keras_matting.predict photos mattes --model modnet_mobilenetv2 --weights my.weights.h5
    python -m keras_matting.predict photos mattes --model modnet_mobilenetv2_mobile --width 0.5 \\
        --weights my.weights.h5 --size 384

Both results have the photograph's own size, turned as its EXIF orientation says. The alpha is 8-bit
grey; the cut-out is RGBA with the photograph's colours as they are (the background's colour remains
in half-transparent hair). An alpha channel of the input is ignored, 16 bits are reduced to 8.

Nothing is left out silently. A folder may hold photographs (.bmp .jpeg .jpg .png .tif .tiff .webp)
and hidden files; anything else in it, or two names that would give the same result, is refused
before anything is written. A photograph that turns out damaged is reported at the end: the others
are written, and the exit code is 1. Results of an earlier run are replaced, each in one step;
OUTPUT may lie in the folder of the photographs but not be it.
"""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
from absl import app, flags

from keras_matting.inference import load_tflite, predict_alpha

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def predict(source, target, model, reference_size=512):
    """Writes the mattes of a photograph or of a folder's photographs into the folder `target`.

    `model` as for `predict_alpha`. Shows its progress on stderr and returns one sentence per
    photograph that could not be matted. Raises ValueError or OSError, before anything is written,
    on sources that are no photographs.
    """
    photographs = find_photographs(source, target)
    Path(target).mkdir(parents=True, exist_ok=True)
    problems = []
    for done, path in enumerate(photographs):
        _show_progress(done, len(photographs), path.name)
        try:
            image = _read(path)
            alpha = predict_alpha(model, image, reference_size)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        alpha = np.rint(255.0 * alpha).astype(np.uint8)
        _write_png(Path(target) / f"{path.stem}_alpha.png", alpha)
        cutout = np.dstack([image[..., ::-1], alpha])
        _write_png(Path(target) / f"{path.stem}_cutout.png", cutout)
    _show_progress(len(photographs), len(photographs), "done")
    return problems


def find_photographs(source, target):
    """The photographs at `source`, a file or a folder, by name; hidden files are not looked at.

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
    entries = [source]
    if source.is_dir():
        visible = (e for e in source.iterdir() if not e.name.startswith("."))
        entries = sorted(e for e in visible if e.resolve() != target.resolve())
    odd = [e.name for e in entries if e.suffix.lower() not in SUFFIXES or not e.is_file()]
    if odd:
        raise ValueError(
            f"{', '.join(odd)} in {folder} cannot be read as photographs ({' '.join(SUFFIXES)}); "
            "convert or move away."
        )
    if not entries:
        raise ValueError(f"{source} holds no photographs ({' '.join(SUFFIXES)}).")
    stems = [e.stem for e in entries]
    twins = [e.name for e in entries if stems.count(e.stem) > 1]
    if twins:
        raise ValueError(f"{', '.join(twins)} would share one result; rename all but one of each.")
    return entries


def _read(path):
    """-> uint8 (H, W, 3) RGB, upright."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        # Not imread: it hands out the readable part of a truncated JPEG as if it were whole.
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}).") from error
    except cv2.error:
        image = None
    if image is None:
        raise ValueError("damaged or not an image; replace or remove it.")
    return image[..., ::-1]


def _write_png(path, image):
    """A file that is whole or not there; `image` (H, W) or BGRA (H, W, 4), uint8."""
    _, data = cv2.imencode(".png", image)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data.tobytes())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _show_progress(done, total, note):
    """A bar that redraws itself in a terminal, a line per photograph in a log."""
    filled = 30 * done // total
    line = f"[{'=' * filled}{' ' * (30 - filled)}] {done}/{total} {note}"
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def define_flags():
    flags.DEFINE_string("model", None, "Name of a Keras model, as in create_model.")
    flags.DEFINE_string("weights", None, "Its weights, a .weights.h5 file.")
    flags.DEFINE_float("width", None, "The width multiplier it was trained with.")
    flags.DEFINE_string("tflite", None, "An exported file, instead of --model and --weights.")
    flags.DEFINE_integer(
        "size", 512, "Shorter side at which a Keras model sees large and small photographs.",
        lower_bound=32,
    )  # fmt: skip


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
    if bool(options.tflite) == bool(options.model) or bool(options.model) != bool(options.weights):
        raise ValueError("Give either --model with --weights, or --tflite; --help shows examples.")
    if options.tflite and (options["size"].present or options.width is not None):
        raise ValueError("--size and --width are for --model; a .tflite file has its own.")
    find_photographs(*arguments)
    return predict(*arguments, _load(options), options.size)


def _load(options):
    if options.tflite:
        return load_tflite(options.tflite)
    from keras_matting.models import create_model

    width = {} if options.width is None else {"width": options.width}
    return create_model(options.model, (None, None, 3), weights=options.weights, **width)


if __name__ == "__main__":
    define_flags()
    flags.FLAGS.set_gnu_getopt(True)
    app.run(main)
