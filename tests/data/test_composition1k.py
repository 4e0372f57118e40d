"""The test images of Composition-1k are those of the published script and Pillow, bit for bit."""

import numpy as np
import pytest
from recordings import recording

from keras_matting.data import composition1k

# tests/golden/data: Pillow 11.0.0, pixel by pixel as the published script
RECORDED = recording("data/composition1k.npz")
CASES = ("larger", "upscaled", "wide", "tiny", "one_side", "ceil")


@pytest.mark.parametrize("case", CASES)
def test_equals_the_published_script(case):
    foreground, alpha, background, image = (
        RECORDED[f"{case}/{key}"] for key in ("foreground", "alpha", "background", "image")
    )
    np.testing.assert_array_equal(composition1k.compose(foreground, alpha, background), image)


def test_the_cases_cover_what_they_are_for():
    """Enlarged or not, and one pixel more than needed where the ratio's rounding gives it."""
    for case in CASES:
        h, w = RECORDED[f"{case}/foreground"].shape[:2]
        width, height = RECORDED[f"{case}/size"]
        enlarged = (height, width) != RECORDED[f"{case}/background"].shape[:2]
        assert enlarged == (case != "larger")
        if case == "ceil":
            assert width > w and height > h


def test_levels_are_cut_off_not_rounded():
    """alpha 1/255: 254/255 * 100 = 99.6 -> 99; 1/255 * 100 + 254/255 * 100 is 100 or below."""
    levels = np.arange(256, dtype=np.uint8)
    foreground = np.full((256, 256, 3), 200, np.uint8)
    background = np.full((256, 256, 3), 77, np.uint8)
    alpha = np.repeat(levels[:, None, None], 256, axis=1)
    expected = [int(a / 255 * 200 + (1 - a / 255) * 77) for a in range(256)]
    image = composition1k.compose(foreground, alpha, background)
    np.testing.assert_array_equal(image[:, 0, 0], expected)


@pytest.mark.parametrize("kind", ["jpeg", "grey_jpeg", "palette_png"])
def test_decodes_as_pillow(tmp_path, kind):
    (tmp_path / "picture").write_bytes(RECORDED[f"{kind}/file"].tobytes())
    decoded = composition1k._colours(tmp_path, "picture")
    np.testing.assert_array_equal(decoded, RECORDED[f"{kind}/pixels"])
