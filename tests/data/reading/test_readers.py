"""A reader yields what the files hold, or one sentence that names the bad ones."""

import os
import struct
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data import composition, validation
from keras_matting.data.reading import readers
from keras_matting.image_files import read_photograph

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (24, 32, 1), dtype=np.uint8)
CUTOUT = np.concatenate([COLOUR, ALPHA], axis=-1)
LABELS = [[0, 0, 0], [192, 128, 128], [224, 224, 192]]  # colours of VOC
CMYK = (Path(__file__).parents[2] / "golden" / "data" / "cmyk.jpg").read_bytes()  # by Pillow


def png(picture):
    return tf.io.encode_png(picture).numpy()


def jpeg(picture):
    return tf.io.encode_jpeg(picture, quality=95).numpy()


def palette_png(indices, colours, opacities=b""):
    """A PNG of type 3, which TensorFlow cannot write."""

    def chunk(kind, body):
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.uint8(indices))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", np.uint8(colours).tobytes()),
            chunk(b"tRNS", opacities) if opacities else b"",
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def with_orientation(content, stored, order):
    """A JPEG or PNG file whose EXIF directory has another entry and the orientation."""
    endian = "<" if order == b"II" else ">"
    tiff = order + struct.pack(f"{endian}HIH", 42, 8, 2)
    tiff += struct.pack(f"{endian}HHI4s", 0x010F, 2, 4, b"abc")
    tiff += struct.pack(f"{endian}HHIHHI", 0x0112, 3, 1, stored, 0, 0)
    if content.startswith(b"\x89PNG"):
        checksum = zlib.crc32(b"eXIf" + tiff)
        chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", checksum)
        return content[:33] + chunk + content[33:]
    segment = struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    return content[:2] + b"\xff\xe1" + segment + content[2:]


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def message(error, function, *arguments):
    with pytest.raises(error) as caught:
        function(*arguments)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


def test_rgba_in_order_of_names(tmp_path):
    put(tmp_path / "b.PNG", png(CUTOUT[::-1]))
    put(tmp_path / "a.png", png(CUTOUT))
    put(tmp_path / "notes.txt", b"not a picture")
    put(tmp_path / "._a.png", b"left by a file manager")
    source = readers.rgba(str(tmp_path))
    assert source.size == 2
    for index, expected in enumerate((CUTOUT, CUTOUT[::-1])):
        sample = source.load(tf.constant(index, tf.int64))
        np.testing.assert_array_equal(sample["foreground"], expected[..., :3])
        np.testing.assert_array_equal(sample["alpha"], expected[..., 3:])


def test_pairs_match_by_stem_across_extensions(tmp_path):
    put(tmp_path / "foreground" / "a.jpg", jpeg(COLOUR))
    put(tmp_path / "alpha" / "a.png", png(ALPHA))
    put(tmp_path / "foreground" / "b.png", png(COLOUR))
    put(tmp_path / "alpha" / "b.png", png(np.repeat(ALPHA, 3, axis=-1)))
    source = readers.foreground_alpha(str(tmp_path))
    first, second = (source.load(tf.constant(i, tf.int64)) for i in range(2))
    np.testing.assert_array_equal(first["foreground"], tf.io.decode_jpeg(jpeg(COLOUR)))
    np.testing.assert_array_equal(second["foreground"], COLOUR)
    np.testing.assert_array_equal(first["alpha"], ALPHA)
    np.testing.assert_array_equal(second["alpha"], ALPHA)


def test_unicode_and_spaces_in_graph(tmp_path):
    folder = tmp_path / "Bilder von Zoë 髪"
    put(folder / "grüner Ärmel 猫.png", png(COLOUR))
    source = readers.backgrounds(str(folder))
    dataset = tf.data.Dataset.range(source.size).map(source.load)
    assert dataset.element_spec["background"] == tf.TensorSpec((None, None, 3), tf.uint8)
    np.testing.assert_array_equal(next(iter(dataset))["background"], COLOUR)


def test_greyscale_photograph_becomes_rgb(tmp_path):
    put(tmp_path / "old.jpg", png(ALPHA))
    sample = readers.images(str(tmp_path)).load(tf.constant(0, tf.int64))
    np.testing.assert_array_equal(sample["image"], np.repeat(ALPHA, 3, axis=-1))


