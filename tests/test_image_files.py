"""Images are read as OpenCV reads them, without libpng's messages; trimaps by a rule."""

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_matting.image_files import find_pictures, read_labels, read_photograph, read_trimap


def test_a_damaged_colour_profile_is_ignored_silently(tmp_path, capfd):
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    data = cv2.imencode(".png", image)[1].tobytes()
    content = b"profile\0\0" + zlib.compress(b"not a profile")
    check = zlib.crc32(b"iCCP" + content).to_bytes(4, "big")
    chunk = len(content).to_bytes(4, "big") + b"iCCP" + content + check
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + chunk + data[33:])  # behind the header
    cv2.imread(str(path))
    assert "iCCP" in capfd.readouterr().err
    np.testing.assert_array_equal(read_photograph(path), image[..., ::-1])
    assert capfd.readouterr().err == ""


def test_labels_are_the_numbers_of_a_palette(tmp_path):
    labels = np.arange(24, dtype=np.uint8).reshape(4, 6) % 3
    image = Image.fromarray(labels).convert("P")
    image.putpalette([0, 0, 0, 192, 128, 128, 224, 224, 192])
    image.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "palette.png"), labels)
    saved(tmp_path / "grey.png", labels)
    np.testing.assert_array_equal(read_labels(tmp_path / "grey.png"), labels)
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(ValueError, match="bad.png: damaged or not an image"):
        read_labels(tmp_path / "bad.png")


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    """By a stand-in, because permissions do not keep root from listing."""

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(PermissionError, match="may not be listed; change its permissions"):
        find_pictures(tmp_path)


def disc(size=96):
    """A trimap: a disc of foreground in a ring of unknown."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - size / 2, x - size / 2)
    return np.where(distance < size / 4, 255, np.where(distance < size / 3, 128, 0)).astype("u1")


def saved(path, image, *parameters):
    path.write_bytes(cv2.imencode(path.suffix, image, parameters)[1].tobytes())
    return path


def test_a_painted_or_compressed_trimap_is_read_by_thirds(tmp_path):
    exact = disc()
    painted = cv2.GaussianBlur(exact, (3, 3), 0)
    notes = []
    files = {
        saved(tmp_path / "exact.png", exact): exact,
        saved(tmp_path / "a.jpg", exact, cv2.IMWRITE_JPEG_QUALITY, 75): exact,
        saved(tmp_path / "b.png", painted): np.select([painted < 85, painted > 170], [0, 255], 128),
    }
    for path, expected in files.items():
        found = read_trimap(path, notes)
        assert found.dtype == np.uint8 and np.mean(found != expected) < 0.01
        assert set(np.unique(found)) == {0, 128, 255}
    assert [note.partition(":")[0] for note in notes] == [f"{tmp_path}/a.jpg", f"{tmp_path}/b.png"]
    assert all("below a third of 255 is background" in note for note in notes)


@pytest.mark.parametrize(
    "values, reason",
    [
        (np.full((9, 9), 128), "has value 128 everywhere; draw a trimap"),
        (disc() // 127, "its largest value is 2; a trimap has 0, 128 for unknown, and 255"),
        (disc() // 2, "its largest value is 127; a trimap has"),
        (np.arange(256).reshape(16, 16), "is not a trimap, more than a tenth of its pixels"),
    ],
)
def test_what_cannot_be_a_trimap_is_refused(tmp_path, values, reason):
    path = saved(tmp_path / "a.png", np.uint8(values))
    with pytest.raises(ValueError, match="a.png: " + reason):
        read_trimap(path)
