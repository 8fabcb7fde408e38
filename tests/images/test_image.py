import io
import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from keras_srgan.images import luma, read_image

from .conftest import GRAY, GRAY16, RGB, RGB16, encode, pillow_bytes, put, tiff_bytes, unreadable


@pytest.mark.parametrize("pixels", [GRAY, GRAY16, RGB, RGB16], ids=["gray8", "gray16", "rgb8", "rgb16"])
@pytest.mark.parametrize("extension", [".png", ".tif", ".tiff"])
def test_lossless_files_read_as_they_were_written(tmp_path, extension, pixels):
    path = put(tmp_path, f"röntgen{extension}", encode(extension, pixels))
    image = read_image(path)
    assert image.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.max_value == np.iinfo(pixels.dtype).max
    assert image.path == path and image.patient is None and image.dicom is None


@pytest.mark.parametrize("pixels", [GRAY, RGB], ids=["gray", "rgb"])
def test_bmp_reads_as_it_was_written(tmp_path, pixels):
    path = put(tmp_path, "a.bmp", encode(".bmp", pixels))
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("extension", [".jpg", ".jpeg", ".webp"])
def test_lossy_colour_keeps_the_channel_order(tmp_path, extension):
    orange = np.full((32, 32, 3), (250, 120, 10), np.uint8)
    pixels = read_image(put(tmp_path, f"a{extension}", encode(extension, orange))).pixels
    assert np.abs(pixels.astype(int) - orange).max() < 12


def test_progressive_jpeg_and_jpeg_with_thumbnail_are_whole(tmp_path):
    smooth = cv2.GaussianBlur(GRAY, (0, 0), 3)
    progressive = pillow_bytes(Pillow.fromarray(smooth), "JPEG", progressive=True)
    thumbnail = pillow_bytes(Pillow.fromarray(smooth[:8, :8]), "JPEG")
    comment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    carrying = progressive[:2] + comment + progressive[2:]
    whole = read_image(put(tmp_path, "a.jpg", carrying + b"\0\0trailing")).pixels
    assert whole.shape == smooth.shape
    # The thumbnail's end marker is not the image's.
    unreadable(put(tmp_path, "b.jpg", carrying[:-20]), "cut short")


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.png"):
        read_image(tmp_path / "absent.png")


def test_content_wins_over_the_extension(tmp_path):
    path = put(tmp_path, "a.jpg", encode(".png", GRAY16))
    np.testing.assert_array_equal(read_image(path).pixels, GRAY16)


