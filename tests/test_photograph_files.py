"""What a file says about its pixels reaches the results: colours, resolution, orientation, bits."""

import io
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from keras_matting import colour_profiles, photograph_files, result_files
from keras_matting.photograph_files import read

COLOURS = np.uint8([[(255, 0, 0), (10, 200, 30)], [(250, 250, 250), (40, 60, 200)]]).repeat(8, 0)
COLOURS = COLOURS.repeat(8, 1)


def saved(path, image, **options):
    Image.fromarray(image).save(path, **options)
    return path


@pytest.mark.parametrize("format", result_files.FORMATS)
@pytest.mark.parametrize("channels", [3, 4])
def test_profile_and_resolution_survive_every_format(format, channels, wide_profile):
    image = COLOURS if channels == 3 else np.dstack([COLOURS, COLOURS[..., 0]])
    data = result_files.encode(image, format, wide_profile, (300, 150))
    found = read("a", data=data)
    assert found.profile == wide_profile
    assert found.dpi == pytest.approx((300, 150), rel=1e-4)
    assert (found.alpha is None) == (channels == 3)
    if format != "webp":
        np.testing.assert_array_equal(found.pixels, COLOURS)


@pytest.mark.parametrize("format", result_files.FORMATS)
def test_mattes_are_exact_and_have_no_profile(format, wide_profile):
    matte = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = read("a", data=result_files.encode(matte, format, wide_profile, (300, 300)))
    np.testing.assert_array_equal(found.pixels[..., 1], matte)
    assert found.profile is None and found.dpi == pytest.approx((300, 300), rel=1e-4)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_16_bits_survive(format):
    image = np.random.default_rng(0).integers(0, 65536, (9, 7, 4), np.uint16)
    found = read("a", data=result_files.encode(image, format))
    np.testing.assert_array_equal(np.dstack([found.pixels, found.alpha]), image)
    assert np.abs(found.in_8_bits() - image[..., :3] / 257.0).max() <= 0.5


def test_networks_see_srgb(tmp_path, wide_profile):
    path = saved(tmp_path / "a.png", COLOURS, icc_profile=wide_profile)
    photograph = read(path)
    np.testing.assert_array_equal(photograph.pixels, COLOURS)
    seen = photograph.in_srgb()
    expected = ImageCms.profileToProfile(
        Image.fromarray(COLOURS), ImageCms.ImageCmsProfile(str(_written(tmp_path, wide_profile))),
        ImageCms.createProfile("sRGB"),
    )  # fmt: skip
    np.testing.assert_array_equal(seen, np.asarray(expected))
    assert seen[0, 8, 0] < 5 and COLOURS[0, 8, 0] == 10  # green outside sRGB
    inside = np.full((2, 2, 3), (180, 120, 90), np.uint8)
    again = colour_profiles.to_srgb(colour_profiles.from_srgb(inside, wide_profile), wide_profile)
    assert np.abs(again.astype(int) - inside).max() <= 1


def _written(folder, profile):
    (folder / "wide.icc").write_bytes(profile)
    return folder / "wide.icc"


def test_the_profile_of_srgb_changes_nothing(wide_profile):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour_profiles.is_srgb(profile) and not colour_profiles.is_srgb(wide_profile)
    assert colour_profiles.space(b"not a profile") is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(suffix, orientation, tmp_path):
    image = np.zeros((32, 48, 3), np.uint8)
    image[:16, :24, 0], image[:16, 24:, 1], image[16:, :24, 2] = 255, 255, 255
    exif = Image.Exif()
    exif[photograph_files.ORIENTATION] = orientation
    path = saved(tmp_path / f"a.{suffix}", image, exif=exif, dpi=(300, 150))
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's numbers of transpositions
    upright = Image.fromarray(image)
    if orientation > 1:
        upright = upright.transpose(turned[orientation])
    found = read(path)
    assert np.abs(found.pixels.astype(int) - np.asarray(upright)).mean() < 8
    if suffix != "webp":  # without resolution: Pillow does not write it
        expected = (300, 150) if orientation < 5 else (150, 300)
        assert found.dpi == pytest.approx(expected, rel=1e-4)


def test_alpha_does_not_darken_colours(tmp_path):
    image = np.full((8, 8, 4), (200, 150, 100, 64), np.uint8)
    for suffix, options in (("png", {}), ("tif", {}), ("webp", dict(lossless=True, exact=True))):
        found = read(saved(tmp_path / f"a.{suffix}", image, **options))
        np.testing.assert_array_equal(np.dstack([found.pixels, found.alpha]), image)


def test_float_tiff(tmp_path):
    def written(name, value):
        tifffile.imwrite(tmp_path / name, np.full((8, 8, 3), value, np.float32), photometric="rgb")
        return tmp_path / name

    found = read(written("a.tif", (0.25, 0.5, 1.0))).in_8_bits()
    np.testing.assert_array_equal(found[0, 0], (64, 128, 255))
    with pytest.raises(ValueError, match="b.tif: has float32 values from 7.0 to 7.0; save it with"):
        read(written("b.tif", 7))
    cv2.imwrite(f"{tmp_path}/c.tif", np.full((8, 8, 3), 0.5, np.float32))
    with pytest.raises(ValueError, match=r"c.tif: is compressed with loss \(SGI LogLuv\)"):
        read(tmp_path / "c.tif")


