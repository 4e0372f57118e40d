"""Video files and folders of PNG files that frames are written to, one at a time."""

from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from keras_matting.atomic import replacing
from keras_matting.image_files import write_png
from keras_matting.inference.video.reading import Frame, Video


class Codec(NamedTuple):
    """An encoder of FFmpeg, its pixel format and options."""

    name: str
    pixels: str
    options: dict


H264 = Codec("libx264", "yuv420p", {"crf": "18", "preset": "fast"})
H264_ALPHA = Codec("libx264", "yuv420p", {"crf": "12", "preset": "fast"})
VP9 = Codec("libvpx-vp9", "yuv420p", {"crf": "24", "b": "0", "cpu-used": "5", "row-mt": "1"})
# the encoder cannot combine alternate reference frames with alpha
VP9_ALPHA = Codec("libvpx-vp9", "yuva420p", VP9.options | {"auto-alt-ref": "0"})
PRORES = Codec("prores_ks", "yuva444p10le", {"profile": "4444"})

_MPEG4 = (".mp4", ".m4v", ".mov", ".mkv")
# kind of output: the codec by the file's suffix; any kind can also be a folder of PNG files
CODECS = {
    "composite": dict.fromkeys(_MPEG4, H264) | {".webm": VP9},
    "alpha": dict.fromkeys(_MPEG4, H264_ALPHA) | {".webm": VP9},
    "foreground": {".mov": PRORES, ".webm": VP9_ALPHA, ".mkv": VP9_ALPHA},
}
_MP4_SOUND = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")
# codecs of sound that are copied, by the file's suffix; .mkv takes nearly all
SOUND = {
    ".mp4": _MP4_SOUND,
    ".m4v": _MP4_SOUND,
    ".mov": ("aac", "ac3", "alac", "eac3", "mp3", "pcm_s16be", "pcm_s16le", "pcm_s24le"),
    ".webm": ("opus", "vorbis"),
}
_MPEG_RANGE = 1  # FFmpeg's number of luma from 16 to 235


def check_output(path, kind: str):
    """Raise ValueError or OSError unless `kind` can be written to `path`, a file or a folder."""
    path = Path(path)
    if path.is_dir() or not path.suffix:
        if path.is_file():
            raise NotADirectoryError(f"{path} is a file; specify a folder or a name with a suffix")
        return
    if path.suffix.lower() not in CODECS[kind]:
        raise ValueError(
            f"{path}: {kind} is written to {', '.join(CODECS[kind])} or a folder; choose one"
        )
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"folder not found: {path.parent}; create it first")


@contextmanager
def open_output(path, kind: str, video: Video, sound: bool = True):
    """Open a writer of the frames of `video`: a file by its suffix, or a folder of PNG files.

    It has `write(image, frame)` with uint8 (H, W, 3), (H, W, 4) for a foreground with alpha or
    (H, W) for an alpha, and `copy(packet)` for sound. A file is complete when the context ends, and
    removed if it ends with an exception. Raises as `check_output` does.
    """
    check_output(path, kind)
    path = Path(path)
    if path.is_dir() or not path.suffix:
        path.mkdir(parents=True, exist_ok=True)
        yield _PngFolder(path)
        return
    codec = CODECS[kind][path.suffix.lower()]
    with replacing(path) as temporary, av.open(str(temporary), "w") as container:
        writer = _VideoFile(container, codec, video, sound)
        yield writer
        writer.finish()


class _PngFolder:
    def __init__(self, folder):
        self._folder = folder

    def write(self, image, frame: Frame):
        order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
        if image.ndim == 3:
            image = cv2.cvtColor(image, order[image.shape[2]])
        write_png(self._folder / f"{frame.name}.png", image)

    def copy(self, packet):
        """PNG files have no sound."""


class _VideoFile:
    def __init__(self, container, codec, video, sound):
        self._container, self._codec = container, codec
        self._stream = container.add_stream(codec.name, rate=video.rate, options=codec.options)
        self._even = "420" in codec.pixels
        context = self._stream.codec_context
        context.time_base = video.time_base
        context.height, context.width = self._size(video.height, video.width)
        context.pix_fmt = codec.pixels
        context.sample_aspect_ratio = video.aspect
        self._colours = video.colours
        context.colorspace, context.color_primaries, context.color_trc = video.colours
        context.color_range = _MPEG_RANGE
        self._sound = {}
        if sound:
            self._sound = {track.index: _Sound(container, track) for track in video.audio}

    def write(self, image, frame: Frame):
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        height, width = image.shape[:2]
        below, right = np.subtract(self._size(height, width), (height, width))
        if below or right:
            image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
        form = "rgba" if image.shape[2] == 4 else "rgb24"
        picture = av.VideoFrame.from_ndarray(image, form).reformat(
            format=self._codec.pixels,
            dst_colorspace=self._colours.matrix,
            dst_color_range=_MPEG_RANGE,
        )
        picture.pts, picture.time_base = frame.pts, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(picture))

    def copy(self, packet):
        if packet.stream.index in self._sound:
            self._sound[packet.stream.index].write(packet)

    def finish(self):
        self._container.mux(self._stream.encode(None))
        for track in self._sound.values():
            track.finish()

    def _size(self, height, width):
        """Return the size with even sides where the pixel format halves its colours."""
        return (height + height % 2, width + width % 2) if self._even else (height, width)


class _Sound:
    """A track of sound: copied where the container has its codec, else encoded for it."""

    def __init__(self, container, track):
        self._container, self._encodes = container, False
        copied = SOUND.get(Path(container.name).suffix.lower(), container.supported_codecs)
        if track.codec_context.codec.canonical_name in copied:
            self._stream = container.add_stream_from_template(track)
            return
        self._encodes = True
        self._stream = container.add_stream(
            container.default_audio_codec, rate=48000, layout=track.layout.name
        )

    def write(self, packet):
        if not self._encodes:
            packet.stream = self._stream
            self._container.mux(packet)
            return
        for frame in packet.decode():
            self._container.mux(self._stream.encode(frame))

    def finish(self):
        if self._encodes:
            self._container.mux(self._stream.encode(None))
