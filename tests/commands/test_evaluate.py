"""Scores of folders equal the MATLAB evaluation's, and bad files are reported."""

import csv
import json
import math
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tensorflow import keras

from keras_matting.commands.evaluate import predict_and_evaluate
from keras_matting.metrics.evaluation import evaluate, means, table

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics"
RECORDED = json.loads((GOLDEN / "metrics.json").read_text())["pairs"]
FOLDERS = {"prediction": "pred", "alpha": "gt", "trimap": "trimap"}


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """Folders prediction, alpha and trimap with the recorded pairs of mattes."""
    root = tmp_path_factory.mktemp("pairs of mattes")
    with np.load(GOLDEN / "pairs.npz") as arrays:
        for kind, key in FOLDERS.items():
            (root / kind).mkdir()
            for name in sorted(RECORDED, reverse=kind == "alpha"):
                assert cv2.imwrite(f"{root}/{kind}/{name}.png", arrays[f"{name}.{key}"])
    return root


@pytest.fixture
def folders(tmp_path):
    """Four small images, one of them with a non-ASCII name."""
    random = np.random.default_rng(0)
    for kind in FOLDERS:
        (tmp_path / kind).mkdir()
        for name in ("a", "b 2", "ü", "z.1"):
            values = random.integers(0, 256, (11, 13))
            values = 128 * (values // 86) - values // 172 if kind == "trimap" else values
            write(tmp_path / kind / f"{name}.png", values)
    return tmp_path


def write(path, values):
    path.write_bytes(cv2.imencode(path.suffix, np.uint8(values))[1].tobytes())


def scored(root, trimap=True, processes=1, **options):
    trimap = root / "trimap" if trimap else None
    return evaluate(root / "prediction", root / "alpha", trimap, processes=processes, **options)


def refusals(root):
    with pytest.raises(ValueError) as caught:
        scored(root)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("region", ["", "_whole"])
def test_equals_the_matlab_evaluation(golden, region):
    scores = scored(golden, trimap=not region)
    assert list(scores) == sorted(RECORDED)
    for name, row in scores.items():
        recorded = RECORDED[name][f"dim_matlab{region}_double_accumulation"]
        for metric in ("sad", "mse", "grad", "conn"):
            expected = float(recorded[metric])
            assert row[metric] == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True), name


def test_more_processes_give_the_same_numbers(golden):
    expected, scores = scored(golden), scored(golden, processes=2)
    assert list(scores) == list(expected)
    for name, row in expected.items():
        np.testing.assert_equal(scores[name], row)


def test_known_pixels_overwritten_as_paddleseg_does(golden):
    scores = scored(golden, overwrite_known=True)
    # except where PaddleSeg picks another of two equal components, or defines an empty mean as 0
    for name in set(RECORDED) - {"edge_tie", "empty_unknown"}:
        recorded = RECORDED[name]["paddleseg_trimap"]
        for metric in ("sad", "mse", "grad", "conn"):
            expected = pytest.approx(float(recorded[metric]), rel=1e-6, abs=1e-9)
            assert scores[name][metric] == expected, (name, metric)
    assert scores["shift_cut"]["grad"] < 0.8 * scored(golden)["shift_cut"]["grad"]


def test_regions_of_the_trimap(tmp_path):
    """Errors of 50/255, 25/255 and 51/255, 0 in foreground, transition and two of background."""
    rows = {"alpha": [255, 128, 0, 0], "prediction": [205, 153, 51, 0], "trimap": [255, 128, 0, 0]}
    for kind, values in rows.items():
        (tmp_path / kind).mkdir()
        write(tmp_path / kind / "a.png", [values])
    row = scored(tmp_path, regions=True)["a"]
    assert row["sad"] == pytest.approx((50 + 25 + 51) / 255_000)
    assert row["mad"] == pytest.approx((50 + 25 + 51) / 255 / 4)
    for region, error, count in (
        ("foreground", 50, 1),
        ("transition", 25, 1),
        ("background", 51, 2),
    ):
        assert row[f"sad_{region}"] == pytest.approx(error / 255_000)
        assert row[f"mse_{region}"] == pytest.approx((error / 255) ** 2 / count)
        assert row[f"mad_{region}"] == pytest.approx(error / 255 / count)
    text = table({"a": row}, "whole")
    assert "mean of the background: SAD 0.0002, MSE 0.020000, MAD 0.100000" in text
    with pytest.raises(ValueError, match="specify their folder"):
        scored(tmp_path, trimap=False, regions=True)


