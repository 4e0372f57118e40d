"""Videos as upright RGB frames with their times: any file that FFmpeg reads, a folder, a camera."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from keras_matting.image_files import find_pictures, read_photograph

BT601, BT709, UNSPECIFIED = 5, 1, 2  # FFmpeg's numbers of colour spaces


class Frame(NamedTuple):
    """`image`, uint8 (H, W, 3) RGB, is shown at `pts` units of its video's time base."""

    image: np.ndarray
    pts: int
    name: str


class Colours(NamedTuple):
    """FFmpeg's numbers of the matrix, primaries and transfer function of a video."""

    matrix: int = BT709
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED


class Video(NamedTuple):
    """An open video.

    `items` yields frames, all (height, width, 3), and between them packets of the `audio` streams.
    `count` estimates the number of frames, None if it is unknown. `aspect` is the width of a
    pixel, in heights. `problems` receives a line per kind of damage while items are read.
    """

    path: str
    height: int
    width: int
    items: Iterator
    time_base: Fraction
    rate: Fraction
    count: int | None = None
    audio: tuple = ()
    aspect: Fraction = Fraction(1)
    colours: Colours = Colours()
    problems: list = []


@contextmanager
def open_video(path, rate: Fraction = Fraction(25)):
    """Open a video file, or a folder of frames in the order of their numbers.

    Frames are rotated upright. Those of a folder are shown at `rate` frames per second.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is not a video, or a folder without pictures.
    """
    if Path(path).is_dir():
        yield _folder(path, rate)
        return
    if not Path(path).exists():
        raise FileNotFoundError(f"video or folder of frames not found: {path}")
    try:
        container = av.open(str(path))
    except av.error.FFmpegError as error:
        raise ValueError(f"{path}: damaged or not a video; replace it") from error
    with container:
        if not container.streams.video:
            raise ValueError(f"{path}: has no pictures, only sound; specify a video")
        yield _container(path, container)


@contextmanager
def open_camera(number: int, capture=cv2.VideoCapture):
    """Open a camera; its frames have the times at which they arrive.

    Raises ValueError if there is no such camera, or it gives no pictures.
    """
    camera = capture(number)
    try:
        read, picture = camera.read() if camera.isOpened() else (False, None)
        if not read:
            raise ValueError(f"camera {number} gives no pictures; connect it or try another number")
        height, width = picture.shape[:2]
        yield Video(
            f"camera {number}", height, width, _captured(camera), Fraction(1, 1000), Fraction(30)
        )
    finally:
        camera.release()


def _captured(camera):
    start = time.monotonic()
    last = -1
    while (taken := camera.read())[0]:
        last = max(last + 1, round(1000 * (time.monotonic() - start)))
        yield Frame(np.ascontiguousarray(taken[1][..., ::-1]), last, f"{last:08d}")


def _folder(path, rate):
    files = sorted(find_pictures(path).items(), key=lambda item: _natural(item[0]))
    height, width = read_photograph(files[0][1]).shape[:2]

    def frames():
        for index, (stem, file) in enumerate(files):
            image = read_photograph(file)
            if image.shape[:2] != (height, width):
                raise ValueError(
                    f"{file}: is {image.shape[0]}x{image.shape[1]}, but the first frame is "
                    f"{height}x{width} (height x width); frames of a video need one size"
                )
            yield Frame(image, index, stem)

    return Video(str(path), height, width, frames(), 1 / Fraction(rate), Fraction(rate), len(files))


def _natural(name):
    """Return a sort key by which frame9 comes before frame10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _container(path, container):
    stream, audio = container.streams.video[0], tuple(container.streams.audio)
    stream.thread_type = "AUTO"
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    problems = []
    decoded = _decoded(path, container, stream, audio, rate, problems)
    head = []  # up to the first frame, which tells what the container does not
    for item in decoded:
        head.append(item)
        if isinstance(item, av.VideoFrame):
            break
    else:
        raise ValueError(f"{path}: no frame can be decoded; replace it")
    first = head[-1]
    matrix = _display_matrix(first)
    colours = _colours(first)

    def items():
        with closing(decoded):
            count = 0
            for item in chain(head, decoded):
                if isinstance(item, av.VideoFrame):
                    count += 1
                    item = Frame(_upright(_rgb(item, first), matrix), item.pts, f"{count:06d}")
                yield item

    height, width = _upright(np.empty((first.height, first.width)), matrix).shape
    aspect = stream.sample_aspect_ratio or Fraction(1)
    turned = _turns(matrix)
    count = stream.frames or None
    if count is None and container.duration:
        count = round(container.duration / 1_000_000 * rate) or None
    return Video(
        str(path), height, width, items(), stream.time_base, rate, count, audio,
        1 / aspect if turned else aspect, colours, problems,
    )  # fmt: skip


def _decoded(path, container, stream, audio, rate, problems):
    """Yield frames, whose times rise, and audio packets; damage is skipped and reported."""
    step = max(1, round(1 / (rate * stream.time_base)))
    last = None
    for packet in _packets(path, container, [stream, *audio], problems):
        if packet.stream.index != stream.index:
            if packet.dts is not None:  # not the last, empty one
                yield packet
            continue
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            frames = None
        if frames is None or packet.is_corrupt or any(frame.is_corrupt for frame in frames):
            _report(problems, f"{path}: damaged; frames are wrong or missing in the result")
        for frame in frames or ():
            if frame.pts is None or (last is not None and frame.pts <= last):
                frame.pts = 0 if last is None else last + (step if frame.pts is None else 1)
            last = frame.pts
            yield frame


def _packets(path, container, streams, problems):
    try:
        yield from container.demux(streams)
    except av.error.InvalidDataError:
        _report(problems, f"{path}: damaged; the result ends early")


def _report(problems, line):
    if line not in problems:
        problems.append(line)


def _colours(frame):
    """Return a frame's colours; where the matrix is unspecified, it is guessed as players do."""
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = BT709 if frame.height >= 720 else BT601
    if frame.format.is_rgb or matrix == 0:
        matrix = BT709
    return Colours(int(matrix), int(frame.color_primaries), int(frame.color_trc))


def _rgb(frame, first):
    return frame.reformat(
        first.width, first.height, "rgb24", src_colorspace=_colours(frame).matrix
    ).to_ndarray()


def _display_matrix(frame):
    """Return ((a, b), (c, d)): the pixel (x, y) is shown at (a x + c y, b x + d y), shifted."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return np.frombuffer(data, np.int32)[:6].reshape(2, 3)[:, :2]
    return np.eye(2)


def _turns(matrix):
    """Return whether rows become columns."""
    return abs(matrix[0][1]) > abs(matrix[0][0])


def _upright(image, matrix):
    """Turn and mirror an image as its display matrix says, by quarter turns."""
    (a, b), (c, d) = matrix
    if _turns(matrix):
        image, across, down = np.swapaxes(image, 0, 1), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
