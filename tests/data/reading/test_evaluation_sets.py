"""The test images of Composition-1k are those of the published script and Pillow, bit for bit."""

import itertools
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from recordings import recording

from keras_matting.atomic import exclusive_lock
from keras_matting.data.reading import datasets, evaluation_sets

# tests/golden/data: Pillow 11.0.0, pixel by pixel as the published script
RECORDED = recording("data/composition1k.npz")
CASES = ("larger", "upscaled", "wide", "tiny", "one_side", "ceil")


@pytest.mark.parametrize("case", CASES)
def test_equals_the_published_script(case):
    foreground, alpha, background, image = (
        RECORDED[f"{case}/{key}"] for key in ("foreground", "alpha", "background", "image")
    )
    np.testing.assert_array_equal(evaluation_sets.compose(foreground, alpha, background), image)


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
    image = evaluation_sets.compose(foreground, alpha, background)
    np.testing.assert_array_equal(image[:, 0, 0], expected)


@pytest.mark.parametrize("kind", ["jpeg", "grey_jpeg", "palette_png"])
def test_decodes_as_pillow(tmp_path, kind):
    (tmp_path / "picture").write_bytes(RECORDED[f"{kind}/file"].tobytes())
    decoded = evaluation_sets._colours(tmp_path, "picture")
    np.testing.assert_array_equal(decoded, RECORDED[f"{kind}/pixels"])


def published(folder, foregrounds=2):
    """The files of Test_set with pictures of the recordings; -> arguments of `make`."""
    places = {kind: folder / kind for kind in ("fg", "alpha", "voc", "trimaps")}
    for place in places.values():
        place.mkdir()
    names, pictures = [], []
    for number in range(foregrounds):
        case = RECORDED[f"{CASES[number]}/foreground"], RECORDED[f"{CASES[number]}/alpha"]
        name = f"grüner salat-{number}.png"
        names.append(name)
        write(places["fg"] / name, case[0])
        write(places["alpha"] / name, np.repeat(case[1], 3, axis=-1))
        for i in range(20):
            picture = f"20{number:02}_{19 - i:06}.jpg"  # not in the order of names
            pictures.append(picture)
            file = RECORDED[f"{'grey_' if i % 2 else ''}jpeg/file"].tobytes()
            (places["voc"] / picture).write_bytes(file)
            write(places["trimaps"] / f"{name[:-4]}_{i}.png", case[1])
    (folder / "fg.txt").write_text("\n".join(names))
    (folder / "bg.txt").write_bytes("\r\n".join([*pictures, ""]).encode())
    arguments = [places["fg"], places["alpha"], places["voc"], folder / "fg.txt", folder / "bg.txt"]
    return arguments, names, pictures


def make(foregrounds, alphas, backgrounds, fg_names, bg_names, out, **options):
    lists = dict(fg_names=fg_names, bg_names=bg_names)
    return evaluation_sets.make(foregrounds, alphas, backgrounds, out, **lists, **options)


def write(path, picture):
    path.write_bytes(tf.io.encode_png(picture).numpy())


def test_names_and_order(tmp_path):
    arguments, names, pictures = published(tmp_path)
    out = tmp_path / "out"
    assert make(*arguments, out, trimaps=tmp_path / "trimaps") == 40
    expected = sorted(f"{name[:-4]}_{i}.png" for name in names for i in range(20))
    for kind in ("merged", "alpha", "trimaps"):
        assert sorted(path.name for path in (out / kind).iterdir()) == expected
    for number, name in enumerate(names):
        foreground, alpha = (
            RECORDED[f"{CASES[number]}/{kind}"] for kind in ("foreground", "alpha")
        )
        for i in (0, 1, 19):
            assert pictures[20 * number + i] == f"20{number:02}_{19 - i:06}.jpg"
            background = RECORDED[f"{'grey_' if i % 2 else ''}jpeg/pixels"]
            made = tf.io.read_file(str(out / "merged" / f"{name[:-4]}_{i}.png"))
            np.testing.assert_array_equal(
                tf.io.decode_png(made), evaluation_sets.compose(foreground, alpha, background)
            )
    source = datasets.read("composition1k_merged", str(out), "test", roles=("image", "alpha"))
    assert source.size == 40


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_lists_in_any_encoding_and_names_in_any_unicode_form(tmp_path, encoding):
    arguments, names, _ = published(tmp_path, foregrounds=1)
    for path in arguments[3:]:
        path.write_bytes(path.read_text("utf-8").encode(encoding))
    alpha = tmp_path / "alpha" / names[0]
    alpha.rename(alpha.with_name(unicodedata.normalize("NFD", names[0])))
    out = tmp_path / "out"
    assert make(*arguments, out, trimaps=tmp_path / "trimaps") == 20
    made = sorted(path.name for path in (out / "alpha").iterdir())
    assert made == sorted(f"{names[0][:-4]}_{i}.png" for i in range(20))