@pytest.mark.parametrize("stored", range(10))
def test_photographs_are_upright(tmp_path, stored):
    """As OpenCV turns them; 0 and 9 are invalid. The mattes are upright already."""
    smooth = cv2.resize(COLOUR[:2, :3], (32, 24), interpolation=cv2.INTER_LINEAR)
    for name, content, order in (("a.png", png, b"MM"), ("b.jpg", jpeg, b"II")):
        path = tmp_path / "foreground" / name
        put(path, with_orientation(content(smooth), stored, order))
        expected = read_photograph(path)
        put(
            tmp_path / "alpha" / f"{path.stem}.png",
            png(cv2.resize(ALPHA, expected.shape[1::-1])[..., None]),
        )
    source = readers.foreground_alpha(str(tmp_path))
    for i, name in enumerate(("a.png", "b.jpg")):
        found = source.load(tf.constant(i, tf.int64))
        expected = read_photograph(tmp_path / "foreground" / name)
        assert found["foreground"].shape == expected.shape
        assert np.abs(found["foreground"].numpy().astype(int) - expected).max() < 12


def test_damaged_exif_is_ignored(tmp_path):
    whole = with_orientation(jpeg(COLOUR), 3, b"II")
    tag = whole.index(b"Exif") + 6
    for name, at, value in (
        ("a", tag + 4, b"\xff" * 4),
        ("b", tag + 8, b"\xff\xff"),
        ("c", tag, b"??"),
    ):
        put(tmp_path / f"{name}.jpg", whole[:at] + value + whole[at + len(value) :])
    source = readers.images(str(tmp_path))
    for i in range(3):
        found = source.load(tf.constant(i, tf.int64))["image"]
        assert found.shape == (24, 32, 3)


