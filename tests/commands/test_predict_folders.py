"""`predict` on what people have: mixed folders, pipes, odd files, repeated runs; and `evaluate`."""

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
import tensorflow as tf
from absl import flags
from PIL import Image
from tensorflow import keras

from keras_matting import photograph_files
from keras_matting.commands import model_flags
from keras_matting.commands.predict import default_network, default_outputs, further_inputs
from keras_matting.inference import folders
from keras_matting.inference.folders import find_photographs, predict
from keras_matting.metrics.evaluation import evaluate


@pytest.fixture(scope="module")
def model():
    """Alpha is the red channel."""
    image = keras.Input((None, None, 3), name="image")
    return keras.Model({"image": image}, {"alpha": image[..., :1]}, name="bgmv2_base_red")


@pytest.fixture
def photos(tmp_path):
    """Two photographs, one of them in a sub-folder, among other files."""
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for name, red in (("a.png", 200), ("inner/b.png", 100)):
        Image.new("RGB", (12, 8), (red, 50, 60)).save(folder / name)
    for name in ("Thumbs.db", "notes.txt", "moving.gif", ".hidden"):
        (folder / name).write_text("")
    return folder


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_other_files_are_skipped_and_named_in_one_line(model, photos, tmp_path, caplog):
    assert predict(photos, tmp_path / "out", model) == []
    assert written(tmp_path / "out") == ["a_alpha.png", "a_cutout.png"]
    assert caplog.messages == [
        "skipped: inner, Thumbs.db, moving.gif, notes.txt (not image files; --recursive includes "
        "folders)"
    ]


def test_recursive_keeps_the_tree(model, photos, tmp_path):
    out = photos / "out"  # inside: its own results are no photographs
    for _ in range(2):
        assert predict(photos, out, model, recursive=True, outputs=["alpha"]) == []
        assert written(out) == ["a_alpha.png", "inner/b_alpha.png"]


def test_several_inputs(model, photos, tmp_path):
    sources = [photos / "inner" / "b.png", photos]
    assert predict(sources, tmp_path / "out", model, outputs=["alpha"]) == []
    assert written(tmp_path / "out") == ["a_alpha.png", "b_alpha.png"]
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="photos/a.png, .*a.jpg: their results would have the"):
        predict([photos, tmp_path / "a.jpg"], tmp_path / "new", model)
    assert not (tmp_path / "new").exists()


def test_nothing_to_do_is_an_error(photos, tmp_path):
    (photos / "a.png").unlink()
    with pytest.raises(ValueError, match="^no images in .*photos .*; see --recursive$"):
        find_photographs(photos, tmp_path / "out")


def test_results_that_exist_are_left_out(model, photos, tmp_path, caplog):
    given = dict(recursive=True, outputs=["alpha"], skip_existing=True)
    predict(photos / "a.png", tmp_path / "out", model, outputs=["alpha"])
    (tmp_path / "out" / "a_alpha.png").write_text("mine")
    assert predict(photos, tmp_path / "out", model, **given) == []
    assert (tmp_path / "out" / "a_alpha.png").read_text() == "mine"
    assert written(tmp_path / "out") == ["a_alpha.png", "inner/b_alpha.png"]
    assert caplog.messages[0] == "left out, results exist: 1 of 2 photographs"


@pytest.mark.parametrize(("format", "suffix"), [("png", "png"), ("webp", "webp"), ("tiff", "tif")])
def test_outputs_and_formats(model, photos, tmp_path, format, suffix):
    outputs = ["alpha", "cutout", "foreground"]
    given = dict(outputs=outputs, format=format, raw_colours=True)
    assert predict(photos / "a.png", tmp_path / "out", model, **given) == []
    expected = {"alpha": (200,), "cutout": (200, 50, 60, 200), "foreground": (200, 50, 60)}
    assert written(tmp_path / "out") == [f"a_{output}.{suffix}" for output in outputs]
    for output, colour in expected.items():
        found = np.atleast_3d(Image.open(tmp_path / "out" / f"a_{output}.{suffix}"))
        if (format, output) == ("webp", "alpha"):  # WebP has no greyscale
            found = found[..., :1]
        assert found.shape == (8, 12, len(colour))
        assert np.abs(found[4, 5] - np.array(colour)).max() < 5


def test_the_background_is_taken_out_of_the_colours(model, tmp_path):
    ramp = np.linspace(0, 1, 64)[None, :, None].repeat(32, 0)
    # red over blue, and alpha is the red channel
    image = np.rint(ramp * (255, 0, 0) + (1 - ramp) * (0, 0, 200)).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    blue = []
    for raw in (True, False):
        predict(tmp_path / "a.png", tmp_path / "out", model, raw_colours=raw)
        cutout = np.asarray(Image.open(tmp_path / "out" / "a_cutout.png"))
        blue.append(cutout[16, 32:60, 2].mean())
    assert blue[1] < blue[0] / 2


