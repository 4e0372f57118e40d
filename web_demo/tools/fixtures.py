"""Write the reference data of the page's tests that the Android app's fixtures do not have.

    python web_demo/tools/fixtures.py

writes web_demo/tests/fixtures/<name>.<type>.<shape>.bin, little-endian. The files are committed;
run it again only if the results are meant to change.
"""

from pathlib import Path

import numpy as np

from keras_matting.inference import foreground_colours
from keras_matting.inference.video.steadying import movement, smoothed

FOLDER = Path(__file__).parents[1] / "tests/fixtures"
APP = Path(__file__).parents[2] / "android_demo/desktop/tests/fixtures"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    picture = np.fromfile(APP / "picture.u8.48x64x3.bin", np.uint8).reshape(48, 64, 3)
    alpha = np.fromfile(APP / "alpha.f32.48x64.bin", "<f4").reshape(48, 64)
    levels = np.rint(255 * alpha).astype(np.uint8)
    _save("colours", foreground_colours(picture, levels))
    moved = picture.copy()
    moved[10:30, 20:40] = picture[10:30, 23:43]
    _save("moved_picture", moved)
    share = movement(picture, moved)
    _save("movement", share)
    _save("steady", smoothed(alpha, 0.8 * alpha + 0.1, share))


def _save(name, values):
    kind = "u8" if values.dtype == np.uint8 else "f32"
    shape = "x".join(str(side) for side in values.shape)
    data = values.astype("u1" if kind == "u8" else "<f4").tobytes()
    (FOLDER / f"{name}.{kind}.{shape}.bin").write_bytes(data)


if __name__ == "__main__":
    main()