def tiff(image, orientation=1, **options):
    """The bytes of a TIFF file by tifffile, which has every layout."""
    out = io.BytesIO()
    given = dict(photometric="rgb" if image.ndim == 3 else "minisblack", metadata=None)
    if image.shape[-1] == 4:
        given["extrasamples"] = ["unassalpha"]
    tag = (photograph_files.ORIENTATION, 3, 1, orientation, True)
    tifffile.imwrite(out, image, extratags=[tag], **given | options)
    return out.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_layout_of_tiff(dtype, channels, wide_profile):
    values = np.random.default_rng(0).integers(0, 256, (8, 24, 4), np.uint8)
    scale = {np.uint8: 1.0, np.uint16: 257.0, np.float32: 1 / 255}[dtype]
    image = (values * scale).astype(dtype)[..., :channels]
    given = dict(resolution=(300, 150), resolutionunit="INCH", iccprofile=wide_profile)
    layouts = [{}, dict(tile=(16, 16)), dict(compression="zlib", byteorder=">")]
    data = [tiff(image.squeeze(), 6, **layout, **given) for layout in layouts]
    if channels > 1:
        data.append(tiff(np.moveaxis(image, -1, 0), 6, planarconfig="separate", **given))
    expected = np.rot90(np.broadcast_to(values[..., : min(channels, 3)], (8, 24, 3)), -1)
    for each in data:
        found = read("a.tif", data=each)
        assert found.pixels.dtype == (np.uint8 if dtype == np.uint8 else np.uint16)
        np.testing.assert_array_equal(found.in_8_bits(), expected)
        assert found.dpi == (150, 300) and (found.profile == wide_profile or channels == 1)
        assert (found.alpha is None) == (channels < 4)
        if channels == 4:
            np.testing.assert_array_equal(
                photograph_files.to_8_bits(found.alpha), np.rot90(values[..., 3], -1)
            )


def test_16_bit_tiff_of_rare_kinds():
    grey = np.full((4, 8), 1000, np.uint16)
    with_alpha = dict(photometric="minisblack", extrasamples=["unassalpha"])
    for image, options, expected in (
        (grey, dict(photometric="miniswhite"), 64535),
        (np.dstack([grey, grey]), with_alpha, 1000),
        (np.dstack([grey] * 3 + [2 * grey]), dict(extrasamples=["assocalpha"]), 32767),
    ):
        found = read("a.tif", data=tiff(image, **options))
        assert (found.pixels == expected).all()
    with pytest.raises(ValueError, match="^a.tif: has more than 8 bits of SEPARATED colours; save"):
        read("a.tif", data=tiff(np.dstack([grey] * 4), photometric="separated", extrasamples=[]))


def test_metadata_of_tiff_without_its_layout(tmp_path):
    exif = Image.Exif()
    exif[271], exif[photograph_files.ORIENTATION] = "Maker", 6
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = read(saved(tmp_path / "a.tif", COLOURS, exif=exif.tobytes(), icc_profile=profile))
    block = Image.Exif()
    block.load(found.exif)
    assert block[271] == "Maker" and block.get_ifd(0x8825) == {1: "N"}
    assert set(block) <= {271, 34853}


@pytest.mark.parametrize("suffix", ["webp", "tif", "png"])
def test_more_than_one_frame_is_mentioned(suffix, tmp_path):
    first, second = Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)
    options = dict(lossless=True) if suffix == "webp" else {}
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=[second], **options)
    notes = []
    np.testing.assert_array_equal(read(tmp_path / f"a.{suffix}", notes).pixels, COLOURS)
    kind = "pages" if suffix == "tif" else "frames"
    assert notes == [f"{tmp_path}/a.{suffix}: has 2 {kind}; only the first is used"]


def test_cmyk_without_a_profile(tmp_path):
    path = saved(tmp_path / "a.png", COLOURS)
    Image.open(path).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    found = read(tmp_path / "a.jpg")
    assert found.profile is None and np.abs(found.pixels.astype(int) - COLOURS).mean() < 8


def test_avif_is_read_and_heic_with_its_package(tmp_path, monkeypatch, wide_profile):
    path = saved(tmp_path / "a.avif", COLOURS, quality=100, icc_profile=wide_profile)
    found = read(path)
    assert found.profile == wide_profile and np.abs(found.pixels.astype(int) - COLOURS).mean() < 8
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(COLOURS)).save(tmp_path / "a.heic", quality=95)
    assert np.abs(read(tmp_path / "a.heic").pixels.astype(int) - COLOURS).mean() < 8
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValueError, match=r'a.heic: is a HEIC .* pip install "keras_matting\[heic'):
        read(tmp_path / "a.heic")


def test_metadata_is_kept_without_the_orientation():
    exif = Image.Exif()
    exif[271], exif[photograph_files.ORIENTATION] = "Maker", 6
    exif.get_ifd(0x8825)[1] = "N"
    for format in ("png", "webp"):
        data = result_files.encode(COLOURS, format, exif=exif.tobytes())
        block = Image.Exif()
        block.load(read("a", data=data).exif)
        assert block[271] == "Maker" and photograph_files.ORIENTATION not in block
        assert block.get_ifd(0x8825) == {1: "N"}


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    rows = zlib.compress(b"\0" * 100, 9)
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        png += struct.pack(">I", len(content)) + kind + content
        png += struct.pack(">I", zlib.crc32(kind + content))
    (tmp_path / "a.png").write_bytes(png)
    with pytest.raises(ValueError, match="a.png: has more than 178,956,970 pixels; scale it down"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_truncated_files_are_refused(format, tmp_path):
    path = saved(tmp_path / "a.bin", np.tile(COLOURS, (4, 4, 1)), format=format)
    data = path.read_bytes()
    for length in (0, 3, 40, len(data) // 2):
        with pytest.raises(ValueError, match="^b: damaged or not an image"):
            read("b", data=data[:length])


def test_webp_has_a_largest_side():
    with pytest.raises(ValueError, match="WebP has at most 16,383 pixels per side"):
        result_files.encode(np.zeros((1, 20_000), np.uint8), "webp")
