"""Videos in, videos out: pictures, times and sound, and no more frames in memory than a few."""

import threading

import av
import cv2
import numpy as np
import pytest

from keras_matting.inference.video import ahead
from keras_matting.inference.video.matting import matte_video
from keras_matting.inference.video.reading import Frame, open_video


def matte(source, outputs, model, **options):
    with open_video(source) as video:
        return matte_video(
            video, outputs, model, **{"steady": False, "raw_colours": True} | options
        )


@pytest.fixture
def moving(clips, tmp_path):
    """A video of 6 frames with sound, at a variable rate from 0.2 s on, and what it shows."""
    path = tmp_path / "in.mp4"
    clips.encode(path, clips.gradient(32, 48, 6), [200, 240, 320, 340, 500, 540], sound="aac")
    return path, clips.decode(path)[0]


def start_of_sound(clips, path):
    """Return the time of the first packet; .mkv has no negative times and shifts all streams."""
    return clips.packets(path)[0][1]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_a_composite(clips, model, moving, tmp_path, suffix):
    source, images = moving
    out = tmp_path / f"out.{suffix}"
    assert matte(source, {"composite": out}, model, background="#ff8000") == 6
    found, times = clips.decode(out)
    expected = np.array([0.2, 0.24, 0.32, 0.34, 0.5, 0.54])
    if suffix == "mkv":
        expected += start_of_sound(clips, out) - start_of_sound(clips, source)
    np.testing.assert_allclose(times, expected, atol=0.001)
    alpha = images[..., :1] / 255
    expected = alpha * images + (1 - alpha) * np.uint8([255, 128, 0])
    assert np.abs(found - expected).mean() < 6  # colours at half the resolution


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_sound_is_copied(clips, model, moving, tmp_path, suffix):
    source, _ = moving
    out = tmp_path / f"out.{suffix}"
    matte(source, {"composite": out}, model)
    before, after = clips.packets(source), clips.packets(out)
    assert [data for data, _ in before] == [data for data, _ in after]
    shift = start_of_sound(clips, out) - start_of_sound(clips, source)
    assert shift == 0 or suffix == "mkv"
    np.testing.assert_allclose([t - shift for _, t in after], [t for _, t in before], atol=0.001)


@pytest.mark.parametrize(
    ("codec", "suffix", "expected"), [("aac", "webm", "opus"), ("libopus", "mov", "aac")]
)
def test_sound_is_encoded_again_where_it_cannot_be_copied(
    clips, model, tmp_path, codec, suffix, expected
):
    clips.encode(tmp_path / "in.mp4", clips.gradient(16, 16, 26), sound=codec)
    matte(tmp_path / "in.mp4", {"composite": tmp_path / f"out.{suffix}"}, model)
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        assert container.streams.audio[0].codec_context.name == expected
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 48000 == pytest.approx(1.0, abs=0.05)  # with the encoder's padding


def test_an_alpha_is_a_grey_video_without_sound(clips, model, moving, tmp_path):
    source, images = moving
    matte(source, {"alpha": tmp_path / "out.mp4"}, model)
    found, _ = clips.decode(tmp_path / "out.mp4")
    step = 255 / 219  # of the luma of videos, which is from 16 to 235
    assert np.abs(found.astype(int) - images[..., :1]).mean() < step
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


@pytest.mark.parametrize(("suffix", "decoder"), [("webm", "libvpx-vp9"), ("mov", None)])
def test_a_foreground_has_alpha(clips, model, moving, tmp_path, suffix, decoder):
    source, images = moving
    matte(source, {"foreground": tmp_path / f"out.{suffix}"}, model)
    found, _ = clips.decode(tmp_path / f"out.{suffix}", "rgba", decoder)
    assert np.abs(found[..., 3].astype(int) - images[..., 0]).mean() < 1
    solid = images[..., 0] > 128
    assert np.abs(found[..., :3].astype(int) - images)[solid].mean() < 5


