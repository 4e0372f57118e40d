"""Large pictures in overlapping tiles."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.inference import predict_alpha, tiles
from keras_matting.models import create_model


def trimap_with(unknown, size):
    """Return a trimap that is unknown in a rectangle (top, bottom, left, right), 0 elsewhere."""
    trimap = np.zeros(size, np.float32)
    top, bottom, left, right = unknown
    trimap[top:bottom, left:right] = 0.5
    return trimap


def test_tiles_equal_the_whole_picture_from_the_receptive_field_inwards():
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.random((320, 448, 3), np.float32),
        "trimap": trimap_with((0, 320, 0, 448), (320, 448)),
    }

    def run(x):  # sees 24 pixels far; tiles' borders differ from the whole picture's
        return cv2.blur(x["image"][..., 0], (49, 49), borderType=cv2.BORDER_CONSTANT)

    found = tiles.run_tiled(run, inputs, (160, 128), 40)  # 24 and half of the blended strip
    np.testing.assert_allclose(found, run(inputs), atol=1e-6)
    assert np.abs(tiles.run_tiled(run, inputs, (160, 128), 16) - run(inputs)).max() > 0.01


def test_only_tiles_with_unknown_pixels_are_run():
    trimap = trimap_with((200, 210, 300, 310), (640, 640))
    trimap[500:] = 1.0
    seen = []

    def run(x):
        seen.append(x["trimap"].shape)
        return np.full(x["trimap"].shape, 0.25, np.float32)

    found = tiles.run_tiled(run, {"trimap": trimap}, (128, 128), 32)
    assert 1 <= len(seen) <= 4
    np.testing.assert_array_equal(found, np.where(trimap == 0.5, np.float32(0.25), trimap))


def test_dim_in_tiles_equals_dim():
    model = create_model("dim_mobilenetv2_mobile", (None, None, 3))
    rng = np.random.default_rng(0)
    for variable in model.variables:  # untrained norms would be trivial
        if "gamma" in variable.name:
            variable.assign(rng.uniform(0.7, 1.3, variable.shape))
        elif "beta" in variable.name or "moving_mean" in variable.name:
            variable.assign(rng.normal(0.0, 0.2, variable.shape))
    image = cv2.resize(rng.random((8, 128, 3), np.float32), (1024, 64))
    inputs = {"image": image, "trimap": trimap_with((0, 64, 300, 700), (64, 1024))}

    def run(x):
        batch = {name: np.atleast_3d(value)[None] for name, value in x.items()}
        return model(batch, training=False)["alpha"].numpy()[0, ..., 0]

    unknown = inputs["trimap"] == 0.5
    whole = run(inputs)[unknown]
    assert whole.std() > 0.05
    margin = tiles.tiles_of(model.name)["margin"]
    found = tiles.run_tiled(run, inputs, (64, 768), margin)[unknown]
    np.testing.assert_allclose(found, whole, atol=2 / 255)


class Recorder:
    """A stand-in for a network; alpha is the red channel, and `sizes` are those of its inputs."""

    def __init__(self, name, size=(None, None)):
        self.name, self.sizes = name, []
        shapes = {"image": (1, *size, 3), "trimap": (1, *size, 1)}
        self.input = {key: tf.TensorSpec(shape) for key, shape in shapes.items()}
        self.output = {"alpha": None}

    def __call__(self, inputs, training):
        self.sizes.append(inputs["image"].shape[1:3])
        return {"alpha": inputs["image"][..., :1]}


def large(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    trimap = np.zeros((height, width), np.uint8)
    trimap[500:520, 100:1500] = 128
    return image, trimap


def test_gca_runs_large_pictures_in_tiles_or_refuses_them():
    model, (image, trimap) = Recorder("gca"), large(2100, 2200)
    alpha = predict_alpha(model, image, trimap=trimap)
    assert model.sizes and set(model.sizes) == {(tiles.SIDE, tiles.SIDE)}
    expected = np.where(trimap == 128, image[..., 0] / np.float32(255), 0)
    np.testing.assert_allclose(alpha, expected, atol=1e-6)
    model.sizes.clear()
    with pytest.raises(ValueError, match="2100x2200 pixels at once take too much memory in gca"):
        predict_alpha(model, image, trimap=trimap, tiled=False)
    assert not model.sizes


def test_a_model_of_fixed_size_sees_full_resolution_in_tiles():
    model, (image, trimap) = Recorder("small", (256, 320)), large(700, 1600)
    alpha = predict_alpha(model, image, trimap=trimap, tiled=True)
    assert set(model.sizes) == {(256, 320)}
    np.testing.assert_allclose(alpha[trimap == 128], image[trimap == 128][:, 0] / 255, atol=1e-6)


def test_models_without_trimap_do_not_run_in_tiles():
    model = Recorder("modnet")
    del model.input["trimap"]
    with pytest.raises(ValueError, match="modnet takes no trimap, so it cannot run in tiles"):
        predict_alpha(model, np.zeros((64, 64, 3), np.uint8), tiled=True)