def test_means_exclude_undefined_values_and_say_so():
    row = dict(sad=2.0, mse=0.2, mad=0.4, grad=1.0, conn=3.0)
    nothing = dict(sad=0.0, mse=math.nan, mad=math.nan, grad=0.0, conn=0.0)
    assert means({"a": row, "b": nothing}) == dict(sad=1.0, mse=0.2, mad=0.4, grad=0.5, conn=1.5)
    assert math.isnan(means({"b": nothing})["mse"])
    lines = table({"a": row, "long name": nothing}, "unknown").splitlines()
    assert lines[:5] == [
        "image         SAD       MSE       MAD    Grad    Conn",
        "a          2.0000  0.200000  0.400000  1.0000  3.0000",
        "long name  0.0000       nan       nan  0.0000  0.0000",
        "-----------------------------------------------------",
        "mean       1.0000  0.200000  0.400000  0.5000  1.5000",
    ]
    assert "over 1 images, without 1 that have no unknown pixels" in lines[-1]
    assert "without" not in table({"a": row}, "unknown")


def test_all_bad_files_are_reported_before_anything_is_scored(folders, capsys):
    prediction, alpha, trimap = (folders / kind for kind in FOLDERS)
    (prediction / "a.png").unlink()
    write(prediction / "extra.png", np.zeros((11, 13)))
    write(alpha / "b 2.png", np.zeros((13, 11)))
    (trimap / "z.1.png").unlink()
    write(trimap / "ü.png", np.arange(143).reshape(11, 13))
    assert refusals(folders) == [
        f"{alpha}/a.png: no matching file in {prediction}; add it or remove this one",
        f"{prediction}/extra.png: no matching file in {alpha}, {trimap}; add it or remove this one",
        f"{prediction}/z.1.png: no matching file in {trimap}; add it or remove this one",
        f"{prediction}/b 2.png: 11x13 pixels, but {alpha}/b 2.png has 13x11 (height x width); "
        "replace one",
        f"{trimap}/b 2.png: 11x13 pixels, but {alpha}/b 2.png has 13x11 (height x width); "
        "replace one",
        f"{trimap}/ü.png: is not a trimap, more than a tenth of its pixels is far from 0, 128 and "
        "255",
    ]
    assert "scored" not in capsys.readouterr().err


def test_files_that_are_no_mattes_are_reported(folders):
    alpha, trimap = folders / "alpha", folders / "trimap"
    colour = np.zeros((11, 13, 3), np.uint8)
    colour[5, 5] = 0, 0, 1
    write(alpha / "a.png", colour)
    write(alpha / "b 2.png", np.eye(11, 13))
    write(trimap / "b 2.png", np.zeros((11, 13, 4)))
    whole = (alpha / "ü.png").read_bytes()
    (alpha / "ü.png").write_bytes(whole[:-20])
    Image.fromarray(np.eye(11, 13, dtype=np.uint8)).convert("P").save(alpha / "z.1.png")
    with Image.open(alpha / "z.1.png") as image:
        image.putpalette([0, 0, 0, 192, 128, 128])
        image.save(alpha / "z.1.png")
    assert [line.removeprefix(f"{folders}/") for line in refusals(folders)] == [
        "alpha/a.png: is in colour; save it as greyscale",
        "trimap/b 2.png: has an alpha channel; save it as greyscale without one",
        "alpha/b 2.png: its largest value is 1, but alphas reach from 0 to 255; make a matte of "
        "it, or remove it",
        "alpha/z.1.png: has a palette of label colours; make a mask of 0 and 255",
        "alpha/ü.png: damaged or not an image; replace or remove it",
    ]


