"""Each photograph gets two files at its own size, or is reported."""

import os
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage
from tensorflow import keras

from keras_matting.commands.model_flags import load_model
from keras_matting.inference.folders import find_photographs, predict


@pytest.fixture(scope="module")
def model():
    """A stand-in with the interface of create_model: alpha is the red channel."""
    image = keras.Input((None, None, 3), name="image")
    kernel = keras.initializers.Constant(np.reshape([1.0, 0.0, 0.0], (1, 1, 3, 1)))
    alpha = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=kernel)(image)
    return keras.Model({"image": image}, {"alpha": alpha}, name="red")


@pytest.fixture(scope="module")
def model_with_background():
    """Alpha is the red channel of the image minus that of the background."""
    inputs = {key: keras.Input((None, None, 3), name=key) for key in ("image", "background")}
    difference = keras.layers.Subtract()([*inputs.values()])
    return keras.Model(inputs, {"alpha": difference[..., :1]}, name="bgmv2_base_red")


@pytest.fixture(scope="module")
def model_with_trimap():
    """Alpha is the trimap, which is half where it is unknown."""
    shapes = {"image": (None, None, 3), "trimap": (None, None, 1)}
    inputs = {key: keras.Input(shape, name=key) for key, shape in shapes.items()}
    alpha = keras.layers.Lambda(lambda x: x["trimap"] + 0.0 * x["image"][..., :1])(inputs)
    return keras.Model(inputs, {"alpha": alpha}, name="gca")


def photograph(height, width):
    """BGR with red falling from left to right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = 40
    image[..., 2] = np.linspace(255, 0, width).round()
    return image


def write_oriented_jpeg(path, image, orientation):
    """Write a JPEG whose EXIF block contains only the orientation tag (0x0112)."""
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation])
    exif = b"Exif\0\0" + tiff + b"\0\0" + b"\0\0\0\0"
    data = cv2.imencode(".jpg", image)[1].tobytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])


def results(folder, name):
    return [cv2.imread(f"{folder}/{name}_{kind}.png", -1) for kind in ("alpha", "cutout")]


def test_alpha_and_cutout_of_one_photograph(model, tmp_path):
    image = photograph(64, 96)
    cv2.imwrite(f"{tmp_path}/a.png", image)
    given = dict(reference_size=64, raw_colours=True)
    assert predict(tmp_path / "a.png", tmp_path / "out", model, **given) == []
    alpha, cutout = results(tmp_path / "out", "a")
    np.testing.assert_array_equal(alpha, image[..., 2])
    np.testing.assert_array_equal(cutout, np.dstack([image, alpha]))
    assert sorted(os.listdir(tmp_path / "out")) == ["a_alpha.png", "a_cutout.png"]


def test_every_kind_of_file_in_a_folder(model, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    colour = photograph(37, 53)
    files = {
        "rgb.jpg": colour,
        "tall.png": photograph(211, 7),
        "single.bmp": photograph(1, 1),
        "rgba.png": np.dstack([colour, np.full((37, 53), 9, np.uint8)]),
        "grey.png": colour[..., 2],
        "deep.tif": colour.astype(np.uint16) * 257,
        "UPPER.PNG": colour,
        "webp.webp": colour,
    }
    for name, image in files.items():
        assert cv2.imwrite(f"{folder}/{name.lower()}", image)
    os.rename(folder / "upper.png", folder / "UPPER.PNG")
    palette = (np.arange(37 * 53) % 7).astype(np.uint8).reshape(37, 53)
    (folder / "palette.png").write_bytes(_palette_png(palette))
    (folder / ".hidden").write_text("ignored")

    for _ in range(2):  # the second replaces the results
        assert predict(folder, folder / "out", model, 64, raw_colours=True) == []
    assert len(os.listdir(folder / "out")) == 2 * (len(files) + 1)
    for name, image in files.items():
        alpha, cutout = results(folder / "out", name.split(".")[0])
        assert alpha.shape == image.shape[:2] and alpha.dtype == np.uint8
        assert cutout.shape == (*image.shape[:2], 4) and cutout.dtype == image.dtype
    for name in ("rgba", "grey", "deep", "UPPER"):
        alpha, _ = results(folder / "out", name)
        assert np.abs(alpha.astype(int) - colour[..., 2]).max() <= 3  # resized twice
    _, cutout = results(folder / "out", "palette")
    np.testing.assert_array_equal(cutout[..., 2], palette * 30)
    assert "9/9 done" in capsys.readouterr().err


def _palette_png(indices):
    """Encode a PNG with a palette, which OpenCV cannot write; colour i is (30 i, 0, 0)."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    height, width = indices.shape
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 3, 0, 0, 0])
    colours = b"".join(bytes([30 * i, 0, 0]) for i in range(8))
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    chunks = chunk(b"IHDR", header) + chunk(b"PLTE", colours) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def test_trimaps_are_matched_by_name(model_with_trimap, tmp_path, caplog):
    photos, trimaps, out = (tmp_path / name for name in ("photos", "trimaps", "out"))
    photos.mkdir(), trimaps.mkdir()
    expected = {}
    for name, size in (("a", (40, 50)), ("b", (33, 64))):
        cv2.imwrite(f"{photos}/{name}.jpg", photograph(*size))
        expected[name] = np.random.default_rng(0).choice(np.uint8([0, 128, 255]), size)
        cv2.imwrite(f"{trimaps}/{name}.png", expected[name])
    assert predict(photos, out, model_with_trimap, trimap=trimaps) == []
    for name, trimap in expected.items():
        np.testing.assert_array_equal(results(out, name)[0], trimap)
    assert not caplog.messages
    cv2.imwrite(f"{trimaps}/a.png", np.where(expected["a"] == 255, 250, expected["a"]))
    assert predict(photos, out, model_with_trimap, trimap=trimaps) == []
    np.testing.assert_array_equal(results(out, "a")[0], expected["a"])
    (line,) = caplog.messages
    assert line.startswith(f"{trimaps}/a.png: has values other than 0, 128 and 255")

    cv2.imwrite(f"{trimaps}/a.png", expected["b"])
    (trimaps / "b.png").write_text("hello")
    assert predict(photos, out, model_with_trimap, trimap=trimaps) == [
        f"{photos}/a.jpg: trimap is 33x64, but image is 40x50 (height x width); sizes must match",
        f"{trimaps}/b.png: damaged or not an image; replace or remove it",
    ]
    with pytest.raises(FileNotFoundError, match="trimap not found: .*/none"):
        predict(photos, out, model_with_trimap, trimap=tmp_path / "none")
    (trimaps / "b.png").unlink()
    with pytest.raises(ValueError, match="trimaps: no trimap for b.jpg"):
        predict(photos, out, model_with_trimap, trimap=trimaps)
    with pytest.raises(ValueError, match="gca needs a trimap in addition to the image"):
        predict(photos, tmp_path / "new", model_with_trimap)
    assert not (tmp_path / "new").exists()


