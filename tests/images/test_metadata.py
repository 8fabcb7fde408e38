"""What surrounds the pixels, written by other programs, read here, written here, read by other programs."""

import io

import cv2
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms, PngImagePlugin

from keras_srgan.images import read_image, write_image
from keras_srgan.images.frames import open_frames
from keras_srgan.images.metadata import Metadata, Resolution, fit

RNG = np.random.default_rng(5)
GRAY = RNG.integers(0, 256, (12, 16), dtype=np.uint8)
RGB = RNG.integers(0, 256, (12, 16, 3), dtype=np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY_PROFILE = SRGB[:16] + b"GRAY" + SRGB[20:]
RASTERS = (".png", ".jpg", ".tif", ".webp", ".bmp")


def dpi(path) -> tuple[float, float]:
    """As Pillow reads it, in dots an inch."""
    with Pillow.open(path) as image:
        if path.suffix == ".webp":
            exif = image.getexif()
            return tuple(float(exif[tag]) * (2.54 if exif[296] == 3 else 1) for tag in (282, 283))
        return tuple(map(float, image.info["dpi"]))


@pytest.mark.parametrize("target", RASTERS)
@pytest.mark.parametrize("source", RASTERS)
def test_resolution_times_the_scale_goes_from_each_format_to_each(tmp_path, source, target):
    exif = Pillow.Exif()
    exif.update({282: 300.0, 283: 150.0, 296: 2})
    options = {"exif": exif} if source == ".webp" else {"dpi": (300, 150)}
    Pillow.fromarray(GRAY).save(tmp_path / f"a{source}", **options)
    image = read_image(tmp_path / f"a{source}")
    path = write_image(tmp_path / f"b{target}", image.pixels.repeat(4, 0).repeat(4, 1), like=image)
    np.testing.assert_allclose(dpi(path), (1200, 600), rtol=1e-3)


@pytest.mark.parametrize("unit, code", [("INCH", 2), ("CENTIMETER", 3), ("NONE", 1)])
def test_the_unit_of_a_tiffs_resolution_stays(tmp_path, unit, code):
    tifffile.imwrite(tmp_path / "a.tif", GRAY, resolution=(118.5, 40), resolutionunit=unit, metadata=None)
    image = read_image(tmp_path / "a.tif")
    write_image(tmp_path / "b.tif", GRAY.repeat(2, 0).repeat(2, 1), like=image)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        tags = file.pages[0].tags
        assert [tags[n].value[0] / tags[n].value[1] for n in (282, 283)] == pytest.approx([237, 80])
        assert tags[296].value == code


def test_the_unit_of_a_jpegs_resolution_stays(tmp_path):
    Pillow.fromarray(GRAY).save(tmp_path / "a.jpg", dpi=(96, 48))
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    data[13] = 2  # dots a centimetre
    (tmp_path / "a.jpg").write_bytes(data)
    write_image(tmp_path / "b.jpg", GRAY.repeat(2, 0).repeat(2, 1), like=read_image(tmp_path / "a.jpg"))
    with Pillow.open(tmp_path / "b.jpg") as image:
        assert (image.info["jfif_unit"], image.info["jfif_density"]) == (2, (192, 96))


@pytest.mark.parametrize("suffix", RASTERS)
def test_where_none_is_said_none_is_written(tmp_path, suffix):
    write_image(tmp_path / f"a{suffix}", GRAY)
    image = read_image(tmp_path / f"a{suffix}")
    assert image.metadata == Metadata()
    with Pillow.open(write_image(tmp_path / f"b{suffix}", GRAY, like=image)) as other:
        assert "dpi" not in other.info or other.info["dpi"] in ((1, 1), (0, 0)) or suffix == ".tif"
        assert not other.getexif() or suffix == ".tif"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_resolution_turns_with_its_image(tmp_path, orientation):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(GRAY).save(tmp_path / "a.png", dpi=(300, 150), exif=exif)
    (frame,) = open_frames(tmp_path / "a.png")
    x, y = frame.metadata.resolution.per("inch")
    assert (x > y) == (orientation < 5) == (frame.pixels.shape[1] > frame.pixels.shape[0])


@pytest.mark.parametrize("target", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("source", [".png", ".jpg", ".tif", ".webp"])
def test_a_colour_profile_goes_from_each_format_to_each(tmp_path, source, target):
    Pillow.fromarray(RGB).save(tmp_path / f"a{source}", icc_profile=SRGB)
    image = read_image(tmp_path / f"a{source}")
    with Pillow.open(write_image(tmp_path / f"b{target}", RGB, like=image)) as other:
        assert other.info["icc_profile"] == SRGB


def test_a_profile_of_many_segments_is_put_together(tmp_path):
    large = SRGB[:16] + b"RGB " + SRGB[20:] + RNG.bytes(150_000)
    Pillow.fromarray(RGB).save(tmp_path / "a.jpg", icc_profile=large)
    assert read_image(tmp_path / "a.jpg").metadata.icc == large


def test_a_profile_of_other_colours_is_not_kept():
    for colours, icc, kept in ((1, SRGB, False), (3, SRGB, True), (1, GRAY_PROFILE, True), (3, GRAY_PROFILE, False)):
        found, note = fit(Metadata(icc=icc), ".png", colours)
        assert (found.icc is not None) == kept == (note == "")


def test_pngs_own_statements_of_colour_and_all_its_texts_stay(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    info.add(b"cHRM", bytes(range(32)))
    info.add_text("Title", "hand, left")
    info.add_text("Comment", "x" * 5000, zip=True)
    info.add_itxt("Author", "Röntgen, レントゲン", zip=True)
    Pillow.fromarray(GRAY).save(tmp_path / "a.png", pnginfo=info)
    write_image(tmp_path / "b.png", GRAY, like=read_image(tmp_path / "a.png"))
    with Pillow.open(tmp_path / "b.png") as image:
        image.load()
        assert image.info["gamma"] == 0.45455 and "chromaticity" in image.info
        assert image.text == {"Title": "hand, left", "Comment": "x" * 5000, "Author": "Röntgen, レントゲン"}


def test_texts_go_from_tiff_to_png_jpeg_and_webp_and_back(tmp_path):
    tags = [(315, 2, 0, "Röntgen".encode(), True), (33432, 2, 0, b"(c) 1895", True)]
    tifffile.imwrite(tmp_path / "a.tif", GRAY, description="hand", extratags=tags, metadata=None, software="made up")
    image = read_image(tmp_path / "a.tif")
    wanted = {"Description": "hand", "Author": "Röntgen", "Copyright": "(c) 1895", "Software": "made up"}
    assert dict(image.metadata.text) == wanted
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        found = read_image(write_image(tmp_path / f"b{suffix}", GRAY, like=image)).metadata
        assert dict(found.text) == wanted and found.lost == ()
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].description == "hand"
    with Pillow.open(tmp_path / "b.jpg") as other:
        assert other.getexif()[270] == "hand"


def test_comments_of_jpeg_stay(tmp_path):
    Pillow.fromarray(GRAY).save(tmp_path / "a.jpg", comment="左手")
    with Pillow.open(write_image(tmp_path / "b.jpg", GRAY, like=read_image(tmp_path / "a.jpg"))) as image:
        assert image.info["comment"].decode() == "左手"


@pytest.mark.parametrize(
    "metadata, suffix, word",
    [
        (Metadata(icc=SRGB), ".bmp", "BMP: ICC profile"),
        (Metadata(text=(("Title", "x"),)), ".bmp", "text"),
        (Metadata(text=(("Title", "x" * 70_000),)), ".jpg", "JPEG: text"),
        (Metadata(colour=(("gAMA", b"1234"),)), ".tif", "gAMA"),
        (Metadata(resolution=Resolution(70_000, 70_000, "inch")), ".jpg", "resolution"),
        (Metadata(resolution=Resolution(2, 1, "")), ".bmp", "resolution"),
        (Metadata(lost=("XMP", "EXIF", "XMP")), ".png", "PNG: XMP, EXIF"),
    ],
)
def test_what_a_format_cannot_hold_is_named_once(metadata, suffix, word):
    kept, note = fit(metadata, suffix, 3)
    assert word in note and note.startswith("not kept in ") and kept == Metadata()


@pytest.mark.parametrize("body", [b"", b"\0", b"name", b"name\0\0" + b"damaged" * 9, b"\xff" * 90])
@pytest.mark.parametrize("kind", [b"iCCP", b"pHYs", b"zTXt", b"iTXt", b"tEXt", b"eXIf", b"gAMA", b"tRNS"])
def test_what_is_damaged_around_the_pixels_is_no_reason_to_refuse_them(tmp_path, kind, body):
    from keras_srgan.images.rasters import _chunk

    done, encoded = cv2.imencode(".png", GRAY)
    data = encoded.tobytes()
    assert done
    (tmp_path / "a.png").write_bytes(data[:33] + _chunk(kind, body) + data[33:])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, GRAY)


def test_a_text_that_unpacks_to_gigabytes_is_left_out(tmp_path):
    import zlib

    from keras_srgan.images.rasters import _chunk

    done, encoded = cv2.imencode(".png", GRAY)
    data = encoded.tobytes()
    assert done
    bomb = zlib.compress(bytes(2**26))
    for kind, body in ((b"zTXt", b"Title\0\0" + bomb), (b"iCCP", b"Profile\0\0" + bomb)):
        (tmp_path / "a.png").write_bytes(data[:33] + _chunk(kind, body) + data[33:])
        found = read_image(tmp_path / "a.png").metadata
        assert found.text == () and found.icc is None and len(found.lost) == 1


def test_the_spacing_of_dicom_becomes_the_resolution_of_other_files(tmp_path):
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    dataset.PixelSpacing = [0.5, 0.25]
    dataset.save_as(tmp_path / "a.dcm")
    image = read_image(tmp_path / "a.dcm")
    assert image.metadata.resolution == Resolution(40, 20, "cm") and image.metadata.text == ()
    path = write_image(tmp_path / "b.png", image.pixels.repeat(4, 0).repeat(4, 1), like=image)
    np.testing.assert_allclose(dpi(path), (40 * 4 * 2.54, 20 * 4 * 2.54), rtol=1e-3)


def test_other_writers_blocks_are_read_alike(tmp_path):
    buffer = io.BytesIO()
    exif = Pillow.Exif()
    exif.update({270: "hand", 282: 200.0, 283: 200.0, 296: 3})
    Pillow.fromarray(GRAY).save(buffer, "JPEG", exif=exif)  # its JFIF block says nothing of it
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue())
    found = read_image(tmp_path / "a.jpg").metadata
    assert found.resolution == Resolution(200, 200, "cm") and found.text == (("Description", "hand"),)