def test_composites(tmp_path, wide_profile):
    class Left:
        """A network that takes the left half for the subject."""

        name, output = "bgmv2_base_left", {"alpha": None}
        input = {"image": tf.TensorSpec((1, None, None, 3))}

        def __call__(self, inputs, training):
            alpha = np.zeros((*inputs["image"].shape[:3], 1), np.float32)
            alpha[:, :, : alpha.shape[2] // 2] = 1
            return {"alpha": alpha}

    image = np.full((16, 32, 3), (200, 50, 60), np.uint8)
    image[:, 16:] = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
    Image.fromarray(image).save(tmp_path / "a.png", icc_profile=wide_profile)
    Image.new("RGB", (5, 9), (180, 120, 90)).save(tmp_path / "room.png")
    given = dict(outputs=["composite"])
    for onto in ("#b4785a", str(tmp_path / "room.png")):
        assert predict(tmp_path / "a.png", tmp_path / "out", Left(), onto=onto, **given) == []
        found = photograph_files.read(tmp_path / "out" / "a_composite.png")
        np.testing.assert_array_equal(found.pixels[:, :16], image[:, :16])  # its own colours
        behind = found.in_srgb()[:, 16:].astype(int)  # sRGB, in the photograph's profile
        assert np.abs(behind - (180, 120, 90)).max() <= 1
    predict(tmp_path / "a.png", tmp_path / "out", Left(), onto="blur", **given)
    found = photograph_files.read(tmp_path / "out" / "a_composite.png").pixels[:, 17:]
    assert found.std() < image[:, 17:].std() and np.abs(found.mean() - image[:, 17:].mean()) < 25
    with pytest.raises(ValueError, match="^background mauve is no colour"):
        predict(tmp_path / "a.png", tmp_path / "new", Left(), onto="mauve", **given)
    with pytest.raises(ValueError, match="pass --onto"):
        predict(tmp_path / "a.png", tmp_path / "new", Left(), **given)
    assert not (tmp_path / "new").exists()


def test_16_bits_profile_and_resolution(model, tmp_path, wide_profile):
    image = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)
    cv2.imwrite(f"{tmp_path}/deep.png", image)
    Image.new("RGB", (32, 32), (230, 40, 60)).save(
        tmp_path / "wide.png", icc_profile=wide_profile, dpi=(300, 300)
    )
    for name in ("deep", "wide"):
        predict(tmp_path / f"{name}.png", tmp_path / "out", model, raw_colours=True)
    deep = photograph_files.read(tmp_path / "out" / "deep_cutout.png")
    np.testing.assert_array_equal(deep.pixels, image[..., ::-1])
    assert deep.alpha.dtype == np.uint16
    wide = photograph_files.read(tmp_path / "out" / "wide_cutout.png")
    assert wide.profile == wide_profile and wide.dpi == pytest.approx((300, 300), rel=1e-4)
    seen = photograph_files.read(tmp_path / "wide.png").in_srgb()[0, 0, 0]
    assert wide.alpha[0, 0] == seen != 230  # the network saw sRGB


def test_own_alpha_and_metadata_are_kept_on_request(model, tmp_path):
    exif = Image.Exif()
    exif[271] = "Maker"
    Image.new("RGBA", (8, 8), (200, 50, 60, 51)).save(tmp_path / "a.png", exif=exif)
    for keep in (False, True):
        given = dict(keep_alpha=keep, keep_metadata=keep)
        predict(tmp_path / "a.png", tmp_path / "out", model, **given)
        found = photograph_files.read(tmp_path / "out" / "a_cutout.png")
        assert (found.alpha == (40 if keep else 200)).all()
        assert bool(found.exif) == keep


class Hungry:
    """A network that runs out of memory for more than 100 pixels."""

    name = "bgmv2_base_hungry"
    input = {"image": tf.TensorSpec((1, None, None, 3))}
    output = {"alpha": None}

    def __call__(self, inputs, training):
        if inputs["image"].size > 300:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
        return {"alpha": inputs["image"][..., :1]}


def test_one_photograph_does_not_end_the_folder(tmp_path):
    for name, side in (("a", 8), ("b_large", 20), ("b" * 246, 8), ("c", 8)):
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    problems = predict(tmp_path, tmp_path / "out", Hungry(), outputs=["alpha"])
    assert problems == [
        f"{tmp_path}/b_large.png: needs more memory than there is; scale it down",
        f"{tmp_path}/{'b' * 246}.png: its results cannot be written (File name too long)",
    ]
    assert written(tmp_path / "out") == ["a_alpha.png", "c_alpha.png"]


@pytest.mark.parametrize("size", [(1, 1), (60_000, 1), (1, 9000), (60_000, 40)])
def test_extreme_sizes(size, tmp_path, model):
    import keras_matting

    Image.new("RGB", size, (9, 9, 9)).save(tmp_path / "a.png")
    network = keras_matting.load("portrait")
    assert predict(tmp_path / "a.png", tmp_path / "out", network) == []
    assert Image.open(tmp_path / "out" / "a_cutout.png").size == size