@pytest.mark.parametrize("kind", ["alpha", "prediction"])
@pytest.mark.parametrize("low, high", [(0, 127), (16, 235)])
def test_mattes_on_another_scale_are_reported(folders, kind, low, high):
    for path in (folders / kind).iterdir():
        values = cv2.imdecode(np.fromfile(path, np.uint8), -1).astype(float)
        stretched = (values - values.min()) / np.ptp(values)
        write(path, np.rint(low + stretched * (high - low)))
    (line,) = refusals(folders)
    assert line.startswith(f"the mattes in {folders / kind} cannot be scored")
    assert str(high) in line and line.endswith("rescale them")


def test_16_bits_are_exact_and_of_cut_outs_the_alpha_is_scored(folders, caplog):
    expected = scored(folders)
    assert not caplog.messages
    deep, cutout = folders / "alpha" / "a.png", folders / "prediction" / "ü.png"
    values = cv2.imread(str(deep), -1)
    cv2.imwrite(str(deep), values.astype(np.uint16) * 257)
    values = cv2.imdecode(np.fromfile(cutout, np.uint8), -1)
    write(cutout, np.dstack([np.zeros((11, 13, 3)), values]))
    assert scored(folders) == expected
    assert caplog.messages == [
        f"{deep}: 16 bits are scaled to [0, 1]",
        f"{cutout}: is a cut-out, its alpha channel is used",
    ]
    cv2.imwrite(str(deep), np.where(values < 128, 128, values).astype(np.uint16) * 257 + 128)
    assert scored(folders)["a"] != expected["a"]  # half a level above
    overwritten = scored(folders, overwrite_known=True)
    cv2.imwrite(str(folders / "prediction" / "a.png"), _stretched(folders / "prediction" / "a.png"))
    assert scored(folders, overwrite_known=True) == overwritten


def _stretched(path):
    return cv2.imread(str(path), -1).astype(np.uint16) * 257


def test_names_match_in_any_unicode_form(folders):
    path = folders / "alpha" / "ü.png"
    os.rename(path, path.with_name(unicodedata.normalize("NFD", "ü.png")))
    assert list(scored(folders)) == ["a", "b 2", "z.1", "ü"]


def test_missing_empty_and_ambiguous_folders_are_reported(folders):
    for path in (folders / "prediction").iterdir():
        path.unlink()
    write(folders / "alpha" / "a.bmp", np.zeros((11, 13)))
    (folders / "alpha" / "notes.txt").write_text("")
    os.rename(folders / "trimap", folders / "elsewhere")
    empty, odd, twins, missing = refusals(folders)
    assert empty.startswith("no images in") and "prediction" in empty
    assert odd.startswith("notes.txt in") and "alpha: not an image file" in odd
    assert twins.startswith("a.bmp, a.png in") and "same name" in twins
    assert missing == f"folder not found: {folders}/trimap"


def test_other_formats_and_hidden_files(folders):
    expected = scored(folders)
    for path in (folders / "alpha").iterdir():
        values = cv2.imdecode(np.fromfile(path, np.uint8), -1)
        path.unlink()
        write(path.with_suffix(".tif"), np.dstack([values] * 3))  # three equal channels
    (folders / "alpha" / ".DS_Store").write_text("")
    assert scored(folders) == expected


def test_predictions_are_saved_and_scored_alike(folders):
    (folders / "image").mkdir()
    for path in (folders / "prediction").iterdir():
        values = cv2.imdecode(np.fromfile(path, np.uint8), -1)
        write(folders / "image" / path.name, np.dstack([values] * 3))
    image, trimap = keras.Input((16, 16, 3), name="image"), keras.Input((16, 16, 1), name="trimap")
    alpha = keras.layers.Lambda(lambda x: x[0][..., :1] + 0.0 * x[1])([image, trimap])
    given = {kind: folders / kind for kind in ("image", "alpha", "trimap")}
    model = keras.Model({"image": image}, {"alpha": image[..., :1]}, name="grey")
    save = folders / "new" / "mattes"
    scores = predict_and_evaluate(model, given, save, processes=1)
    assert scores == evaluate(save, folders / "alpha", folders / "trimap", processes=1)
    model = keras.Model({"image": image, "trimap": trimap}, {"alpha": alpha}, name="with_trimap")
    overwritten = predict_and_evaluate(model, given, save, processes=1)
    assert overwritten.keys() == scores.keys()
    known = cv2.imdecode(np.fromfile(folders / "trimap" / "ü.png", np.uint8), -1)
    saved = cv2.imdecode(np.fromfile(save / "ü.png", np.uint8), -1)
    np.testing.assert_array_equal(saved[known != 128], known[known != 128])
    with pytest.raises(ValueError, match="with_trimap needs a trimap in addition to the image"):
        predict_and_evaluate(model, {k: given[k] for k in ("image", "alpha")}, processes=1)
    with pytest.raises(ValueError, match="with_trimap takes no background"):
        predict_and_evaluate(model, given | {"background": folders / "image"}, processes=1)