def test_goes_on_where_it_was(tmp_path):
    arguments, names, _ = published(tmp_path, foregrounds=1)
    out = tmp_path / "out"
    make(*arguments, out)
    kept, lost = (out / "merged" / f"{names[0][:-4]}_{i}.png" for i in (3, 4))
    before, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    make(*arguments, out)
    assert kept.stat().st_mtime_ns == before and lost.read_bytes() == content


def test_one_process_at_a_time(tmp_path):
    arguments, _, _ = published(tmp_path, foregrounds=1)
    out = tmp_path / "out"
    out.mkdir()
    with exclusive_lock(out), pytest.raises(ValueError, match="another process is writing to"):
        make(*arguments, out)
    assert make(*arguments, out) == 20


def test_faults_are_named(tmp_path):
    arguments, names, pictures = published(tmp_path)

    def message(**options):
        with pytest.raises(ValueError) as caught:
            make(*arguments, tmp_path / f"out{next(fresh)}", **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    fresh = itertools.count()
    alpha, first = tmp_path / "alpha" / names[1], tmp_path / "voc" / pictures[0]
    content = alpha.read_bytes()
    write(alpha, RECORDED["wide/alpha"])
    assert f"{names[1]} differs in size from its foreground" in message()
    alpha.write_bytes(content[:-30])
    assert f"{names[1]} is truncated or corrupt" in message()
    alpha.write_bytes(content)
    (tmp_path / "trimaps" / f"{names[0][:-4]}_7.png").unlink()
    assert f"{names[0][:-4]}_7.png is missing" in message(trimaps=tmp_path / "trimaps")
    first.write_bytes(first.read_bytes()[:-300])
    assert f"{pictures[0]} is truncated or corrupt" in message()
    first.unlink()
    assert f"{tmp_path / 'voc'} has bad files: {pictures[0]} is missing" in message()
    (tmp_path / "bg.txt").write_text("\n".join(pictures[:-1]))
    assert "has 39 names and" in message() and "20 backgrounds for each" in message()


def test_nothing_is_written_where_a_file_is_missing(tmp_path):
    arguments, _, pictures = published(tmp_path, foregrounds=1)
    (tmp_path / "voc" / pictures[5]).unlink()
    with pytest.raises(ValueError, match="is missing"):
        make(*arguments, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_any_set_without_lists(tmp_path):
    """In the order of names, with alphas of another format and trimaps that are made."""
    foreground, alpha, background = (
        RECORDED[f"larger/{kind}"] for kind in ("foreground", "alpha", "background")
    )
    for name in ("b", "a"):
        for kind in ("FG", "GT", "scenes"):
            (tmp_path / kind).mkdir(exist_ok=True)
        write(tmp_path / "FG" / f"{name}.png", foreground)
        content = tf.io.encode_jpeg(alpha, quality=100).numpy()
        (tmp_path / "GT" / f"{name}.jpg").write_bytes(content)
    for i in range(5):
        write(tmp_path / "scenes" / f"{i}.png", background if i == 2 else 0 * background)
    places = [tmp_path / kind for kind in ("FG", "GT", "scenes")]
    assert evaluation_sets.make(*places, tmp_path / "out", each=2) == 4
    source = datasets.read("distinctions646_merged", str(tmp_path / "out"), "test")
    samples = [source.load(tf.constant(i, tf.int64)) for i in range(4)]  # a_0, a_1, b_0, b_1
    for i, sample in enumerate(samples):
        on = background if i == 2 else 0 * background
        composed = evaluation_sets.compose(foreground, sample["alpha"].numpy(), on)
        np.testing.assert_array_equal(sample["image"], composed)
    with pytest.raises(ValueError, match="has 5 names .* there must be 3 backgrounds for each"):
        evaluation_sets.make(*places, tmp_path / "more", each=3)


def test_trimaps_are_unknown_within_a_radius():
    alpha = np.zeros((1, 60), np.uint8)
    alpha[0, 30:] = 255
    expected = np.repeat([0, 128, 255], [20, 20, 20])[None]
    np.testing.assert_array_equal(evaluation_sets.trimap_of(alpha), expected)
