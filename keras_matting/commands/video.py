"""Matte a video: INPUT, a video, a folder of frames or a camera -> OUTPUT, a video or a folder.

    keras-matting video talk.mp4 on_blue.mp4 --onto blue
    keras-matting video talk.mp4 cutout.webm
    keras-matting video --camera 0 call.mp4 --onto blur

INPUT is anything that FFmpeg reads, or a folder with one picture per frame. OUTPUT is by its name
.mp4, .m4v, .mkv, .mov, .webm or a folder, which gets a PNG file per frame. It is

    composite   the cut-out on --onto: H.264, VP9 in .webm
    alpha       grey: likewise, without sound
    foreground  with alpha: VP9 in .webm and .mkv, ProRes 4444 in .mov, RGBA in a folder

By default, .webm, .mov and folders get a foreground unless --onto is given, other files a
composite. With several kinds in --output, their names are added: talk_alpha.mp4, or sub-folders.

Times of frames, also of variable rate, are kept; frames are turned upright. Sound is copied, or
encoded again where the file cannot hold it. The colours of soft edges are estimated without the
background. Flicker is taken out of the mattes (MODNet's one-frame delay, then smoothing where the
picture is still) unless --raw is given.

Ctrl-C ends early and leaves a playable file. Existing results are replaced.
"""

import signal
import sys
import threading
import time
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from absl import flags

from keras_matting import image_files
from keras_matting.commands import model_flags
from keras_matting.inference import input_names
from keras_matting.progress import show_progress

KINDS = ("composite", "alpha", "foreground")
GROUPS = {
    "Input": ["camera", "rate", "background"],
    "Result": ["output", "onto", "raw", "raw_colours"],
    "Network": model_flags.GROUP,
}


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
    flags.DEFINE_integer(
        "camera", None, "Number of a camera, instead of INPUT; OUTPUT is optional.", lower_bound=0
    )
    flags.DEFINE_string("rate", "25", "Frames per second of a folder, such as 24 or 30000/1001.")
    flags.DEFINE_string(
        "background",
        None,
        "The empty scene, photographed by the same camera, for networks with one.",
    )
    flags.DEFINE_list("output", None, f"Kinds of results, with commas: {', '.join(KINDS)}.")
    flags.DEFINE_string(
        "onto", None,
        "What composites have behind the subject: a colour, a picture, a video, or blur; default: "
        "green.",
    )  # fmt: skip
    flags.DEFINE_bool("raw", False, "Leave the network's mattes as they are, with flicker.")
    flags.DEFINE_bool(
        "raw_colours", False, "Keep the video's colours, also where its background shows through."
    )


def main(argv):
    try:
        return _run(argv[1:], flags.FLAGS)
    except ModuleNotFoundError as error:
        if error.name != "av":
            raise
        message = 'video needs PyAV; install it: pip install "keras_matting[video]"'
    except (ValueError, OSError) as error:
        message = error
    print(message, file=sys.stderr)
    return 1


def _run(arguments, options):
    from keras_matting.inference.video.matting import matte_video
    from keras_matting.inference.video.preview import open_window
    from keras_matting.inference.video.reading import open_camera, open_video
    from keras_matting.inference.video.writing import check_output

    source, target = _places(arguments, options.camera)
    rate = _rate(options.rate)
    default = model_flags.CAPTURED if options.background else model_flags.DEFAULT
    model_flags.check_model_flags(options, default)
    outputs = output_paths(target, options.output, options.onto) if target else {}
    for kind, path in outputs.items():
        check_output(path, kind)
        if source and Path(path).resolve() == Path(source).resolve():
            raise ValueError(f"{path} is also the input; choose another name")
    captured = options.background and image_files.read_photograph(options.background)
    model = model_flags.load_model(options, default)
    if "trimap" in input_names(model):
        raise ValueError(f"{model.name} needs a trimap for each frame; choose another network")
    if "background" in input_names(model) and captured is None:
        raise ValueError(f"{model.name} needs a photograph of the empty scene; pass --background")
    window = None
    if source is None:
        window = open_window("keras-matting video")
        if not window and not target:
            raise ValueError("there is no window for a preview; specify an OUTPUT")
    started = time.monotonic()
    opened = open_camera(options.camera) if source is None else open_video(source, rate)
    with opened as video, _interrupt() as interrupted:
        total = video.count
        count = matte_video(
            video,
            outputs,
            model,
            background=options.onto or "green",
            steady=not options.raw,
            raw_colours=options.raw_colours,
            reference_size=options.size,
            captured=captured,
            shown=window and window.show,
            progress=lambda done, speed: show_progress(
                done, total and max(total, done + 1), f"frames, {speed:.1f} per second"
            ),
            stopped=lambda: interrupted.is_set() or bool(window and window.is_closed),
        )
        problems = video.problems
    if total and count:
        speed = count / (time.monotonic() - started)
        show_progress(count, count, f"frames, {speed:.1f} per second")
    for problem in problems:
        print(problem, file=sys.stderr)
    if interrupted.is_set():
        print(f"stopped after {count:,} frames; the result ends there", file=sys.stderr)
        return 130
    return 1 if problems else 0


def output_paths(target, kinds, onto):
    """Return {kind: path} of the results at `target`, a file or a folder.

    `kinds` is from --output and `onto` from --onto; both may be None. Raises
    ValueError for an unknown kind.
    """
    target = Path(target)
    if kinds is None:
        transparent = target.suffix.lower() in ("", ".webm", ".mov") and onto is None
        kinds = ["foreground" if transparent else "composite"]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ValueError(f"unknown output {unknown[0]}; choose from {', '.join(KINDS)}")
    if len(kinds) == 1:
        return {kinds[0]: target}
    if target.is_dir() or not target.suffix:
        return {kind: target / kind for kind in kinds}
    return {kind: target.with_stem(f"{target.stem}_{kind}") for kind in kinds}


def _places(arguments, camera):
    """Return INPUT, None for a camera, and OUTPUT, None for a preview only."""
    if camera is not None:
        if len(arguments) > 1:
            raise ValueError("--camera takes the place of INPUT; specify OUTPUT only")
        return None, (arguments[0] if arguments else None)
    if len(arguments) != 2:
        raise ValueError("specify one INPUT and one OUTPUT; see --help for examples")
    return arguments


def _rate(text):
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = 0
    if not 0 < rate <= 1000:
        raise ValueError(f"invalid --rate {text}; specify frames per second, such as 25")
    return rate


@contextmanager
def _interrupt():
    """Yield an event that Ctrl-C sets; a second Ctrl-C interrupts as usual."""
    event = threading.Event()

    def stop(number, frame):
        event.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
