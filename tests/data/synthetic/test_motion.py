"""Synthetic videos: exact alpha in every frame, and motion that does not depend on the size."""

import numpy as np
import pytest

from keras_matting.data import synthetic


@pytest.fixture(scope="module")
def clip():
    """The frames of a portrait, {name: (6, 48, 64, channels)} float in [0, 1]."""
    frames = list(synthetic.draw_clip(3, 6, 48, 64, "portrait"))
    return {name: np.stack([frame[name] for frame in frames]) / 255 for name in frames[0]}


def test_the_image_is_the_composite(clip):
    alpha = clip["alpha"]
    expected = alpha * clip["foreground"] + (1 - alpha) * clip["background"]
    np.testing.assert_allclose(clip["image"], expected, atol=0.51 / 255)


def test_figure_and_background_move_a_little_from_frame_to_frame(clip):
    for name in ("alpha", "background"):
        assert 0 < np.abs(np.diff(clip[name], axis=0)).mean(axis=(1, 2, 3)).min()
    assert np.abs(np.diff(clip["alpha"], axis=0)).mean() < 0.03
    assert 0.05 < clip["alpha"].mean() < 0.9


def test_twice_the_size_is_the_same_matte(clip):
    large = [f["alpha"] / 255 for f in synthetic.draw_clip(3, 6, 96, 128, "portrait")]
    halved = np.stack(large).reshape(6, 48, 2, 64, 2, 1).mean((2, 4))
    assert np.abs(halved - clip["alpha"]).mean() < 0.012


def test_a_source_of_clips():
    source = synthetic.clips(2, 3, (24, 32), seed=5, kind="animal")
    assert source.size == 2
    sample = source.load(1)
    assert {name: x.shape.as_list() for name, x in sample.items()} == {
        "foreground": [3, 24, 32, 3],
        "alpha": [3, 24, 32, 1],
        "background": [3, 24, 32, 3],
        "image": [3, 24, 32, 3],
    }
    longer = list(synthetic.draw_clip((5, 1), 4, 24, 32, "animal"))
    for i in range(3):  # a longer clip starts with the shorter one
        for name, x in sample.items():
            np.testing.assert_array_equal(x[i], longer[i][name])
    with pytest.raises(ValueError, match="0 frames"):
        synthetic.clips(2, 0, (24, 32))
