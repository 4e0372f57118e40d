"""--foregrounds and --backgrounds accept datasets, prepared folders and plain folders."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import presets
from keras_matting.data.reading import records
from keras_matting.data.source import Source
from keras_matting.training import sources, validation

RNG = np.random.default_rng(4)
COUNT = 40  # two of them are held out


def given(foregrounds=None, backgrounds=None, verify=True, **others):
    """Return the options that the sources see."""
    foregrounds = [foregrounds] if isinstance(foregrounds, str) else foregrounds
    found = dict(foregrounds=foregrounds, backgrounds=backgrounds, verify=verify)
    found |= dict(validation=None, hold_out=None, validation_pictures=None, steps_per_epoch=None)
    found["replicas"] = 1
    return SimpleNamespace(**found | others)


def put(folder, depth, suffix="png", count=COUNT, levels=None):
    folder.mkdir(parents=True, exist_ok=True)
    encode = tf.io.encode_png if suffix == "png" else tf.io.encode_jpeg
    levels = np.arange(256) if levels is None else levels
    pictures = RNG.choice(np.uint8(levels), (count, 10, 12, depth))
    for i, picture in enumerate(pictures):
        (folder / f"{i:02}.{suffix}").write_bytes(encode(picture).numpy())
    return pictures


def first(source):
    return {key: value.numpy() for key, value in source.load(tf.constant(0, tf.int64)).items()}


def test_dataset_by_name(tmp_path):
    colours = put(tmp_path / "Train" / "FG", 3)
    alphas = put(tmp_path / "Train" / "GT", 1)
    options = given(foregrounds=f"distinctions646:{tmp_path}")
    training, held_out = sources.foregrounds(options)
    assert (training.size, held_out.size) == (38, 2)
    sample = first(held_out)
    assert sample.keys() == {"foreground", "alpha"}
    np.testing.assert_array_equal(sample["foreground"], colours[0])
    np.testing.assert_array_equal(sample["alpha"], alphas[0])


def test_photographs_with_a_matte_serve_as_foregrounds(tmp_path):
    put(tmp_path / "train" / "blurred_image", 3, "jpg")
    alphas = put(tmp_path / "train" / "mask", 1)
    options = given(foregrounds=f"p3m10k:{tmp_path}")
    sample = first(sources.foregrounds(options)[1])
    assert sample.keys() == {"foreground", "alpha"} and sample["foreground"].shape == (10, 12, 3)
    np.testing.assert_array_equal(sample["alpha"], alphas[0])


def test_prepared_folder_and_dataset_of_backgrounds(tmp_path):
    pictures = put(tmp_path / "train2017", 3)
    records.prepare("coco", tmp_path, tmp_path / "records", shards=2)
    for place in (tmp_path / "records", f"coco:{tmp_path}", tmp_path / "train2017"):
        options = given(backgrounds=str(place))
        training, held_out = sources.backgrounds(options)
        assert (training.size, held_out.size) == (38, 2)
        np.testing.assert_array_equal(first(training)["background"], pictures[1])
        assert list(first(training)) == ["background"]


def test_plain_folders(tmp_path):
    put(tmp_path / "cutouts", 4)
    put(tmp_path / "pairs" / "foreground", 3)
    put(tmp_path / "pairs" / "alpha", 1)
    for folder in ("cutouts", "pairs"):
        options = given(foregrounds=str(tmp_path / folder))
        assert first(sources.foregrounds(options)[0]).keys() == {"foreground", "alpha"}


def test_wrong_kind_name_or_folder(tmp_path):
    put(tmp_path / "train2017", 3)
    options = given(foregrounds=f"coco:{tmp_path}")
    missing = "has background, but training needs foreground or image and alpha"
    with pytest.raises(ValueError, match=missing):
        sources.foregrounds(options)
    options = given(backgrounds=f"cocoa:{tmp_path}")
    with pytest.raises(ValueError, match="unknown dataset 'cocoa'; use one of aim500, "):
        sources.backgrounds(options)
    options = given(backgrounds=str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        sources.backgrounds(options)


def test_files_are_checked_unless_told_otherwise(tmp_path):
    put(tmp_path, 3)
    (tmp_path / "07.png").write_bytes(b"")
    options = given(backgrounds=str(tmp_path))
    with pytest.raises(ValueError, match="07.png is empty"):
        sources.backgrounds(options)
    options = given(backgrounds=str(tmp_path), verify=False)
    assert sources.backgrounds(options)[0].size == 38


def test_photographs_and_cut_outs_in_shares(tmp_path):
    people, cutouts = tmp_path / "people", tmp_path / "cutouts"
    images = put(people / "image", 3)
    put(people / "alpha", 1)
    colours = put(people / "foreground", 3)
    put(cutouts, 4)
    options = given(foregrounds=[f"{people}=0.75", f"{cutouts}=0.25"])
    training, held_out = sources.figures(options)
    assert (training.size, held_out.size) == (76, 4)
    found = [training.load(tf.constant(i, tf.int64)) for i in range(76)]
    kept = [bool(sample["photograph"]) for sample in found]
    assert sum(kept) == pytest.approx(57, abs=1)
    sample = found[kept.index(True)]
    same = [k for k in range(COUNT) if np.array_equal(images[k], sample["image"])]
    assert len(same) == 1 and np.array_equal(colours[same[0]], sample["foreground"])
    sample = found[kept.index(False)]
    np.testing.assert_array_equal(sample["image"], sample["foreground"])
    options = given(foregrounds=[f"{people}=0.75", f"{cutouts}=-1"])
    with pytest.raises(ValueError, match="a share must be a number above 0"):
        sources.figures(options)


def test_a_bounded_number_of_pictures_validates(capsys, monkeypatch):
    """Evenly chosen, and in memory only if they are small; the same in every epoch."""
    pool = Source(20, lambda i: {"image": tf.cast(tf.fill([2, 2, 3], i), tf.float32)})
    options = given(batch_size=2, seed=0, validation_pictures=4)
    for limit, said in ((1 << 20, False), (0, True)):
        monkeypatch.setattr(validation, "CACHED_AT_MOST", limit)
        data = sources.pictures(options, pool, pool, [], [], lambda sample: (sample, sample))
        assert sorted(validated(data)) == sorted(validated(data)) == [0, 5, 10, 15]
        output = capsys.readouterr().out
        assert "Validation uses 4 of 20 pictures" in output
        assert ("are made again in every epoch" in output) == said


def validated(data):
    return np.concatenate([batch["image"].numpy()[:, 0, 0, 0] for batch, _ in data.held_out])


def test_every_picture_validates_once():
    """The last batch is smaller, and all of a set count, however many they are."""
    pool = Source(501, lambda i: {"image": tf.cast(tf.fill([1, 1, 3], i), tf.float32)})
    options = given(batch_size=16, seed=0)
    data = sources.pictures(options, pool, pool, [], [], lambda sample: (sample, sample))
    assert sorted(validated(data)) == list(range(501))


def test_every_replica_has_as_many_pictures_to_validate(capsys):
    """A replica without any would end the run; the first of the next pass fill the last batch."""
    pool = Source(5, lambda i: {"image": tf.cast(tf.fill([1, 1, 3], i), tf.float32)})
    options = given(batch_size=4, seed=0, replicas=2)
    data = sources.pictures(options, pool, pool, [], [], lambda sample: (sample, sample))
    assert [len(batch["image"]) for batch, _ in data.held_out] == [4, 2]
    assert set(validated(data)) == set(range(5))
    assert "Validation counts 1 of its pictures twice" in capsys.readouterr().out


def identity(sample):
    return {"image": sample["image"]}, sample


def test_a_named_set_validates_and_nothing_is_held_out(tmp_path):
    """Photographs are shown whole; they have their own colours only."""
    put(tmp_path / "cutouts", 4)
    images = put(tmp_path / "am2k/validation/original", 3, count=3)
    put(tmp_path / "am2k/validation/mask", 1, count=3)
    put(tmp_path / "am2k/validation/trimap", 1, count=3, levels=[0, 128, 255])
    options = given(
        str(tmp_path / "cutouts"), validation=f"am2k:{tmp_path / 'am2k'}", seed=0, batch_size=2,
        size=12, figures=9, figure_size=16, figure_kind="any",
    )  # fmt: skip
    data = sources.composites(options, [], presets.validation(12)[:1], identity)
    assert data.steps == COUNT // 2
    first, last = (truth for _, truth in data.held_out)
    assert len(first["image"]) == 2 and len(last["image"]) == 1
    seen = 255 * np.concatenate([first["image"], last["image"]])[:, 1:11]  # 12x10 in 12x12
    for image in images:
        assert min(np.abs(seen - image).max(axis=(1, 2, 3))) < 0.6
    np.testing.assert_array_equal(first["foreground"], first["image"])
    np.testing.assert_array_equal(first["background"], first["image"])


def test_cut_outs_validate_over_held_out_backgrounds(tmp_path):
    put(tmp_path / "cutouts", 4)
    put(tmp_path / "test", 4, count=3)
    put(tmp_path / "scenes", 3)
    options = given(
        str(tmp_path / "cutouts"), str(tmp_path / "scenes"), seed=0, batch_size=4, size=8,
        validation=f"photomatte85:{tmp_path / 'test'}",
    )  # fmt: skip
    data = sources.composites(options, [], presets.validation(8)[:1], identity)
    ((_, truth),) = data.held_out
    alpha = truth["alpha"]
    composite = alpha * truth["foreground"] + (1 - alpha) * truth["background"]
    np.testing.assert_allclose(truth["image"], composite, atol=1e-6)
    others, held_out = sources.backgrounds(options, validation.read(options))
    assert (others.size, held_out.size) == (38, 2)
    options.validation = f"ppm100:{tmp_path}"
    put(tmp_path / "image", 3)
    put(tmp_path / "matte", 1)
    with pytest.raises(ValueError, match="photographs without their empty scenes"):
        sources.composites(options, [], [], identity, on_photographs=False)


def test_photographs_have_their_estimated_colours_or_their_own(tmp_path):
    images = put(tmp_path / "image", 3)
    put(tmp_path / "alpha", 1)
    layers = {}
    for estimated in (False, True):
        if estimated:
            layers = {key: put(tmp_path / key, 3) for key in ("foreground", "background")}
        training, held_out = sources.photographs(given(str(tmp_path)))
        assert (training.size, held_out.size) == (38, 2)
        sample = first(held_out)
        for key in ("foreground", "background"):
            np.testing.assert_array_equal(sample[key], layers.get(key, images)[0])


def test_masks_of_a_plain_folder_validate(tmp_path):
    images, masks = put(tmp_path / "image", 3), put(tmp_path / "mask", 1, levels=[0, 255])
    sample = first(validation.read(given(validation=str(tmp_path))))
    np.testing.assert_array_equal(sample["image"], images[0])
    np.testing.assert_array_equal(sample["alpha"], masks[0])


def test_without_validation(tmp_path):
    put(tmp_path, 4)
    options = given(str(tmp_path), hold_out=0, seed=0, batch_size=2, size=8)
    options.figures, options.figure_size = 9, 16
    data = sources.composites(options, presets.validation(8)[:1], [], identity)
    assert data.held_out is None and data.steps == COUNT // 2
    assert data.panel[0]["image"].shape == (2, 8, 8, 3)


@pytest.mark.parametrize(
    "flags, message",
    [
        (dict(validation="coco:x"), "unknown set 'coco'; use one of aim500, am2k"),
        (dict(validation="ppm100:x", hold_out=20), "leave --hold_out out"),
        (dict(hold_out=1), "leaves no picture to train on"),
    ],
)
def test_flags_of_validation_that_contradict(flags, message):
    with pytest.raises(ValueError, match=message):
        validation.every(given(**flags))
        validation.read(given(**flags))


def test_backgrounds_each_lengthen_an_epoch():
    options = given(batch_size=32, backgrounds_each=5)
    assert sources.steps_of(options, 1800) == 281  # 9,000 composites
    options.steps_per_epoch = 7
    assert sources.steps_of(options, 1800) == 7


@pytest.mark.parametrize("replicas, batches", [(1, [4, 1, 16]), (2, [4, 2, 16]), (3, [3, 3, 15])])
def test_batches_of_other_sizes_have_as_many_for_every_replica(monkeypatch, replicas, batches):
    def composition(figures, backgrounds, transforms, batch_size, seed, start, worker):
        (size,) = transforms
        return tf.data.Dataset.from_tensors(tf.zeros((batch_size, size, size, 1)))

    pool = Source(1, None)
    monkeypatch.setattr(sources, "figures", lambda options: (pool, None))
    monkeypatch.setattr(sources, "backgrounds", lambda options, given: (pool, None))
    monkeypatch.setattr(sources, "composition", composition)
    monkeypatch.setattr(sources, "_data", lambda *_: sources.Data(None, None, 1, None))
    options = given(sizes=["64", "128", "32"], size=64, batch_size=4, seed=0, replicas=replicas)
    data = sources.photographed(options, lambda size: [size], None, lambda batch: batch)
    assert [len(images) for (images,) in data.stream(0)] == batches
