"""Matte photographs and write the results as image files."""

import functools
import logging
import os
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from keras_matting import photograph_files, result_files
from keras_matting.atomic import write_bytes
from keras_matting.colour_profiles import from_srgb
from keras_matting.image_files import READERS, SUFFIXES
from keras_matting.inference.alignment import align_background
from keras_matting.inference.backgrounds import BLUR, background_of, compose
from keras_matting.inference.cutouts import foreground_colours
from keras_matting.inference.islands import without_holes, without_islands
from keras_matting.inference.predict import check_call, input_names, predict_alpha
from keras_matting.inference.tflite import load
from keras_matting.inference.trimaps import trimap_from_matte
from keras_matting.photograph_files import to_8_bits
from keras_matting.progress import show_progress

OUTPUTS = ("alpha", "cutout")  # by default
STDIN = STDOUT = "-"
AUTO = "auto"
NAMED_AT_MOST = 10  # skipped files

log = logging.getLogger(__name__)


def predict(
    sources,
    target,
    model,
    reference_size=None,
    *,
    outputs: Iterable[str] = OUTPUTS,
    format: str = "png",
    onto: str | None = None,
    recursive: bool = False,
    raw_colours: bool = False,
    keep_islands: bool = False,
    skip_existing: bool = False,
    keep_alpha: bool = False,
    keep_metadata: bool = False,
    align: bool = False,
    way: dict | None = None,
    **others,
):
    """Matte photographs and write the results, <name>_<output>.<suffix>, to a folder.

    Shows progress on stderr. Other files in folders are skipped and named in a warning.

    Args:
        sources: an image file, a folder, or a list of both; "-" reads a file from stdin.
        target: a folder; "-" writes the only result of the only photograph to stdout.
        model, reference_size: as for `predict_alpha`.
        outputs: "alpha", uint8 greyscale; "cutout", RGBA; "foreground", the colours of the cut-out,
            RGB; "composite", the cut-out on `onto`, 8 bits. Colours have the photograph's ICC
            profile, and 16 bits if it has them.
        format: of `result_files.FORMATS`.
        onto: what composites have behind the subject, as for `background_of`: a colour, a picture,
            or "blur" for the photograph's own background.
        recursive: also matte photographs in sub-folders; the results keep the tree.
        raw_colours: keep the photograph's colours, without `foreground_colours`.
        keep_islands: keep small separate regions and small holes (`without_islands`,
            `without_holes`), which are removed from mattes of networks that take the photograph
            alone, also before a trimap is made of them.
        skip_existing: leave out photographs whose results exist.
        keep_alpha: multiply alphas by the alpha channels of the photographs.
        keep_metadata: copy EXIF, which holds places and dates, to the results.
        align: move the background by `align_background`, for a camera that was not fixed.
        way: further arguments of `predict_alpha`: `refine_edges`, `tiled`, `mode`.
        others: `trimap` or `background`, a file for all photographs or a folder with one for each,
            matched by name. `trimap="auto"` makes trimaps from mattes of the network `portrait`.

    Returns:
        A list with one line per photograph that could not be matted.

    Raises:
        ValueError, OSError: there is nothing to do, an input is missing, or two results would have
            the same name. Nothing has been written then.
    """
    check_call(model, others, reference_size)
    photographs, skipped = find_photographs(sources, target, recursive)
    partners = {k: _partners(k, path, photographs, recursive) for k, path in others.items()}
    outputs, suffix = list(outputs), result_files.FORMATS[format]
    if "composite" in outputs:
        if onto is None:
            raise ValueError("a composite needs a colour, picture or blur behind it; pass --onto")
        background_of(onto, 1, 1)  # raises ValueError
    if target == STDOUT and (len(photographs), len(outputs)) != (1, 1):
        raise ValueError("standard output takes one result of one photograph; specify a folder")

    def path_of(key, output):
        return Path(target) / f"{key}_{output}{suffix}"

    if skip_existing and target != STDOUT:
        count = len(photographs)
        photographs = {
            key: path
            for key, path in photographs.items()
            if not all(path_of(key, output).exists() for output in outputs)
        }
        if left_out := count - len(photographs):
            log.warning("left out, results exist: %d of %d photographs", left_out, count)
    problems, notes = [], []
    for done, (key, path) in enumerate(photographs.items()):
        if target != STDOUT:
            show_progress(done, len(photographs), Path(path).name)
        try:
            files = {kind: found[key] for kind, found in partners.items()}
            photograph, alpha = matte_photograph(
                model, path, reference_size, notes, keep_alpha, align, way, keep_islands, **files
            )
            colours = photograph.pixels
            if not raw_colours and set(outputs) != {"alpha"}:
                colours = foreground_colours(colours, alpha)
            for output in outputs:
                image = RESULTS[output](photograph, colours, alpha, onto)
                data = _encoded(path, image, photograph, format, keep_metadata)
                _write(path_of(key, output) if target != STDOUT else STDOUT, data)
        except Exception as error:  # whatever is wrong with one, the others are matted
            problems.append(_problem(path, error))
    if target != STDOUT and photographs:
        show_progress(len(photographs), len(photographs), "done")
    for note in dict.fromkeys(notes):  # one trimap may serve all photographs
        log.warning(note)
    if skipped:
        log.warning(_skipped(skipped))
    return problems


