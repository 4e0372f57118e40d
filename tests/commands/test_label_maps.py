"""`evaluate --labels` and `predict` of networks with classes, through their functions."""

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_matting import image_files
from keras_matting.commands import evaluate_labels
from keras_matting.inference import label_folders, labels
from keras_matting.models import create_model


class Colours:
    """A network with three classes: the largest channel of a pixel is its class."""

    output = {"semantic": np.zeros((1, 1, 1, 3))}

    def __init__(self):
        self.seen = []

    def __call__(self, inputs, training):
        self.seen.append(inputs["image"].shape[1:3])
        return {"semantic": inputs["image"]}


class Streets(Colours):
    """The same with the classes of Cityscapes."""

    output = {"semantic": np.zeros((1, 1, 1, 19))}

    def __call__(self, inputs, training):
        image = super().__call__(inputs, training)["semantic"]
        return {"semantic": np.pad(image, [(0, 0)] * 3 + [(0, 16)])}


def picture(folder, name, classes):
    """Write a picture of 64x96 whose halves have these classes; return the label map."""
    (folder / "image").mkdir(parents=True, exist_ok=True)
    found = np.repeat(np.uint8(classes), 48)[None].repeat(64, 0)
    image = 200 * np.eye(3, dtype=np.uint8)[found]
    assert cv2.imwrite(str(folder / "image" / f"{name}.png"), image[..., ::-1])
    return found


def test_predict_writes_palettes_and_overlays(tmp_path):
    true = picture(tmp_path, "a", [2, 0])
    out = tmp_path / "out"
    assert label_folders.predict(tmp_path / "image", out, Colours()) == []
    np.testing.assert_array_equal(image_files.read_labels(out / "a_labels.png"), true)
    colours = np.array(Image.open(out / "a_labels.png").convert("RGB"))
    np.testing.assert_array_equal(colours[0, [0, -1]], [[0, 128, 0], [0, 0, 0]])  # as PASCAL VOC
    shown = image_files.read_photograph(out / "a_overlay.png")
    np.testing.assert_array_equal(shown[0, [0, -1]], [[0, 64, 100], [100, 0, 0]])


def test_scores_of_a_model_and_of_what_predict_wrote(tmp_path):
    """One pixel in eight of class 1 is labelled 2, another ignored: 6/7, and 8/9 of 2."""
    (tmp_path / "labels").mkdir()
    found = picture(tmp_path, "a", [1, 2])
    found[:8, :48], found[8:16, :48] = 2, 255
    cv2.imwrite(str(tmp_path / "labels" / "a.png"), found)
    places = str(tmp_path / "labels"), str(tmp_path / "image"), str(tmp_path / "saved")
    scores = evaluate_labels.score_model(Colours(), *places)
    found = list(scores.classes.values())
    assert found == pytest.approx([np.nan, 6 / 7, 8 / 9], nan_ok=True) and scores.pictures == 1
    assert scores.miou == pytest.approx((6 / 7 + 8 / 9) / 2)
    again = evaluate_labels.score_folder(places[2], places[0])
    assert again.classes["1"] == scores.classes["1"] and again.miou == scores.miou
    (tmp_path / "labels" / "b.png").write_bytes((tmp_path / "labels" / "a.png").read_bytes())
    with pytest.raises(ValueError, match="saved has no file for b; add it"):
        evaluate_labels.score_folder(places[2], places[0])


def test_cityscapes_is_seen_at_half_its_resolution(tmp_path):
    """Ids 7, 8 and 11 are classes 0, 1 and 2; others are ignored."""
    for kind, suffix in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_labelIds")):
        folder = tmp_path / kind / "val" / "ulm"
        folder.mkdir(parents=True)
        classes = np.repeat(np.uint8([[0, 2]]), 1024, 1).repeat(1024, 0)
        ids = np.where(np.arange(1024)[:, None] < 512, np.uint8([7, 11])[classes // 2], 6)
        image = 200 * np.eye(3, dtype=np.uint8)[classes][..., ::-1]
        shown = image if kind == "leftImg8bit" else ids.astype(np.uint8)
        cv2.imwrite(str(folder / f"ulm_0_{suffix}.png"), shown)
    model = Streets()
    scores = evaluate_labels.score_model(model, f"cityscapes:{tmp_path}", None)
    assert model.seen == [(512, 1024)]
    assert scores.classes["road"] == scores.classes["building"] == scores.miou == 1.0
    assert len(scores.classes) == 19 and np.isnan(scores.classes["bicycle"])


def test_bisenetv2_has_classes_unless_there_are_two():
    model = create_model("bisenetv2_mobile", (None, None, 3), num_classes=19)
    assert labels.has_classes(model)
    image = np.zeros((40, 70, 3), np.uint8)
    found = labels.predict_labels(model, image)
    assert found.shape == (40, 70) and found.dtype == np.uint8 and found.max() < 19
    assert not labels.has_classes(create_model("bisenetv2_mobile", (None, None, 3)))
