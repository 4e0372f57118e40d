"""Frames come upright, in order, with their times; damage is reported."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from keras_matting.inference.video.reading import Frame, open_camera, open_video


def frames_of(video):
    return [item for item in video.items if isinstance(item, Frame)]


def seconds(video, frames):
    return [float(frame.pts * video.time_base) for frame in frames]


@pytest.mark.parametrize(
    ("rotation", "upright"),
    [
        ((0,), lambda x: x),
        ((90,), lambda x: np.rot90(x)),  # both are counter-clockwise
        ((180,), lambda x: np.rot90(x, 2)),
        ((270,), lambda x: np.rot90(x, 3)),
        ((0, True), lambda x: x[:, ::-1]),
        ((0, False, True), lambda x: x[::-1]),
        ((90, True), lambda x: np.rot90(x)[:, ::-1]),
    ],
)
def test_frames_are_upright(clips, tmp_path, rotation, upright):
    images = clips.gradient(32, 48, 2)
    clips.encode(tmp_path / "a.mp4", images, rotation=rotation)
    with open_video(tmp_path / "a.mp4") as video:
        frames = frames_of(video)
        assert frames[0].image.shape == (video.height, video.width, 3)
    for frame, image in zip(frames, images, strict=True):
        np.testing.assert_allclose(frame.image.astype(int), upright(image), atol=6)


def test_times_of_a_variable_rate(clips, tmp_path):
    times = [1000, 1040, 1100, 1130, 1900]
    clips.encode(tmp_path / "a.mkv", clips.gradient(16, 16, 5), times)
    with open_video(tmp_path / "a.mkv") as video:
        assert seconds(video, frames_of(video)) == [time / 1000 for time in times]


@pytest.mark.parametrize("colours", [None, 1, 5])  # unspecified, BT.709, BT.601
def test_colours(clips, tmp_path, colours):
    image = np.broadcast_to(np.uint8([200, 60, 30]), (1, 16, 16, 3))
    clips.encode(tmp_path / "a.mp4", np.ascontiguousarray(image), colours=colours)
    with open_video(tmp_path / "a.mp4") as video:
        np.testing.assert_allclose(frames_of(video)[0].image[8, 8], [200, 60, 30], atol=3)


def test_a_folder_in_the_order_of_its_numbers(tmp_path):
    for number in (10, 9, 1):
        cv2.imwrite(f"{tmp_path}/frame{number}.png", np.full((4, 6, 3), number, np.uint8))
    with open_video(tmp_path, Fraction(30000, 1001)) as video:
        frames = frames_of(video)
        assert (video.height, video.width, video.count) == (4, 6, 3)
        assert [frame.image[0, 0, 0] for frame in frames] == [1, 9, 10]
        assert [frame.name for frame in frames] == ["frame1", "frame9", "frame10"]
        assert frames[2].pts * video.time_base == Fraction(2002, 30000)
    cv2.imwrite(f"{tmp_path}/frame9.png", np.zeros((6, 4, 3), np.uint8))
    with (
        open_video(tmp_path) as video,
        pytest.raises(ValueError, match="frame9.png: is 6x4, but the first frame is 4x6"),
    ):
        frames_of(video)


def test_a_file_that_is_no_video(clips, tmp_path):
    with pytest.raises(FileNotFoundError, match="not found: .*none.mp4"), open_video("none.mp4"):
        pass
    (tmp_path / "text.mp4").write_text("hello")
    with (
        pytest.raises(ValueError, match="text.mp4: damaged or not a video"),
        open_video(tmp_path / "text.mp4"),
    ):
        pass


def test_a_damaged_file_gives_the_other_frames(clips, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (30, 64, 64, 3), np.uint8)
    clips.encode(tmp_path / "a.mp4", images)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    (tmp_path / "a.mp4").write_bytes(data)
    with open_video(tmp_path / "a.mp4") as video:
        frames = frames_of(video)
        assert 15 < len(frames) <= 30
        assert video.problems == [
            f"{tmp_path}/a.mp4: damaged; frames are wrong or missing in the result"
        ]


class FakeCamera:
    def __init__(self, number):
        self.left = 0 if number else 3
        self.released = False

    def isOpened(self):
        return True

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((4, 6, 3), (10, 20, 30), np.uint8)

    def release(self):
        self.released = True


def test_a_camera(monkeypatch):
    with open_camera(0, FakeCamera) as video:
        frames = frames_of(video)
    assert len(frames) == 2 and frames[0].image[0, 0].tolist() == [30, 20, 10]
    assert frames[0].pts < frames[1].pts
    with pytest.raises(ValueError, match="camera 1 gives no pictures"), open_camera(1, FakeCamera):
        pass
