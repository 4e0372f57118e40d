"""Three steps of every method with one stage, in both precisions; `test_stages` has the others.

The published networks train in float32, the mobile ones in bfloat16; GCA, whose kernels are divided
by their singular values, is the published one in both. All have one block per stage: tracing takes
most of the time.
"""

import cv2
import numpy as np
import pytest
from running import HALF, train

pytestmark = pytest.mark.usefixtures("shallow")

# of GFM the one that learns all three representations
PUBLISHED = ["gca", "gfm_resnet34_rim", "bisenetv2", "ppmatting_hrnet_w18"]
MOBILE = ["gca", "gfm_mobilenetv2_ft_mobile", "bisenetv2_mobile", "ppmatting_mobilenetv2_mobile"]


@pytest.mark.parametrize("model", PUBLISHED)
def test_one_stage(model, tmp_path):
    train(model.split("_")[0], tmp_path, f"--model={model}")


@pytest.mark.parametrize("model", MOBILE)
def test_one_stage_in_half_precision(model, tmp_path):
    method = model.split("_")[0]
    paper = ["--losses=paper"] if method in ("gfm", "ppmatting") else []
    train(method, tmp_path, f"--model={model}", HALF, *paper)


@pytest.mark.parametrize(
    "model",
    [
        "modnet_mobilenetv2_easpp_mobile",
        "dim_mobilenetv2_mobile",
        "gfm_mobilenetv2_tt_mobile",
        "ppmatting_mobilenetv2_mobile",
        "bisenetv2_mobile",
    ],
)
def test_augmented_as_photographs(model, tmp_path):
    """--photographs with crops of two sizes; on synthetic figures, which are composites."""
    train(model.split("_")[0], tmp_path, f"--model={model}", "--photographs", "--sizes=32,64")


def put(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def test_gfm_on_photographs(tmp_path):
    """--track ori on AM-2k, whose photographs stand in for both layers; its own set validates."""
    generator = np.random.default_rng(0)
    ys, xs = np.mgrid[:96, :96] - 48.0
    disc = np.uint8(np.clip(40 * (32 - np.hypot(ys, xs)) + 128, 0, 255))
    for i in range(6):
        noise = generator.integers(0, 256, (96, 96, 3), dtype=np.uint8)
        put(tmp_path / f"train/original/m_{i}.jpg", noise)
        put(tmp_path / f"train/mask/m_{i}.png", disc)
    for kind, shown in (("original", noise), ("mask", disc), ("trimap", 128 * (disc // 128))):
        for i in range(3):
            put(tmp_path / f"validation/{kind}/m_{i}.png", shown)
    mobile = "--model=gfm_mobilenetv2_tt_mobile"
    train(
        "gfm",
        tmp_path / "run",
        mobile,
        "--track=ori",
        f"--foregrounds=am2k:{tmp_path}",
        f"--validation=am2k:{tmp_path}",
        "--backbone=none",
    )


def test_bisenetv2_on_cityscapes(tmp_path):
    """Crops twice as wide as high, 19 classes, and ids that are not trained."""
    generator = np.random.default_rng(0)
    for split, city in (("train", "ulm"), ("val", "munster")):
        for i in range(3):
            name = f"{split}/{city}/{city}_{i:06}_000019"
            noise = generator.integers(0, 256, (96, 192, 3), dtype=np.uint8)
            ids = generator.integers(0, 34, (6, 12), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
            put(tmp_path / f"leftImg8bit/{name}_leftImg8bit.png", noise)
            put(tmp_path / f"gtFine/{name}_gtFine_labelIds.png", ids)
    train("bisenetv2", tmp_path / "run", "--model=bisenetv2_mobile", f"--cityscapes={tmp_path}")
