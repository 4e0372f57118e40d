"""Images are read as OpenCV reads them, without libpng's messages."""

import zlib

import cv2
import numpy as np

from keras_matting.image_files import read_photograph


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
