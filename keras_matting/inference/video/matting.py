"""Matte a video: frames are decoded, matted and encoded at the same time, in three threads."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import cv2
import numpy as np

from keras_matting.image_files import SUFFIXES
from keras_matting.inference.backgrounds import background_of, compose, cover
from keras_matting.inference.cutouts import foreground_colours
from keras_matting.inference.predict import check_call, predict_alpha
from keras_matting.inference.video.ahead import in_background
from keras_matting.inference.video.reading import Frame, Video, open_video
from keras_matting.inference.video.steadying import steadied
from keras_matting.inference.video.writing import open_output


def matte_video(
    video: Video,
    outputs: dict,
    model,
    *,
    background: str = "green",
    steady: bool = True,
    raw_colours: bool = False,
    reference_size: int | None = None,
    captured=None,
    shown: Callable | None = None,
    progress: Callable | None = None,
    stopped: Callable = lambda: False,
) -> int:
    """Matte an open video and write it; return the number of frames.

    The sound goes into composites and foregrounds. Memory does not grow with the length.

    Args:
        video: from `open_video` or `open_camera`.
        outputs: {kind: path} with kinds "composite", "alpha" and "foreground".
        model, reference_size: as for `predict_alpha`.
        background: of composites, as for `background_of`, or a video, which is repeated.
        steady: whether to take flicker out of the mattes with `steadied`.
        raw_colours: whether composites and foregrounds keep the video's colours, in which the old
            background shows at soft edges, instead of `foreground_colours`.
        captured: background, uint8 RGB, for models that take one; it is resized to the video.
        shown: is called with each composite, uint8 (H, W, 3).
        progress: is called with the number of frames done and frames per second.
        stopped: is called before each frame; the outputs end, complete, when it returns True.

    Raises:
        ValueError, OSError: an input or output cannot be used. No output has been changed then.
    """
    given = {} if captured is None else {"background": cover(captured, video.height, video.width)}
    check_call(model, given, reference_size)
    count, start = 0, time.monotonic()
    with ExitStack() as stack:
        behind = None
        if "composite" in outputs or shown:
            behind = stack.enter_context(_background(background, video))
        writers = {
            kind: stack.enter_context(open_output(path, kind, video, sound=kind != "alpha"))
            for kind, path in outputs.items()
        }
        # closed in reverse: no thread may read from the video when its owner closes it
        items = stack.enter_context(closing(in_background(video.items)))
        mattes = _matted(items, model, reference_size, given, steady)
        for item, alpha in stack.enter_context(closing(in_background(mattes))):
            if stopped():
                break
            if alpha is None:
                for writer in writers.values():
                    writer.copy(item)
                continue
            pictures = {"alpha": cv2.convertScaleAbs(alpha, alpha=255.0)}
            colours = item.image
            if not raw_colours and (behind or "foreground" in outputs):
                colours = foreground_colours(item.image, alpha)
            if behind:
                pictures["composite"] = compose(colours, alpha, behind(item, alpha))
            if "foreground" in outputs:
                pictures["foreground"] = np.dstack([colours, pictures["alpha"]])
            for kind, writer in writers.items():
                writer.write(pictures[kind], item)
            if shown:
                shown(pictures["composite"])
            count += 1
            if progress:
                progress(count, count / (time.monotonic() - start))
    return count


def _matted(items: Iterable, model, reference_size, given, steady):
    """Yield (frame, its alpha) and (packet, None) in the order of `items`."""
    pending = deque()  # steadying is one frame behind

    def frames():
        for item in items:
            pending.append(item)
            if isinstance(item, Frame):
                yield item.image, predict_alpha(model, item.image, reference_size, **given)

    for alpha in steadied(frames()) if steady else (alpha for _, alpha in frames()):
        while not isinstance(pending[0], Frame):
            yield pending.popleft(), None
        yield pending.popleft(), alpha
    for packet in pending:
        yield packet, None


@contextmanager
def _background(text, video):
    """Yield a function (frame, alpha) -> background, uint8 (height, width, 3)."""
    path = Path(text)
    if not path.is_file() or path.suffix.lower() in SUFFIXES:
        still = background_of(text, video.height, video.width)
        yield lambda frame, alpha: still(frame.image, alpha)
        return
    with closing(_repeated(path, video.height, video.width)) as pictures:
        player = _Player(pictures)
        yield lambda frame, alpha: player.at(frame.pts * video.time_base)


def _repeated(path, height, width):
    """Yield (seconds, picture) of a video again and again, without end."""
    start = 0
    while True:
        first = last = None
        with open_video(path) as video, closing(video.items):
            for frame in video.items:
                if isinstance(frame, Frame):
                    first = frame.pts if first is None else first
                    last = start + (frame.pts - first) * video.time_base
                    yield last, cover(frame.image, height, width)
        start = last + 1 / video.rate


class _Player:
    """Gives the picture of a video at rising times, whose first is the video's start."""

    def __init__(self, pictures):
        self._pictures, self._start = pictures, None
        self._now = self._after = next(pictures)

    def at(self, seconds):
        if self._start is None:
            self._start = seconds
        while self._after[0] <= seconds - self._start:
            self._now, self._after = self._after, next(self._pictures)
        return self._now[1]