def run(*arguments):
    command = [sys.executable, "-m", "keras_matting.evaluate", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_command_writes_table_csv_and_json(folders):
    write(folders / "trimap" / "a.png", np.zeros((11, 13)))
    for kind in FOLDERS:
        os.rename(folders / kind / "b 2.png", folders / kind / os.fsdecode(b"\xff.png"))
    given = [f"--{kind}={folders / kind}" for kind in FOLDERS]
    results = folders / "scores.csv", folders / "scores.json"
    done = run(*given, f"--csv={results[0]}", f"--json={results[1]}", "--processes=2")
    assert done.returncode == 0, done.stderr
    expected = scored(folders)
    rows = results[0].read_text(errors="surrogateescape").splitlines()
    rows = list(csv.DictReader(rows))
    assert [row.pop("name") for row in rows] == list(expected)
    for row, (name, values) in zip(rows, expected.items(), strict=True):
        np.testing.assert_equal({k: float(v) for k, v in row.items()}, values, name)
    content = json.loads(results[1].read_text())
    assert content["mean"] == means(expected) and content["region"] == "unknown"
    assert content["without_unknown_pixels"] == ["a"]
    assert content["images"]["a"]["mse"] is None
    assert content["images"]["ü"] == expected["ü"]
    assert done.stdout == table(expected, "unknown").replace("\udcff", "\\udcff") + "\n"
    assert "4/4 scored" in done.stderr
    assert {p.name for p in folders.iterdir()} == {*FOLDERS, "scores.csv", "scores.json"}


def test_errors_of_the_command_are_one_line(folders):
    pair = [f"--{kind}={folders / kind}" for kind in ("prediction", "alpha")]
    model = ["--model=modnet_mobilenetv2", "--weights=none.weights.h5", pair[1]]
    for arguments, sentence in [
        ([], "specify --prediction, --model or --tflite"),
        (pair[:1], "specify --alpha"),
        ([*pair, "--size=64", f"--image={folders}"], "leave out --size, --image"),
        ([*pair, "--overwrite_known"], "--overwrite_known needs --trimap"),
        ([*pair, f"--csv={folders}/none/a.csv"], "cannot write"),
        ([*pair, "more"], "unexpected argument more"),
        (model, "specify --image"),
        ([*model, f"--image={folders / 'alpha'}", f"--save={folders / 'alpha'}"], "use another"),
        ([*model, f"--image={folders / 'alpha'}", "--option=a"], "invalid option 'a'"),
    ]:
        done = run(*arguments)
        assert done.returncode == 1 and done.stdout == ""
        assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_the_command_with_a_model(folders):
    from keras_matting.models import create_model

    weights, save = folders / "small.weights.h5", folders / "saved"
    create_model("modnet_mobilenetv2_mobile", (None, None, 3), width=0.25).save_weights(weights)
    model = ["--model=modnet_mobilenetv2_mobile", f"--weights={weights}", "--width=0.25"]
    given = [f"--alpha={folders / 'alpha'}", f"--trimap={folders / 'trimap'}"]
    predicted = run(
        *model, *given, "--size=64", f"--image={folders / 'prediction'}", f"--save={save}"
    )
    assert predicted.returncode == 0, predicted.stderr
    assert sorted(p.name for p in save.iterdir()) == ["a.png", "b 2.png", "z.1.png", "ü.png"]
    seen = "modnet_mobilenetv2_mobile saw photographs at a side of 64 pixels, published is 512.\n"
    assert predicted.stdout == run(*given, f"--prediction={save}").stdout + seen


def test_tensorflow_is_not_imported():
    code = "import sys, keras_matting.commands.evaluate; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
