"""Small videos that the tests encode, and a network whose alpha is the red channel."""

from fractions import Fraction

import av
import numpy as np
import pytest

from keras_matting.inference import TFLiteModel


class Red(TFLiteModel):
    """Takes any size and scales nothing."""

    name, input_names, input_size = "bgmv2_base_red", ("image",), (None, None)

    def __init__(self):
        pass

    def __call__(self, inputs):
        return inputs["image"][..., 0]


@pytest.fixture
def model():
    return Red()


def encode(
    path, images, times=None, codec="libx264", pixels="yuv444p", sound=None, rotation=None,
    colours=None, options=None,
):  # fmt: skip
    """Encode uint8 RGB images, shown at `times` in units of 1/1000 second, nearly without loss."""
    times = range(0, 40 * len(images), 40) if times is None else times
    options = options or ({"crf": "1"} if codec == "libx264" else {})
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(*rotation)
        if colours:
            stream.codec_context.colorspace = colours
        if sound:
            audio = container.add_stream(sound, rate=48000, layout="mono")
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image).reformat(
                format=pixels, dst_colorspace=colours
            )
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        if sound:
            wave = np.sin(np.arange(48 * times[-1]) / 30).astype(np.float32)[None]
            for start in range(0, wave.shape[1], 960):
                part = av.AudioFrame.from_ndarray(
                    wave[:, start : start + 960].copy(), "fltp", "mono"
                )
                part.rate, part.pts, part.time_base = 48000, start, Fraction(1, 48000)
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))
        container.mux(stream.encode(None))


def decode(path, form="rgb24", decoder=None):
    """Return the frames of a video (T, H, W, channels) and their times in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
        frames = [f for packet in container.demux(stream) for f in context.decode(packet)]
        times = [float(frame.pts * stream.time_base) for frame in frames]
        return np.stack([frame.to_ndarray(format=form) for frame in frames]), times


def packets(path):
    """Return the compressed sound of a video, [(bytes, seconds)]."""
    with av.open(str(path)) as container:
        found = container.demux(container.streams.audio[0])
        return [(bytes(p), float(p.pts * p.time_base)) for p in found if p.size]


def gradient(height, width, count=1):
    """Return images whose red rises from left to right, green from above, blue with time."""
    image = np.zeros((count, height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()
    image[..., 1] = np.linspace(0, 255, height).round()[:, None]
    image[..., 2] = np.linspace(40, 200, count).round()[:, None, None]
    return image


@pytest.fixture
def clips():
    """The functions above, by name."""
    from types import SimpleNamespace

    return SimpleNamespace(encode=encode, decode=decode, packets=packets, gradient=gradient)