def test_one_background_for_all(model_with_background, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(f"{photos}/{name}.png", photograph(8, 9))
    cv2.imwrite(f"{tmp_path}/room.png", np.full((8, 9, 3), 100, np.uint8))
    given = dict(background=tmp_path / "room.png")
    assert predict(photos, out, model_with_background, **given) == []
    expected = np.clip(photograph(8, 9)[..., 2].astype(int) - 100, 0, 255)
    for name in ("a", "b"):
        np.testing.assert_array_equal(results(out, name)[0], expected)


def test_results_follow_the_exif_orientation(model, tmp_path):
    write_oriented_jpeg(tmp_path / "turned.jpg", photograph(64, 96), orientation=6)
    predict(tmp_path / "turned.jpg", tmp_path / "out", model, reference_size=64)
    alpha, cutout = results(tmp_path / "out", "turned")
    assert alpha.shape == (96, 64) and cutout.shape == (96, 64, 4)
    assert alpha[:8].mean() > 230 and alpha[-8:].mean() < 25  # the left side is now at the top


def test_damaged_files_are_reported_and_others_written(model, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    cv2.imwrite(f"{folder}/good.jpg", photograph(40, 50))
    whole = cv2.imencode(".jpg", photograph(400, 500))[1].tobytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("hello")
    problems = predict(folder, out, model, reference_size=64)
    assert [p.split(":")[0] for p in problems] == [
        f"{folder}/{n}" for n in ("cut.jpg", "empty.png", "text.png")
    ]
    assert sorted(os.listdir(out)) == ["good_alpha.png", "good_cutout.png"]


def test_problems_are_reported_before_writing(tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    with pytest.raises(FileNotFoundError, match="photos"):
        find_photographs(folder, out)
    folder.mkdir()
    with pytest.raises(ValueError, match="no images in"):
        find_photographs(folder, out)
    for name in ("a.jpg", "a.png", "b.png"):
        cv2.imwrite(f"{folder}/{name}", photograph(8, 8))
    with pytest.raises(ValueError, match="photos/a.jpg, .*photos/a.png: .* the same name"):
        find_photographs(folder, out)
    with pytest.raises(ValueError, match="use another folder"):
        find_photographs(folder, folder)
    with pytest.raises(ValueError, match="use another folder"):
        find_photographs(folder / "b.png", folder)
    with pytest.raises(NotADirectoryError, match="a.jpg is a file"):
        find_photographs(folder / "b.png", folder / "a.jpg")
    with pytest.raises(NotADirectoryError, match="out.png is not a folder"):
        find_photographs(folder / "b.png", tmp_path / "out.png")


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "keras_matting.predict", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
    )


def test_errors_of_the_command_are_one_line(tmp_path):
    cv2.imwrite(f"{tmp_path}/a.png", photograph(8, 8))
    out = tmp_path / "out"
    for arguments, sentence in [
        ((), "specify INPUT and an OUTPUT"),
        ((f"{tmp_path}/a.png", out, "--network=none"), "unknown pretrained network 'none'"),
        ((f"{tmp_path}/a.png", out, "--model=gca"), "specify --model together with --weights"),
        ((f"{tmp_path}/a.png", out, "--network=portrait", "--tflite=x"), "both specify a model"),
        ((f"{tmp_path}/a.png", out, "--tflite", "none.tflite"), "file not found: none.tflite"),
        ((f"{tmp_path}/b.png", out, "--tflite", "none.tflite"), f"{tmp_path}/b.png"),
        ((f"{tmp_path}/a.png", out, "--tflite", "x", "--option", "a=1"), "apply to --model only"),
        ((f"{tmp_path}/a.png", out, "--model=gca", "--weights=x", "--option=a"), "name=value"),
    ]:
        done = run(*arguments)
        assert done.returncode == 1
        assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_the_command_with_a_model_and_its_weights(tmp_path):
    from keras_matting.models import create_model

    model = create_model("modnet_mobilenetv2_mobile", (None, None, 3), width=0.25)
    model.save_weights(tmp_path / "small.weights.h5")
    cv2.imwrite(f"{tmp_path}/a.png", photograph(45, 70))
    (tmp_path / "photos").mkdir()
    os.rename(tmp_path / "a.png", tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "bad.png").write_text("hello")
    done = run(
        tmp_path / "photos", tmp_path / "out", "--model", "modnet_mobilenetv2_mobile",
        "--weights", tmp_path / "small.weights.h5", "--width", "0.25", "--size", "64",
    )  # fmt: skip
    assert done.returncode == 1 and "bad.png: damaged" in done.stderr.splitlines()[-1]
    alpha, cutout = results(tmp_path / "out", "a")
    assert alpha.shape == (45, 70) and cutout.shape == (45, 70, 4)


def test_the_command_with_a_background_and_options(tmp_path):
    from keras_matting.models import create_model

    model = create_model("bgmv2_mobilenetv2", (None, None, 3))
    model.save_weights(tmp_path / "small.weights.h5")
    for name in ("a", "room"):
        cv2.imwrite(f"{tmp_path}/{name}.png", photograph(45, 70))
    done = run(
        tmp_path / "a.png", tmp_path / "out", "--model", "bgmv2_mobilenetv2",
        "--weights", tmp_path / "small.weights.h5", "--background", tmp_path / "room.png",
        "--option", "refine_mode=sampling", "--option", "refine_sample_pixels=160",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "out", "a")[0].shape == (45, 70)


def test_bisenetv2_is_built_with_two_classes(tmp_path):
    from keras_matting.models import create_model

    path = tmp_path / "people.weights.h5"
    create_model("bisenetv2", (None, None, 3), num_classes=2).save_weights(path)
    given = dict(model="bisenetv2", weights=str(path), width=None, option=[], tflite=None)
    assert "alpha" in load_model(SimpleNamespace(**given)).output


def test_without_a_network_the_shipped_one_cuts_people_out(tmp_path):
    astronaut = Path(skimage.__path__[0], "data", "astronaut.png")
    done = run(astronaut, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    cutout = cv2.imread(str(tmp_path / "out" / "astronaut_cutout.png"), cv2.IMREAD_UNCHANGED)
    assert cutout.shape == (512, 512, 4)
    assert cutout[100, 220, 3] > 240 and cutout[150, 320, 3] < 15  # her face, the wall beside it