def test_evaluate_scores_what_predict_wrote(model, photos, tmp_path):
    (tmp_path / "alphas").mkdir()
    Image.new("L", (12, 8), 190).save(tmp_path / "alphas" / "a.png")
    (tmp_path / "alphas" / "Thumbs.db").write_text("")
    every = dict(outputs=["alpha", "cutout", "foreground", "composite"], onto="white")
    for name, given in (("all", every), ("cutouts", dict(outputs=["cutout"]))):
        for _ in range(2):
            predict(photos, tmp_path / name, model, **given)
        for pair in ((name, "alphas"), ("alphas", name)):
            scores = evaluate(*(tmp_path / folder for folder in pair), processes=1)
            assert list(scores) == ["a"] and scores["a"]["mad"] == pytest.approx(10 / 255)
    scores = evaluate(tmp_path / "all", tmp_path / "all", processes=1)
    assert list(scores) == ["a_alpha"] and scores["a_alpha"]["mad"] == 0


def test_a_trimap_made_from_the_portrait_network(tmp_path):
    class Spy:
        """A network whose alpha is the trimap."""

        name, output = "gca", {"alpha": None}
        input = {k: tf.TensorSpec((1, None, None, c)) for k, c in (("image", 3), ("trimap", 1))}

        def __call__(self, inputs, training):
            return {"alpha": inputs["trimap"]}

    person = Path(skimage.__path__[0], "data", "astronaut.png")
    assert predict(person, tmp_path, Spy(), trimap="auto", outputs=["alpha"]) == []
    alpha = np.asarray(Image.open(tmp_path / "astronaut_alpha.png"))
    assert set(np.unique(alpha)) == {0, 128, 255}
    assert (alpha[100, 220], alpha[30, 480]) == (255, 0)


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {"trimap": "auto"}),
        ({"network": "portrait"}, {}),
        ({"tflite": "a.tflite"}, {}),
        ({"background": "room.jpg"}, {"background": "room.jpg"}),
        ({"trimap": "trimaps"}, {"trimap": "trimaps"}),
    ],
)
def test_edges_are_refined_unless_a_network_is_named(given, expected):
    options = flags.FlagValues()
    for name in ("network", "model", "tflite", "trimap", "background"):
        flags.DEFINE_string(name, given.get(name), "", flag_values=options)
    assert further_inputs(options) == expected


def test_a_background_is_aligned_on_request(tmp_path, monkeypatch):
    class Difference:
        """A network whose alpha is the red of the background."""

        name, output = "bgmv2_base_red", {"alpha": None}
        input = {k: tf.TensorSpec((1, None, None, 3)) for k in ("image", "background")}

        def __call__(self, inputs, training):
            return {"alpha": inputs["background"][..., :1]}

    monkeypatch.setattr(folders, "align_background", lambda image, background: 255 - background)
    for name, red in (("a", 90), ("room", 100)):
        Image.new("RGB", (8, 8), (red, 0, 0)).save(tmp_path / f"{name}.png")
    given = dict(background=tmp_path / "room.png", outputs=["alpha"])
    for align, expected in ((False, 100), (True, 155)):
        assert (
            predict(tmp_path / "a.png", tmp_path / "out", Difference(), align=align, **given) == []
        )
        assert Image.open(tmp_path / "out" / "a_alpha.png").getpixel((3, 3)) == expected


def test_default_outputs():
    assert default_outputs("folder", None) == ("alpha", "cutout")
    assert default_outputs("folder", "white") == ["alpha", "cutout", "composite"]
    assert (default_outputs("-", None), default_outputs("-", "blur")) == (["cutout"], ["composite"])


def test_default_networks():
    assert default_network({}) == "portrait"
    assert default_network({"trimap": "t"}) == "trimap"
    assert default_network({"background": "b"}) == "captured_background"


def test_a_network_that_does_not_ship_is_named(monkeypatch):
    monkeypatch.setattr(model_flags, "networks", dict)
    options = flags.FlagValues()
    for name in model_flags.GROUP:
        flags.DEFINE_string(name, None, "", flag_values=options)
    options.mark_as_parsed()
    with pytest.raises(ValueError, match="^the network trimap does not ship with this version"):
        model_flags.check_model_flags(options, "trimap")


def run(*arguments, **options):
    command = [sys.executable, "-m", "keras_matting", "predict", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, **options)


def test_standard_input_and_output(photos, tmp_path):
    done = run("-", "-", input=(photos / "a.png").read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert Image.open(io.BytesIO(done.stdout)).mode == "RGBA"
    done = run("-", "-", input=b"hello")
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr == b"-: damaged or not an image; replace or remove it\n"
    done = run(photos, "-", "--recursive")
    assert done.returncode == 1 and b"standard output takes one result of one" in done.stderr