def test_a_folder_of_png_files_from_a_folder(model, clips, tmp_path):
    (tmp_path / "in").mkdir()
    for i, image in enumerate(clips.gradient(8, 12, 3)):
        cv2.imwrite(f"{tmp_path}/in/shot{i + 9}.png", image[..., ::-1])
    outputs = {kind: tmp_path / kind for kind in ("composite", "alpha", "foreground")}
    assert matte(tmp_path / "in", outputs, model, background="black") == 3
    shown = cv2.imread(f"{tmp_path}/in/shot11.png")
    alpha = cv2.imread(f"{tmp_path}/alpha/shot11.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(alpha, shown[..., 2])
    cutout = cv2.imread(f"{tmp_path}/foreground/shot11.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(cutout[..., 3], alpha)
    composite = cv2.imread(f"{tmp_path}/composite/shot11.png")
    np.testing.assert_allclose(composite, shown * (alpha / 255)[..., None], atol=1)
    assert len(list((tmp_path / "composite").iterdir())) == 3


def test_odd_sides_are_padded_where_the_codec_needs_it(clips, model, tmp_path):
    clips.encode(tmp_path / "in.mkv", clips.gradient(17, 31, 2), codec="ffv1", pixels="bgr0")
    matte(tmp_path / "in.mkv", {"alpha": tmp_path / "out.mp4"}, model)
    found, _ = clips.decode(tmp_path / "out.mp4")
    assert found.shape == (2, 18, 32, 3)
    np.testing.assert_allclose(found[0, 0, :31, 0].astype(int), np.linspace(0, 255, 31), atol=6)


def test_a_turned_video_over_another_that_repeats(clips, model, tmp_path):
    """The background has 2 frames per second: the third frame, at 1 s, sees its first again."""
    dark = np.zeros((3, 16, 24, 3), np.uint8)  # alpha is 0: only the background is seen
    clips.encode(tmp_path / "in.mp4", dark, [0, 500, 1000], rotation=(90,))
    room = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (60, 180)])
    clips.encode(tmp_path / "room.mkv", room, [0, 500])
    shown = []
    matte(tmp_path / "in.mp4", {}, model, background=str(tmp_path / "room.mkv"), shown=shown.append)
    assert [picture.shape for picture in shown] == [(24, 16, 3)] * 3
    levels = [picture.mean() for picture in shown]
    assert levels[:2] == pytest.approx([60, 180], abs=3) and levels[2] in levels[:2]


def test_soft_edges_take_the_colour_of_the_foreground(clips, model, tmp_path):
    """Alpha is the red channel: the band is half of a red foreground over black."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:, :20, 0], image[:, 20:26, 0] = 255, 128
    clips.encode(tmp_path / "in.mp4", [image])
    shown = []
    matte(
        tmp_path / "in.mp4", {}, model, background="#ff0000", shown=shown.append, raw_colours=False
    )
    matte(tmp_path / "in.mp4", {}, model, background="#ff0000", shown=shown.append)
    estimated, raw = (picture[:, :26, 0].min() for picture in shown)
    assert estimated > 225 and raw < 200


def test_steadying_is_one_frame_late_but_every_frame_has_its_own_alpha(clips, model, tmp_path):
    levels = [10, 10, 250, 10, 10, 250, 250]
    images = [np.full((16, 16, 3), level, np.uint8) for level in levels]
    clips.encode(tmp_path / "in.mp4", images)
    matte(tmp_path / "in.mp4", {"alpha": tmp_path / "alpha"}, model, steady=True)
    found = [cv2.imread(str(path))[8, 8, 0] for path in sorted((tmp_path / "alpha").iterdir())]
    np.testing.assert_allclose(np.int32(found), [10, 10, 10, 10, 10, 250, 250], atol=3)


def test_a_network_with_a_captured_background(clips, model, tmp_path):
    class Difference(type(model)):
        input_names = ("image", "background")

        def __call__(self, inputs):
            return np.abs(inputs["image"] - inputs["background"])[..., 0]

    clips.encode(tmp_path / "in.mp4", [np.full((16, 16, 3), 200, np.uint8)])
    room = np.full((8, 8, 3), 100, np.uint8)
    matte(tmp_path / "in.mp4", {"alpha": tmp_path / "a"}, Difference(), captured=room)
    assert cv2.imread(str(tmp_path / "a" / "000001.png"))[8, 8, 0] == pytest.approx(100, abs=3)


def test_a_stop_leaves_a_playable_file(clips, model, moving, tmp_path):
    source, _ = moving
    done, out = [], tmp_path / "out.mp4"
    threads = threading.active_count()
    count = matte(source, {"composite": out}, model, stopped=lambda: len(done) == 3,
                  progress=lambda count, speed: done.append(count))  # fmt: skip
    assert count == 3 and len(clips.decode(out)[0]) == 3
    assert threading.active_count() == threads


def test_an_error_leaves_the_old_file(clips, model, moving, tmp_path):
    source, _ = moving
    (tmp_path / "out.mp4").write_text("old")

    class Broken(type(model)):
        def __call__(self, inputs):
            raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        matte(source, {"composite": tmp_path / "out.mp4"}, Broken())
    assert (tmp_path / "out.mp4").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_few_frames_are_in_memory_however_long_the_video(clips, model, tmp_path):
    clips.encode(tmp_path / "in.mp4", clips.gradient(16, 16, 300))
    read, lead = [], []
    with open_video(tmp_path / "in.mp4") as video:

        def counted():
            for item in video.items:
                read.append(isinstance(item, Frame))
                yield item

        matte_video(
            video._replace(items=counted()),
            {"composite": tmp_path / "out.mp4"},
            model,
            progress=lambda done, speed: lead.append(sum(read) - done),
        )
    assert len(lead) == 300
    # two queues, an item in each thread's hands, and the frame that steadying waits for
    assert max(lead) <= 2 * ahead.AHEAD + 4