def test_small_image_is_read(tmp_path):
    assert read_image(put(tmp_path, "a.png", encode(".png", GRAY[:20, :20]))).pixels.shape == (20, 20)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palette_becomes_rgb_or_gray_if_all_its_used_colours_are(tmp_path, kind):
    colour = Pillow.fromarray(RGB).quantize(32)
    gray = Pillow.fromarray(GRAY).quantize(16)
    of_colour = read_image(put(tmp_path, f"a.{kind.lower()}", pillow_bytes(colour, kind))).pixels
    of_gray = read_image(put(tmp_path, f"b.{kind.lower()}", pillow_bytes(gray, kind))).pixels
    np.testing.assert_array_equal(of_colour, np.asarray(colour.convert("RGB")))
    np.testing.assert_array_equal(of_gray, np.asarray(gray.convert("L")))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palette_with_an_unused_colour_is_gray(tmp_path, kind):
    levels = GRAY % 16
    image = Pillow.fromarray(levels).convert("P")
    image.putpalette([value for level in range(16) for value in (16 * level,) * 3] + [255, 0, 0])
    path = put(tmp_path, f"a.{kind.lower()}", pillow_bytes(image, kind))
    np.testing.assert_array_equal(read_image(path).pixels, 16 * levels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_becomes_black_and_white(tmp_path, kind):
    path = put(tmp_path, f"a.{kind.lower()}", pillow_bytes(Pillow.fromarray(GRAY > 127), kind))
    np.testing.assert_array_equal(read_image(path).pixels, np.where(GRAY > 127, 255, 0))


def test_transparency_is_dropped(tmp_path):
    gray = pillow_bytes(Pillow.merge("LA", [Pillow.fromarray(GRAY), Pillow.fromarray(GRAY // 2)]), "PNG")
    colour = pillow_bytes(Pillow.fromarray(np.dstack([RGB, GRAY])), "PNG")
    np.testing.assert_array_equal(read_image(put(tmp_path, "a.png", gray)).pixels, GRAY)
    np.testing.assert_array_equal(read_image(put(tmp_path, "b.png", colour)).pixels, RGB)


def test_rgb_with_equal_channels_stays_rgb_as_stored(tmp_path):
    path = put(tmp_path, "a.png", encode(".png", np.dstack([GRAY] * 3)))
    assert read_image(path).pixels.shape == (40, 52, 3)


@pytest.mark.parametrize("pixels", [GRAY, GRAY16], ids=["8", "16"])
def test_gray_stored_as_rgb_gives_exactly_that_channel(tmp_path, pixels):
    path = put(tmp_path, "a.png", encode(".png", np.dstack([pixels] * 3)))
    image = read_image(path, channels=1)
    assert image.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(image.pixels, pixels)


@pytest.mark.parametrize("pixels", [RGB, RGB16], ids=["8", "16"])
def test_luma_is_bt601_rounded(pixels):
    exact = pixels.astype(np.float64) @ [0.299, 0.587, 0.114]
    gray = luma(pixels)
    assert gray.dtype == pixels.dtype
    assert np.abs(gray - exact).max() <= 0.5 + 1e-6


def test_three_channels_repeat_gray_and_leave_colour(tmp_path):
    gray = put(tmp_path, "a.png", encode(".png", GRAY16))
    colour = put(tmp_path, "b.png", encode(".png", RGB))
    np.testing.assert_array_equal(read_image(gray, channels=3).pixels, np.dstack([GRAY16] * 3))
    np.testing.assert_array_equal(read_image(colour, channels=3).pixels, RGB)


def test_two_channels_are_refused(tmp_path):
    with pytest.raises(ValueError, match="channels"):
        read_image(put(tmp_path, "a.png", encode(".png", GRAY)), channels=2)


@pytest.mark.parametrize(
    "most, white", [(0, 65535), (199, 255), (256, 1023), (4095, 4095), (4096, 16383), (16383, 16383), (16384, 65535)]
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_files_have_the_fewest_usual_bits_that_hold_them_and_keep_their_numbers(tmp_path, suffix, most, white):
    dark = (GRAY16 % (most + 1)).astype(np.uint16)
    dark[0, 0] = most
    path = put(tmp_path, f"a{suffix}", encode(suffix, dark))
    image = read_image(path)
    assert image.pixels.dtype == np.uint16 and image.max_value == white
    np.testing.assert_array_equal(image.pixels, dark)
    assert read_image(path, bits=16).max_value == 65535


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_tiff_in_unit_range_becomes_16_bits(tmp_path, dtype):
    values = np.linspace(0, 1, 40 * 52, dtype=dtype).reshape(40, 52)
    image = read_image(put(tmp_path, "a.tif", tiff_bytes(values)))
    assert image.pixels.dtype == np.uint16 and image.max_value == 65535
    np.testing.assert_array_equal(image.pixels, np.rint(values * 65535.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5, -0.1])
def test_float_tiff_outside_the_unit_range_is_refused(tmp_path, value):
    values = np.zeros((40, 52), np.float32)
    values[3, 3] = value
    unreadable(put(tmp_path, "a.tif", tiff_bytes(values)), "[0, 1]")


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint32])
def test_other_sample_types_are_refused(tmp_path, dtype):
    unreadable(put(tmp_path, "a.tif", tiff_bytes((GRAY // 2).astype(dtype))), np.dtype(dtype).name)


def test_multi_page_tiff_is_refused_and_the_pages_counted(tmp_path):
    pages = [Pillow.fromarray(GRAY)] * 2
    data = pillow_bytes(Pillow.fromarray(GRAY), "TIFF", save_all=True, append_images=pages)
    unreadable(put(tmp_path, "a.tif", data), "3 pages")


def test_thumbnail_in_a_tiff_is_no_page(tmp_path):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(GRAY)
        writer.write(GRAY[::4, ::4], subfiletype=1)
    np.testing.assert_array_equal(read_image(put(tmp_path, "a.tif", buffer.getvalue())).pixels, GRAY)


@pytest.mark.parametrize("pixels", [GRAY, GRAY16], ids=["8", "16"])
def test_white_is_zero_tiff_is_inverted(tmp_path, pixels):
    path = put(tmp_path, "a.tif", tiff_bytes(pixels, photometric="miniswhite"))
    np.testing.assert_array_equal(read_image(path).pixels, np.iinfo(pixels.dtype).max - pixels)


@pytest.mark.parametrize(
    "options", [{"bigtiff": True}, {"byteorder": ">"}, {"tile": (16, 16)}], ids=["big", "motorola", "tiled"]
)
def test_tiff_variants_are_read(tmp_path, options):
    path = put(tmp_path, "a.tif", tiff_bytes(GRAY16, **options))
    np.testing.assert_array_equal(read_image(path).pixels, GRAY16)


def test_tiff_that_opencv_would_misread_is_refused(tmp_path):
    planes = tiff_bytes(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate")
    cmyk = tiff_bytes(np.dstack([RGB, GRAY]), photometric="separated")
    unreadable(put(tmp_path, "a.tif", planes), "separate planes")
    unreadable(put(tmp_path, "b.tif", cmyk), "CMYK")