def matte_photograph(
    model,
    path,
    reference_size=None,
    notes=None,
    keep_alpha=False,
    align=False,
    way=None,
    keep_islands=True,
    **others,
):
    """Read a `Photograph` and return it with its alpha, float32 (H, W) in [0, 1].

    `others` are files of further inputs; what the readers say of files is appended to the list
    `notes`. The other arguments are those of `predict`. Raises ValueError, with a message that
    starts with a file's name, if the photograph cannot be matted.
    """
    data = sys.stdin.buffer.read() if path == STDIN else None
    photograph = photograph_files.read(path, notes, data)
    image, profile = photograph.in_8_bits(), photograph.profile
    made = {kind for kind, other in others.items() if other == AUTO}
    inputs = {k: READERS[k](other, notes) for k, other in others.items() if k not in made}

    def of_image_alone(alpha):
        return alpha if keep_islands else without_holes(without_islands(alpha))

    try:
        if made:
            coarse = of_image_alone(predict_alpha(_portrait(), image, profile=profile))
            inputs["trimap"] = trimap_from_matte(coarse)
        if align and "background" in inputs:
            inputs["background"] = align_background(photograph.in_srgb(), inputs["background"])
        alpha = predict_alpha(
            model, image, reference_size, profile=profile, **inputs, **(way or {})
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if set(input_names(model)) == {"image"}:
        alpha = of_image_alone(alpha)
    if keep_alpha and photograph.alpha is not None:
        limit = np.iinfo(photograph.alpha.dtype).max
        alpha = alpha * (photograph.alpha / np.float32(limit))
    return photograph, alpha


@functools.cache
def _portrait():
    return load("portrait")


def in_8_bits(alpha):
    """Convert an alpha in [0, 1] to uint8."""
    return cv2.convertScaleAbs(alpha, alpha=255.0)


def _alpha(photograph, colours, alpha, onto):
    return in_8_bits(alpha)


def _cutout(photograph, colours, alpha, onto):
    cutout = cv2.cvtColor(colours, cv2.COLOR_RGB2RGBA)
    is_deep = colours.dtype == np.uint16
    cutout[..., 3] = np.rint(65535.0 * alpha) if is_deep else in_8_bits(alpha)
    return cutout


def _foreground(photograph, colours, alpha, onto):
    return colours


def _composite(photograph, colours, alpha, onto):
    behind = _background(onto, *alpha.shape)(photograph.in_8_bits(), alpha)
    if onto != BLUR:
        behind = from_srgb(behind, photograph.profile)
    return compose(to_8_bits(colours), alpha, behind)


_background = functools.lru_cache(maxsize=1)(background_of)  # photographs often have one size

RESULTS = {
    "alpha": _alpha,
    "cutout": _cutout,
    "foreground": _foreground,
    "composite": _composite,
}


def find_photographs(sources, target, recursive=False):
    """Find the photographs at `sources`, files and folders, sorted by name within each.

    Returns ({name of the results: path}, [skipped file or folder]). The name is the path within its
    source, without the suffix. Raises FileNotFoundError, NotADirectoryError or ValueError.
    """
    sources = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    found, skipped = [], []
    for source in sources:
        if source == STDIN:
            found.append(("stdin", STDIN))
            continue
        source = Path(source)
        if not source.exists():
            raise FileNotFoundError(f"photograph or folder not found: {source}")
        folder = source if source.is_dir() else source.parent
        if target != STDOUT:
            _check_target(target, folder)
        if source.is_dir():
            found += _of_folder(source, target, recursive, skipped)
        elif source.suffix.lower() in SUFFIXES:
            found.append((_name(source.stem), source))
        else:
            kinds = " ".join(SUFFIXES)
            raise ValueError(f"{source}: not an image file ({kinds}); convert it")
    if not found:
        listed = ", ".join(map(str, sources))
        more = "" if recursive or not any(map(os.path.isdir, skipped)) else "; see --recursive"
        raise ValueError(f"no images in {listed} ({' '.join(SUFFIXES)}){more}")
    paths = defaultdict(list)
    for name, path in found:
        paths[name].append(str(path))
    if twins := [", ".join(twins) for twins in paths.values() if len(set(twins)) > 1]:
        raise ValueError(f"{twins[0]}: their results would have the same name; rename all but one")
    return {name: path for name, path in found}, skipped


def _check_target(target, folder):
    target = Path(target)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; specify a folder for the results")
    if not target.exists() and target.suffix.lower() in SUFFIXES:
        raise NotADirectoryError(f"{target} is not a folder; specify one for the results, or -")
    if folder.resolve() == target.resolve():
        raise ValueError(f"{target} contains the photographs; use another folder for the results")


def _of_folder(folder, target, recursive, skipped):
    """Return [(name, path)] of a folder's photographs; appends other entries to `skipped`."""
    found, results = [], Path(target).resolve()
    for place, folders, files in os.walk(folder):
        inner = [name for name in sorted(folders) if not name.startswith(".")]
        inner = [name for name in inner if Path(place, name).resolve() != results]
        if not recursive:
            skipped += [Path(place, name) for name in inner]
        folders[:] = inner if recursive else []
        for file in sorted(files):
            path = Path(place, file)
            if path.suffix.lower() in SUFFIXES and not file.startswith("."):
                found.append((_name(path.relative_to(folder).with_suffix("")), path))
            elif not file.startswith("."):
                skipped.append(path)
    return found


def _name(path):
    """Return a path as text in the composed form of Unicode; Macs store the decomposed one."""
    return unicodedata.normalize("NFC", str(path))


def _partners(kind, path, photographs, recursive):
    """Return {name: path} of each photograph's trimap or background."""
    if (kind, path) == ("trimap", AUTO):
        return dict.fromkeys(photographs, AUTO)
    path = Path(path)
    if not path.exists():
        hint = "; --onto chooses what composites have behind the subject"
        raise FileNotFoundError(f"{kind} not found: {path}{hint if kind == 'background' else ''}")
    if path.is_file():
        return dict.fromkeys(photographs, path)
    found = dict(_of_folder(path, STDOUT, recursive, []))
    if missing := [Path(photo).name for name, photo in photographs.items() if name not in found]:
        raise ValueError(f"{path}: no {kind} for {', '.join(missing)}; add it")
    return found


def _encoded(path, image, photograph, format, keep_metadata):
    exif = photograph.exif if keep_metadata else None
    try:
        return result_files.encode(image, format, photograph.profile, photograph.dpi, exif)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _write(path, data):
    if path == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)


def _problem(path, error):
    if isinstance(error, ValueError):  # names its file
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"{path}: needs more memory than there is; scale it down"
    if isinstance(error, OSError):
        return f"{path}: its results cannot be written ({error.strerror or error})"
    text = str(error).strip().partition("\n")[0]
    return f"{path}: cannot be matted ({type(error).__name__}: {text})"


def _skipped(paths):
    listed = ", ".join(path.name for path in paths[:NAMED_AT_MOST])
    more = len(paths) - NAMED_AT_MOST
    hint = "; --recursive includes folders" if any(map(Path.is_dir, paths)) else ""
    return f"skipped: {listed}{f' and {more} more' if more > 0 else ''} (not image files{hint})"