def test_names_match_in_any_unicode_form(tmp_path):
    put(tmp_path / "foreground" / unicodedata.normalize("NFC", "Zoé.png"), png(COLOUR))
    put(tmp_path / "alpha" / unicodedata.normalize("NFD", "Zoé.png"), png(ALPHA))
    assert readers.foreground_alpha(str(tmp_path)).size == 1


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    """By a stand-in, because permissions do not keep root from listing."""
    put(tmp_path / "foreground" / "a.png", png(COLOUR))
    put(tmp_path / "alpha" / "a.png", png(ALPHA))
    scandir = os.scandir

    def guarded(path="."):
        if isinstance(path, str | os.PathLike) and os.fspath(path).rstrip("/").endswith("alpha"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    text = message(PermissionError, readers.foreground_alpha, str(tmp_path))
    assert f"{tmp_path}/alpha may not be listed" in text


BAD_CUTOUTS = {
    "empty": (b"", "empty"),
    "truncated": (png(CUTOUT)[:-300], "truncated or corrupt"),
    "tail lost": (png(CUTOUT)[:-6], "truncated or corrupt"),
    "16 bits": (png(np.uint16(CUTOUT) * 257), "16 bits"),
    "no alpha": (png(COLOUR), "not RGBA but RGB"),
    "greyscale": (png(CUTOUT[..., 2:]), "not RGBA but greyscale with alpha"),
    "text": (b"hello", "neither a PNG nor a JPEG"),
    "opaque": (png(np.concatenate([COLOUR, np.full_like(ALPHA, 255)], -1)), "everywhere"),
    "all zero": (png(np.concatenate([COLOUR, ALPHA * 0], -1)), "the same alpha 0 everywhere"),
    "one pixel": (png(CUTOUT[:1, :1]), "is only 1x1 (remove it)"),
    "one row": (png(CUTOUT[:1]), "is only 32x1 (remove it)"),
    "palette": (palette_png(np.eye(4), [[9, 9, 9], [1, 2, 3]]), "not RGBA but RGB"),
    "mask": (png(np.concatenate([COLOUR, ALPHA // 128], -1)), "its largest value is 1, but"),
}


@pytest.mark.parametrize("name", BAD_CUTOUTS)
def test_bad_cutout_is_named(tmp_path, name):
    content, reason = BAD_CUTOUTS[name]
    put(tmp_path / "good.png", png(CUTOUT))
    put(tmp_path / f"{name}.png", content)
    text = message(ValueError, readers.rgba, str(tmp_path))
    assert f"{name}.png" in text and reason in text and str(tmp_path) in text
    assert "good.png" not in text


BAD_PAIRS = {
    "size": (png(COLOUR), png(ALPHA[:-1]), "alpha/x.png is 32x23, but its foreground is 32x24"),
    "coloured alpha": (png(COLOUR), png(COLOUR), "alpha/x.png is not greyscale but RGB"),
    "grey foreground": (png(ALPHA), png(ALPHA), "foreground/x.png is not RGB but greyscale"),
    "cmyk": (CMYK, png(ALPHA), "foreground/x.png is CMYK"),
    "truncated": (jpeg(COLOUR)[:-200], png(ALPHA), "foreground/x.png is truncated"),
    "empty alpha": (png(COLOUR), b"", "alpha/x.png is empty"),
    "blank alpha": (png(COLOUR), png(ALPHA * 0), "alpha/x.png has the same alpha 0"),
    "transparent alpha": (png(COLOUR), png(CUTOUT[..., 2:]), "alpha/x.png has an alpha channel"),
    "cut-out": (png(CUTOUT), png(ALPHA), "foreground/x.png is not RGB but RGBA"),
    "16 bits": (png(COLOUR), png(np.uint16(ALPHA) * 257), "alpha/x.png has 16 bits"),
    "one pixel": (png(COLOUR[:1, :1]), png(ALPHA[:1, :1]), "foreground/x.png is only 1x1"),
    "mask": (png(COLOUR), png(ALPHA // 128), "alpha/x.png is not a matte: its largest value is 1,"),
    "labels": (
        png(COLOUR),
        png(ALPHA // 11),
        "alpha/x.png is not a matte: its largest value is 23,",
    ),
    "labels, void": (png(COLOUR), png(np.where(ALPHA > 250, 255, ALPHA // 20)), "label numbers"),
    "palette": (
        png(COLOUR),
        palette_png(ALPHA[..., 0] // 86, LABELS),
        "a palette of label colours",
    ),
}


@pytest.mark.parametrize("name", BAD_PAIRS)
def test_bad_pair_is_named(tmp_path, name):
    foreground, alpha, reason = BAD_PAIRS[name]
    put(tmp_path / "foreground" / "x.png", foreground)
    put(tmp_path / "alpha" / "x.png", alpha)
    assert reason in message(ValueError, readers.foreground_alpha, str(tmp_path))


BAD_BACKGROUNDS = {
    "truncated.jpg": (jpeg(COLOUR)[:-200], "is truncated or corrupt"),
    "16 bits.png": (png(np.uint16(COLOUR) * 257), "has 16 bits per channel (save it with 8)"),
    "cmyk.jpg": (CMYK, "is CMYK (save it as RGB)"),
    "one pixel.jpg": (jpeg(COLOUR[:1, :1]), "is only 1x1 (remove it)"),
    "Ärger mit 猫.png": (b"", "is empty (copy it again, or remove it)"),
}


@pytest.mark.parametrize("name", BAD_BACKGROUNDS)
@pytest.mark.parametrize("read", [readers.backgrounds, readers.images])
def test_bad_photograph_is_named(tmp_path, read, name):
    content, reason = BAD_BACKGROUNDS[name]
    put(tmp_path / "good.png", png(COLOUR))
    put(tmp_path / name, content)
    text = message(ValueError, read, str(tmp_path))
    assert f"{name} {reason}" in text and "good.png" not in text


@pytest.mark.parametrize(
    "low, high, reason",
    [
        (0, 127, "their largest value is 127, but alphas reach from 0 to 255"),
        (16, 235, "they reach from 16 to 235, the range of video"),
    ],
)
def test_mattes_on_another_scale_are_refused_together(tmp_path, low, high, reason):
    for name in ("a", "b"):
        scaled = np.rint(low + ALPHA / 255 * (high - low)).astype(np.uint8)
        put(tmp_path / f"{name}.png", png(np.concatenate([COLOUR, scaled], -1)))
    assert reason in message(ValueError, readers.rgba, str(tmp_path))
    assert readers.rgba(str(tmp_path), verify=False).size == 2


def test_what_is_worth_knowing_of_mattes_is_said(tmp_path, caplog):
    """Opaque parts of 254, and colours that are multiplied by alpha already in all files."""
    alpha = np.clip(ALPHA.astype(int) * 3 - 255, 0, 254).astype(np.uint8)
    for name in ("a", "b"):
        put(tmp_path / f"{name}.png", png(np.concatenate([COLOUR, alpha], -1)))
    readers.rgba(str(tmp_path))
    (near,) = caplog.messages
    assert near.startswith(f"{tmp_path}: 2 of 2 alphas are mostly near 0 or 255")
    premultiplied = np.uint8(COLOUR * (alpha / 255.0))
    for name in ("a", "b"):
        put(tmp_path / f"{name}.png", png(np.concatenate([premultiplied, alpha], -1)))
    readers.rgba(str(tmp_path))
    assert "seem to be multiplied by alpha already" in caplog.messages[-1]


def test_unreadable_file_is_named(tmp_path):
    """A folder and a link into nowhere: permissions do not keep root from reading."""
    put(tmp_path / "good.png", png(COLOUR))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    text = message(ValueError, readers.backgrounds, str(tmp_path))
    assert "folder.png cannot be read: Is a directory" in text
    assert "link.jpg cannot be read: No such file or directory" in text


def test_palette_is_resolved(tmp_path):
    indices = np.arange(24 * 32).reshape(24, 32) % 3
    colours = np.uint8([[255, 0, 9], [1, 2, 3], [7, 200, 90]])
    put(tmp_path / "opaque" / "a.png", palette_png(indices, colours))
    put(tmp_path / "cutout" / "a.png", palette_png(indices, colours, bytes([0, 128, 255])))
    opaque = readers.backgrounds(str(tmp_path / "opaque")).load(tf.constant(0, tf.int64))
    np.testing.assert_array_equal(opaque["background"], colours[indices])
    cutout = readers.rgba(str(tmp_path / "cutout")).load(tf.constant(0, tf.int64))
    np.testing.assert_array_equal(cutout["foreground"], colours[indices])
    np.testing.assert_array_equal(cutout["alpha"][..., 0], np.uint8([0, 128, 255])[indices])


def test_ten_thousand_pixels_wide(tmp_path):
    wide = RNG.integers(0, 256, (9, 10_000, 4), dtype=np.uint8)
    put(tmp_path / "cutout" / "a.png", png(wide))
    put(tmp_path / "photograph" / "a.jpg", jpeg(wide[..., :3]))
    sample = readers.rgba(str(tmp_path / "cutout")).load(tf.constant(0, tf.int64))
    np.testing.assert_array_equal(sample["foreground"], wide[..., :3])
    source = readers.backgrounds(str(tmp_path / "photograph"))
    cutouts = readers.rgba(str(tmp_path / "cutout"))
    batch = next(iter(composition(cutouts, source, validation(16), 2, seed=1)))
    assert batch["image"].shape == (2, 16, 16, 3) and np.isfinite(batch["image"]).all()


def test_ten_thousand_pixels_wide_in_bounded_memory(tmp_path):
    """Ten megapixels through reader and augmentation, two at a time; a process of its own, whose
    memory has no earlier peak."""
    ys, xs = np.mgrid[:1000, :10_000]
    alpha = np.uint8(np.clip(4000 - 8 * np.hypot(ys - 500, (xs - 5000) / 8), 0, 255))
    put(
        tmp_path / "cutouts" / "a.png",
        png(np.uint8(np.stack([ys % 256, xs % 256, alpha, alpha], -1))),
    )
    put(tmp_path / "pictures" / "a.jpg", jpeg(np.uint8(np.stack([xs % 256, ys % 256, xs % 7], -1))))
    script = (
        "import resource, sys\n"
        "from keras_matting.data import composition, training\n"
        "from keras_matting.data.reading import readers\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "cutouts, pictures = readers.rgba(sys.argv[1]), readers.backgrounds(sys.argv[2])\n"
        "batch = next(iter(composition(cutouts, pictures, training(64), 4, seed=1)))\n"
        "assert batch['alpha'].numpy().std() > 0\n"
        "print((peak() - before) / 1024)\n"
    )
    folders = [str(tmp_path / "cutouts"), str(tmp_path / "pictures")]
    done = subprocess.run(
        [sys.executable, "-c", script, *folders], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1500  # MB; one sample's floats are 160


def test_missing_partners_and_twins_are_named(tmp_path):
    for name in ("foreground/a.png", "foreground/b.png", "foreground/b.jpg", "alpha/b.png"):
        put(tmp_path / name, png(COLOUR))
    put(tmp_path / "alpha" / "c.png", png(ALPHA))
    text = message(ValueError, readers.foreground_alpha, str(tmp_path))
    assert "foreground/a.png has no partner in alpha/" in text
    assert "alpha/c.png has no partner in foreground/" in text
    assert "foreground/b.png has the same name as b.jpg" in text


def test_background_with_alpha_is_named(tmp_path):
    put(tmp_path / "glass.png", png(CUTOUT))
    assert "glass.png has an alpha" in message(ValueError, readers.backgrounds, str(tmp_path))


def test_unreadable_format_is_named(tmp_path):
    put(tmp_path / "a.png", png(COLOUR))
    put(tmp_path / "b.webp", b"RIFF")
    assert "b.webp" in message(ValueError, readers.backgrounds, str(tmp_path))


def test_missing_and_empty_folder(tmp_path):
    missing = str(tmp_path / "nowhere")
    assert missing in message(FileNotFoundError, readers.rgba, missing)
    assert str(tmp_path) in message(FileNotFoundError, readers.rgba, str(tmp_path))
    put(tmp_path / "foreground" / "a.png", png(COLOUR))
    assert "alpha" in message(FileNotFoundError, readers.foreground_alpha, str(tmp_path))


def test_ten_of_many_are_named(tmp_path):
    for i in range(13):
        put(tmp_path / f"bad{i:02}.png", b"")
    text = message(ValueError, readers.backgrounds, str(tmp_path))
    assert all(f"bad{i:02}.png" in text for i in range(10))
    assert "bad10.png" not in text and "and 3 more" in text


def test_verification_can_be_skipped(tmp_path):
    put(tmp_path / "bad.png", b"")
    assert readers.backgrounds(str(tmp_path), verify=False).size == 1
