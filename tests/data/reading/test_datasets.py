"""Every dataset is read in the folders in which it is published, or the reader says what is not."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.reading import datasets

RNG = np.random.default_rng(2)
H, W = 12, 16
LABELS = np.uint8(np.arange(H * W) % 34).reshape(H, W, 1)

# two samples of every split, with the names the publishers show or distribute
PUBLISHED = {
    ("aim500", "test"): """
        original/o_0b7228ec.jpg mask/o_0b7228ec.png trimap/o_0b7228ec.png
        original/o_0c8f03f0.jpg mask/o_0c8f03f0.png trimap/o_0c8f03f0.png""",
    ("am2k", "train"): """
        train/original/m_0a6c2018.jpg train/mask/m_0a6c2018.png
        train/original/m_1a6c2018.jpg train/mask/m_1a6c2018.png""",
    ("am2k", "validation"): """
        validation/original/m_0aa9dd6a.jpg validation/mask/m_0aa9dd6a.png
        validation/trimap/m_0aa9dd6a.png
        validation/original/m_1aa9dd6a.jpg validation/mask/m_1aa9dd6a.png
        validation/trimap/m_1aa9dd6a.png""",
    ("am2k_layers", "train"): """
        train/original/m_0a6c2018.jpg train/mask/m_0a6c2018.png train/fg/m_0a6c2018.png
        train/bg/m_0a6c2018.png train/fg_denoise/m_0a6c2018.png
        train/original/m_1a6c2018.jpg train/mask/m_1a6c2018.png train/fg/m_1a6c2018.png
        train/bg/m_1a6c2018.png train/fg_denoise/m_1a6c2018.png""",
    ("bg20k", "train"): "train/h_0a0b8b6c.jpg train/h_1a0b8b6c.jpg",
    ("bg20k", "test"): "testval/h_0a4a8c7f.jpg testval/h_1a4a8c7f.jpg",
    ("bg20k_denoised", "train"): """
        train/h_0a0b8b6c.jpg train_denoise/h_0a0b8b6c.jpg
        train/h_1a0b8b6c.jpg train_denoise/h_1a0b8b6c.jpg""",
    ("cityscapes", "train"): """
        leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png
        gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png
        leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit.png
        gtFine/train/ulm/ulm_000000_000019_gtFine_labelIds.png""",
    ("cityscapes", "validation"): """
        leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png
        gtFine/val/lindau/lindau_000000_000019_gtFine_labelIds.png
        leftImg8bit/val/munster/munster_000000_000019_leftImg8bit.png
        gtFine/val/munster/munster_000000_000019_gtFine_labelIds.png""",
    ("coco", "train"): "train2017/000000000009.jpg train2017/000000000025.jpg",
    ("coco", "validation"): "val2017/000000000139.jpg val2017/000000000285.jpg",
    ("coco_without_people", "train"): "train2017/000000000009.jpg train2017/000000000025.jpg",
    ("coco_without_people", "validation"): "val2017/000000000139.jpg val2017/000000000285.jpg",
    ("coco2014", "train"): """
        train2014/COCO_train2014_000000000009.jpg train2014/COCO_train2014_000000000025.jpg""",
    ("coco2014", "validation"): """
        val2014/COCO_val2014_000000000042.jpg val2014/COCO_val2014_000000000073.jpg""",
    ("composition1k", "train"): """
        Training_set/Adobe-licensed_images/fg/one.jpg
        Training_set/Adobe-licensed_images/alpha/one.jpg
        Training_set/Other/fg/two.jpg Training_set/Other/alpha/two.jpg""",
    ("composition1k", "test"): """
        Test_set/Adobe-licensed_images/fg/one.png Test_set/Adobe-licensed_images/alpha/one.png
        Test_set/Adobe-licensed_images/fg/two.png Test_set/Adobe-licensed_images/alpha/two.png""",
    ("composition1k_merged", "test"): """
        merged/one_0.png alpha/one_0.png trimaps/one_0.png
        merged/one_1.png alpha/one_1.png trimaps/one_1.png""",
    ("distinctions646_merged", "test"): """
        merged/one_0.png alpha/one_0.png trimaps/one_0.png
        merged/one_1.png alpha/one_1.png trimaps/one_1.png""",
    ("distinctions646", "train"): """
        Train/FG/1.png Train/GT/1.png Train/FG/13(2).png Train/GT/13(2).png""",
    ("distinctions646", "test"): """
        Test/FG/test_0.png Test/GT/test_0.png Test/FG/test_1.png Test/GT/test_1.png""",
    ("p3m10k", "train"): """
        train/blurred_image/p_015cd10e.jpg train/mask/p_015cd10e.png
        train/blurred_image/p_0865636e.jpg train/mask/p_0865636e.png""",
    ("p3m10k", "p3m_500_p"): """
        validation/P3M-500-P/blurred_image/p_01.jpg validation/P3M-500-P/mask/p_01.png
        validation/P3M-500-P/trimap/p_01.png
        validation/P3M-500-P/blurred_image/p_1.jpg validation/P3M-500-P/mask/p_1.png
        validation/P3M-500-P/trimap/p_1.png""",
    ("p3m10k", "p3m_500_np"): """
        validation/P3M-500-NP/original_image/p_01.jpg validation/P3M-500-NP/mask/p_01.png
        validation/P3M-500-NP/trimap/p_01.png
        validation/P3M-500-NP/original_image/p_1.jpg validation/P3M-500-NP/mask/p_1.png
        validation/P3M-500-NP/trimap/p_1.png""",
    ("photomatte85", "test"): "0051115Q_000001_0041.png 0051115Q_000001_0042.png",
    ("ppm100", "test"): """
        image/6146816_556eaff97f_o.jpg matte/6146816_556eaff97f_o.jpg
        image/14299313536_ea3e61076c_o.jpg matte/14299313536_ea3e61076c_o.jpg""",
    ("videomatte240k", "train"): """
        train/fgr/0000/00000.jpg train/pha/0000/00000.jpg
        train/fgr/0001/00000.jpg train/pha/0001/00000.jpg""",
    ("videomatte240k", "test"): """
        test/fgr/0000/00000.jpg test/pha/0000/00000.jpg
        test/fgr/0000/00001.jpg test/pha/0000/00001.jpg""",
}  # fmt: skip
CASES = [(name, split) for name, row in datasets.DATASETS.items() for split in row]

ALPHA_FOLDERS = {"alpha", "mask", "GT", "pha", "matte"}


def picture(path):
    """Noise of the kind that belongs under this path."""
    parts = set(path.split("/"))
    if path.endswith("labelIds.png"):
        return LABELS
    if parts & {"trimap", "trimaps"}:
        return RNG.choice(np.uint8([0, 128, 255]), (H, W, 1))
    depth = 1 if parts & ALPHA_FOLDERS else 4 if path.startswith("0051115Q") else 3
    return RNG.integers(0, 256, (H, W, depth), dtype=np.uint8)


def build(folder, name, split):
    """Writes the tree of two samples, and what is published beside them and must be passed over."""
    paths = [path.replace("_images", " images") for path in PUBLISHED[name, split].split()]
    for path in paths:
        put(folder, path, picture(path))
    (folder / "readme.txt").write_text("Dataset")
    for extra in ("", "_gtFine_color.png", "_gtFine_instanceIds.png", "_gtFine_polygons.json"):
        if name == "cityscapes" and extra:
            stem = paths[1].removesuffix("_gtFine_labelIds.png")
            (folder / (stem + extra)).write_bytes(b"")
    if "people" in datasets.DATASETS[name][split]:
        put_instances(folder / datasets.DATASETS[name][split]["people"], [], paths)
    return paths


def put(folder, path, pixels):
    encode = tf.io.encode_png if path.endswith("png") else tf.io.encode_jpeg
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(encode(pixels).numpy())


def put_instances(path, annotations, pictures):
    images = [{"id": i, "file_name": os.path.basename(p)} for i, p in enumerate(pictures)]
    categories = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )


def load(source, i):
    return {key: value.numpy() for key, value in source.load(tf.constant(i, tf.int64)).items()}


def message(error, function, *arguments, **options):
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


@pytest.mark.parametrize("name, split", CASES)
def test_published_layout(tmp_path, name, split):
    paths = build(tmp_path, name, split)
    row = [role for role in datasets.DATASETS[name][split] if role != "people"]
    source = datasets.read(name, str(tmp_path), split)
    assert source.size == 2
    keys = {"cutout": ["foreground", "alpha"], "label_ids": ["labels"]}
    expected = {key for role in row for key in keys.get(role, [role])}
    for i in range(2):
        sample = load(source, i)
        assert sample.keys() == expected
        for key, value in sample.items():
            depth = 1 if key in ("alpha", "trimap", "labels") else 3
            assert value.shape == (H, W, depth) and value.dtype == np.uint8
    if row != ["cutout"]:
        samples = datasets.find(name, tmp_path, split)
        found = sorted(path for sample in samples for path in sample.values())
        assert found == sorted(tmp_path / path for path in paths)


@pytest.mark.parametrize("name, split", CASES)
def test_a_missing_partner_or_folder_is_named_with_the_layout(tmp_path, name, split):
    paths = build(tmp_path, name, split)
    row = {r: p for r, p in datasets.DATASETS[name][split].items() if r != "people"}
    if len(row) > 1:
        (tmp_path / paths[-1]).unlink()
        text = message(ValueError, datasets.read, name, str(tmp_path), split)
        where, file = os.path.split(paths[-1])
        assert f"has no partner in {where}/ called {os.path.splitext(file)[0]}.*" in text
    for path in paths:
        (tmp_path / path).unlink(missing_ok=True)
    text = message(FileNotFoundError, datasets.read, name, str(tmp_path), split)
    assert "has no .png, .jpg or .jpeg file" in text and str(tmp_path) in text
    assert all(f"{role} in {pattern}" in text for role, pattern in row.items())


def test_every_row_has_its_published_names_and_is_documented():
    assert set(PUBLISHED) == set(CASES)
    guide = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text("utf-8")
    table, layouts = guide.split("## Layouts")
    for name in datasets.DATASETS:
        assert f"`{name}`" in table and name in layouts


def test_partners_are_together(tmp_path):
    paths = build(tmp_path, "am2k_layers", "train")
    source = datasets.read("am2k_layers", str(tmp_path))
    roles = ["image", "alpha", "foreground", "background", "foreground_denoised"]
    for i in range(2):
        sample = load(source, i)
        for role, path in zip(roles, paths[5 * i : 5 * i + 5], strict=True):
            content = tf.io.read_file(str(tmp_path / path))
            np.testing.assert_array_equal(
                sample[role], tf.io.decode_png(content, 1 if role == "alpha" else 3)
            )


def test_some_roles(tmp_path):
    build(tmp_path, "am2k", "train")
    (tmp_path / "train/fg").mkdir()
    text = message(FileNotFoundError, datasets.read, "am2k_layers", str(tmp_path))
    assert "train/fg has no" in text
    source = datasets.read("am2k_layers", str(tmp_path), roles=("alpha", "image"))
    assert list(load(source, 0)) == ["alpha", "image"]
    text = message(ValueError, datasets.read, "am2k", str(tmp_path), roles=["matte"])
    assert text == "unknown role in am2k 'matte'; use one of image, alpha."


def test_unknown_names_and_splits(tmp_path):
    text = message(ValueError, datasets.read, "am3k", str(tmp_path))
    assert text.startswith("unknown dataset 'am3k'; use one of aim500, am2k, ")
    text = message(ValueError, datasets.read, "ppm100", str(tmp_path))
    assert text == "unknown split of ppm100 'train'; use one of test."


def test_cityscapes_train_ids(tmp_path):
    """The table of the Cityscapes scripts: id -> trainId."""
    published = [
        *[255] * 7, 0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12, 13, 14,
        15, 255, 255, 16, 17, 18,
    ]  # fmt: skip
    build(tmp_path, "cityscapes", "train")
    labels = load(datasets.read("cityscapes", str(tmp_path)), 0)["labels"]
    np.testing.assert_array_equal(labels, np.uint8(published)[LABELS])


def test_other_pictures_of_cityscapes_are_named(tmp_path):
    paths = build(tmp_path, "cityscapes", "train")
    put(tmp_path, paths[1], np.full((H, W, 1), 34, np.uint8))
    put(tmp_path, paths[3], RNG.integers(0, 256, (H, W, 3), dtype=np.uint8))
    text = message(ValueError, datasets.read, "cityscapes", str(tmp_path))
    assert f"{paths[1]} contains 34, labels are 0..33 (use the ..._labelIds.png)" in text
    assert f"{paths[3]} is not greyscale but RGB (use the ..._labelIds.png)" in text


def test_coco_without_people(tmp_path):
    paths = [f"train2017/{i:012}.jpg" for i in range(5)]
    for path in paths:
        put(tmp_path, path, picture(path))
    seen = [(0, 18), (1, 1), (3, 18), (3, 1), (3, 1)]
    annotations = [{"image_id": image, "category_id": kind} for image, kind in seen]
    put_instances(tmp_path / "annotations/instances_train2017.json", annotations, paths)
    found = datasets.find("coco_without_people", str(tmp_path))
    assert [sample["background"].name for sample in found] == [
        os.path.basename(paths[i]) for i in (0, 2, 4)
    ]
    assert datasets.read("coco", str(tmp_path)).size == 5


def test_coco_instances_missing_broken_or_all_people(tmp_path):
    build(tmp_path, "coco_without_people", "train")
    instances = tmp_path / "annotations/instances_train2017.json"
    everyone = [{"image_id": i, "category_id": 1} for i in range(2)]
    put_instances(instances, everyone, ["000000000009.jpg", "000000000025.jpg"])
    arguments = ("coco_without_people", str(tmp_path))
    assert "shows people" in message(ValueError, datasets.find, *arguments)
    instances.write_text('{"images": []}')
    text = message(ValueError, datasets.find, *arguments)
    assert f"{instances} is not a COCO instances file: download it again." in text
    instances.unlink()
    text = message(FileNotFoundError, datasets.find, *arguments)
    assert f"cannot read {instances}" in text and "unpack COCO's annotations" in text


def test_modes_that_published_loaders_take(tmp_path):
    """Transparency of a colour picture is dropped, grey repeated; a matte may be RGB or RGBA."""
    paths = build(tmp_path, "distinctions646", "test")
    colour, grey = (RNG.integers(0, 256, (H, W, c), dtype=np.uint8) for c in (3, 1))
    alpha = RNG.integers(0, 256, (H, W, 1), dtype=np.uint8)
    opaque = np.full_like(alpha, 255)
    put(tmp_path, paths[0], np.concatenate([colour, opaque], -1))
    put(tmp_path, paths[1], np.concatenate([alpha, alpha, alpha, opaque], -1))
    put(tmp_path, paths[2], grey)
    source = datasets.read("distinctions646", str(tmp_path), "test")
    np.testing.assert_array_equal(load(source, 0)["foreground"], colour)
    np.testing.assert_array_equal(load(source, 0)["alpha"], alpha)
    np.testing.assert_array_equal(load(source, 1)["foreground"], grey.repeat(3, -1))


BAD_TRIMAPS = {
    "no unknown": (np.uint8([0, 255]), "has no unknown pixel (value 128"),
    "another value": (np.uint8([0, 127, 128, 255]), "contains 127 (a trimap has 0, 128"),
}


@pytest.mark.parametrize("name", BAD_TRIMAPS)
def test_bad_trimap_is_named(tmp_path, name):
    levels, reason = BAD_TRIMAPS[name]
    paths = build(tmp_path, "aim500", "test")
    put(tmp_path, paths[2], RNG.choice(levels, (H, W, 1)))
    text = message(ValueError, datasets.read, "aim500", str(tmp_path), "test")
    assert f"{paths[2]} {reason}" in text


def test_partner_of_another_size_is_named(tmp_path):
    paths = build(tmp_path, "aim500", "test")
    put(tmp_path, paths[2], picture(paths[2])[:, :-1])
    text = message(ValueError, datasets.read, "aim500", str(tmp_path), "test")
    assert f"{paths[2]} is 15x12, but its image is 16x12 (make them the same size)" in text


def test_jpeg_matte_with_the_colour_noise_of_jpeg(tmp_path):
    paths = build(tmp_path, "ppm100", "test")
    matte = picture(paths[1]).repeat(3, -1)
    matte[0, 0] += np.uint8([0, 3, 5])
    put(tmp_path, paths[1].replace(".jpg", ".png"), matte)
    (tmp_path / paths[1]).unlink()
    assert datasets.read("ppm100", str(tmp_path), "test").size == 2
