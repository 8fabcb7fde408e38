import contextlib
import errno
import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from keras_srgan import files
from keras_srgan.images import Image, ImageError, luma, read_image, write_image

RNG = np.random.default_rng(7)
GRAY8 = RNG.integers(0, 256, (40, 52), dtype=np.uint8)
GRAY16 = RNG.integers(0, 65536, (40, 52), dtype=np.uint16)
RGB8 = RNG.integers(0, 256, (40, 52, 3), dtype=np.uint8)
RGB16 = RNG.integers(0, 65536, (40, 52, 3), dtype=np.uint16)


def encode(extension: str, pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(extension, pixels if pixels.ndim == 2 else pixels[..., ::-1])
    assert done
    return data.tobytes()


def pillow(image: Pillow.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(pixels: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def saved(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def refused(path: Path, *words: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("pixels", [GRAY8, GRAY16, RGB8, RGB16], ids=["gray8", "gray16", "rgb8", "rgb16"])
@pytest.mark.parametrize("extension", [".png", ".tif", ".tiff"])
def test_lossless_files_read_as_they_were_written(tmp_path, extension, pixels):
    path = saved(tmp_path, f"röntgen{extension}", encode(extension, pixels))
    image = read_image(path)
    assert image.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.max_value == np.iinfo(pixels.dtype).max
    assert image.path == path and image.patient is None and image.dicom is None


@pytest.mark.parametrize("pixels", [GRAY8, RGB8], ids=["gray", "rgb"])
def test_bmp_reads_as_it_was_written(tmp_path, pixels):
    path = saved(tmp_path, "a.bmp", encode(".bmp", pixels))
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("extension", [".jpg", ".jpeg", ".webp"])
def test_lossy_colour_keeps_the_channel_order(tmp_path, extension):
    orange = np.full((32, 32, 3), (250, 120, 10), np.uint8)
    pixels = read_image(saved(tmp_path, f"a{extension}", encode(extension, orange))).pixels
    assert np.abs(pixels.astype(int) - orange).max() < 12


def test_progressive_jpeg_and_jpeg_with_thumbnail_are_whole(tmp_path):
    smooth = cv2.GaussianBlur(GRAY8, (0, 0), 3)
    progressive = pillow(Pillow.fromarray(smooth), "JPEG", progressive=True)
    thumbnail = pillow(Pillow.fromarray(smooth[:8, :8]), "JPEG")
    comment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    carrying = progressive[:2] + comment + progressive[2:]
    whole = read_image(saved(tmp_path, "a.jpg", carrying + b"\0\0trailing")).pixels
    assert whole.shape == smooth.shape
    # The thumbnail's end marker is not the image's.
    refused(saved(tmp_path, "b.jpg", carrying[:-20]), "cut short")


@pytest.mark.parametrize("cut", ["half", "20 bytes"])
@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_cut_files_are_refused(tmp_path, extension, cut):
    data = encode(extension, RGB8)
    data = data[: len(data) // 2] if cut == "half" else data[:-20]
    refused(saved(tmp_path, f"a{extension}", data), "get ")


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_cut_files_are_noticed_without_opencv(tmp_path, extension, monkeypatch):
    # Older OpenCV versions fill the missing part with gray and say nothing.
    monkeypatch.setattr(cv2, "imdecode", lambda *_: RGB8)
    refused(saved(tmp_path, f"a{extension}", encode(extension, RGB8)[:-20]))


def test_tiff_with_its_directory_in_front_is_noticed_when_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: GRAY8)
    refused(saved(tmp_path, "a.tif", tiff(GRAY8)[:-20]), "cut short")


def test_png_with_a_changed_byte_is_refused(tmp_path):
    data = bytearray(encode(".png", GRAY8))
    data[len(data) // 2] ^= 1
    refused(saved(tmp_path, "a.png", bytes(data)), "damaged", "IDAT")


def test_png_with_a_changed_byte_in_a_comment_is_read(tmp_path):
    data = encode(".png", GRAY8)
    comment = bytearray(png_chunk(b"tEXt", b"Title\0hand"))
    comment[-1] ^= 1
    path = saved(tmp_path, "a.png", data[:33] + bytes(comment) + data[33:])
    np.testing.assert_array_equal(read_image(path).pixels, GRAY8)


def test_png_with_too_few_rows_is_refused(tmp_path):
    body = zlib.compress(b"\0" * 53 * 10)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 52, 40, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    refused(saved(tmp_path, "a.png", data))


@pytest.mark.parametrize("name", ["a.png", "a.dcm", "a"])
def test_empty_file_is_refused(tmp_path, name):
    refused(saved(tmp_path, name, b""), "0 bytes")


def test_text_named_png_is_refused(tmp_path):
    refused(saved(tmp_path, "text.png", b"hello, this is no image\n"), "not PNG", "hello")


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.png"):
        read_image(tmp_path / "absent.png")


def test_content_wins_over_the_extension(tmp_path):
    path = saved(tmp_path, "a.jpg", encode(".png", GRAY16))
    np.testing.assert_array_equal(read_image(path).pixels, GRAY16)


def test_small_image_is_read(tmp_path):
    assert read_image(saved(tmp_path, "a.png", encode(".png", GRAY8[:20, :20]))).pixels.shape == (20, 20)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palette_becomes_rgb_or_gray_if_all_its_used_colours_are(tmp_path, kind):
    colour = Pillow.fromarray(RGB8).quantize(32)
    gray = Pillow.fromarray(GRAY8).quantize(16)
    of_colour = read_image(saved(tmp_path, f"a.{kind.lower()}", pillow(colour, kind))).pixels
    of_gray = read_image(saved(tmp_path, f"b.{kind.lower()}", pillow(gray, kind))).pixels
    np.testing.assert_array_equal(of_colour, np.asarray(colour.convert("RGB")))
    np.testing.assert_array_equal(of_gray, np.asarray(gray.convert("L")))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palette_with_an_unused_colour_is_gray(tmp_path, kind):
    levels = GRAY8 % 16
    image = Pillow.fromarray(levels).convert("P")
    image.putpalette([value for level in range(16) for value in (16 * level,) * 3] + [255, 0, 0])
    path = saved(tmp_path, f"a.{kind.lower()}", pillow(image, kind))
    np.testing.assert_array_equal(read_image(path).pixels, 16 * levels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_becomes_black_and_white(tmp_path, kind):
    path = saved(tmp_path, f"a.{kind.lower()}", pillow(Pillow.fromarray(GRAY8 > 127), kind))
    np.testing.assert_array_equal(read_image(path).pixels, np.where(GRAY8 > 127, 255, 0))


def test_transparency_is_dropped(tmp_path):
    gray = pillow(Pillow.merge("LA", [Pillow.fromarray(GRAY8), Pillow.fromarray(GRAY8 // 2)]), "PNG")
    colour = pillow(Pillow.fromarray(np.dstack([RGB8, GRAY8])), "PNG")
    np.testing.assert_array_equal(read_image(saved(tmp_path, "a.png", gray)).pixels, GRAY8)
    np.testing.assert_array_equal(read_image(saved(tmp_path, "b.png", colour)).pixels, RGB8)


def test_rgb_with_equal_channels_stays_rgb_as_stored(tmp_path):
    path = saved(tmp_path, "a.png", encode(".png", np.dstack([GRAY8] * 3)))
    assert read_image(path).pixels.shape == (40, 52, 3)


@pytest.mark.parametrize("pixels", [GRAY8, GRAY16], ids=["8", "16"])
def test_gray_stored_as_rgb_gives_exactly_that_channel(tmp_path, pixels):
    path = saved(tmp_path, "a.png", encode(".png", np.dstack([pixels] * 3)))
    image = read_image(path, channels=1)
    assert image.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(image.pixels, pixels)


@pytest.mark.parametrize("pixels", [RGB8, RGB16], ids=["8", "16"])
def test_luma_is_bt601_rounded(pixels):
    exact = pixels.astype(np.float64) @ [0.299, 0.587, 0.114]
    gray = luma(pixels)
    assert gray.dtype == pixels.dtype
    assert np.abs(gray - exact).max() <= 0.5 + 1e-6


def test_three_channels_repeat_gray_and_leave_colour(tmp_path):
    gray = saved(tmp_path, "a.png", encode(".png", GRAY16))
    colour = saved(tmp_path, "b.png", encode(".png", RGB8))
    np.testing.assert_array_equal(read_image(gray, channels=3).pixels, np.dstack([GRAY16] * 3))
    np.testing.assert_array_equal(read_image(colour, channels=3).pixels, RGB8)


def test_two_channels_are_refused(tmp_path):
    with pytest.raises(ValueError, match="channels"):
        read_image(saved(tmp_path, "a.png", encode(".png", GRAY8)), channels=2)


@pytest.mark.parametrize(
    "most, white", [(0, 65535), (199, 255), (256, 1023), (4095, 4095), (4096, 16383), (16383, 16383), (16384, 65535)]
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_files_have_the_fewest_usual_bits_that_hold_them_and_keep_their_numbers(tmp_path, suffix, most, white):
    dark = (GRAY16 % (most + 1)).astype(np.uint16)
    dark[0, 0] = most
    path = saved(tmp_path, f"a{suffix}", encode(suffix, dark))
    image = read_image(path)
    assert image.pixels.dtype == np.uint16 and image.max_value == white
    np.testing.assert_array_equal(image.pixels, dark)
    assert read_image(path, bits=16).max_value == 65535


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_tiff_in_unit_range_becomes_16_bits(tmp_path, dtype):
    values = np.linspace(0, 1, 40 * 52, dtype=dtype).reshape(40, 52)
    image = read_image(saved(tmp_path, "a.tif", tiff(values)))
    assert image.pixels.dtype == np.uint16 and image.max_value == 65535
    np.testing.assert_array_equal(image.pixels, np.rint(values * 65535.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5, -0.1])
def test_float_tiff_outside_the_unit_range_is_refused(tmp_path, value):
    values = np.zeros((40, 52), np.float32)
    values[3, 3] = value
    refused(saved(tmp_path, "a.tif", tiff(values)), "[0, 1]")


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint32])
def test_other_sample_types_are_refused(tmp_path, dtype):
    refused(saved(tmp_path, "a.tif", tiff((GRAY8 // 2).astype(dtype))), np.dtype(dtype).name)


def test_multi_page_tiff_is_refused_and_the_pages_counted(tmp_path):
    pages = [Pillow.fromarray(GRAY8)] * 2
    data = pillow(Pillow.fromarray(GRAY8), "TIFF", save_all=True, append_images=pages)
    refused(saved(tmp_path, "a.tif", data), "3 pages")


def test_thumbnail_in_a_tiff_is_no_page(tmp_path):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(GRAY8)
        writer.write(GRAY8[::4, ::4], subfiletype=1)
    np.testing.assert_array_equal(read_image(saved(tmp_path, "a.tif", buffer.getvalue())).pixels, GRAY8)


@pytest.mark.parametrize("pixels", [GRAY8, GRAY16], ids=["8", "16"])
def test_white_is_zero_tiff_is_inverted(tmp_path, pixels):
    path = saved(tmp_path, "a.tif", tiff(pixels, photometric="miniswhite"))
    np.testing.assert_array_equal(read_image(path).pixels, np.iinfo(pixels.dtype).max - pixels)


@pytest.mark.parametrize(
    "options", [{"bigtiff": True}, {"byteorder": ">"}, {"tile": (16, 16)}], ids=["big", "motorola", "tiled"]
)
def test_tiff_variants_are_read(tmp_path, options):
    path = saved(tmp_path, "a.tif", tiff(GRAY16, **options))
    np.testing.assert_array_equal(read_image(path).pixels, GRAY16)


def test_tiff_that_opencv_would_misread_is_refused(tmp_path):
    planes = tiff(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate")
    cmyk = tiff(np.dstack([RGB8, GRAY8]), photometric="separated")
    refused(saved(tmp_path, "a.tif", planes), "separate planes")
    refused(saved(tmp_path, "b.tif", cmyk), "CMYK")


def test_image_that_claims_a_huge_size_is_refused_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    huge = 1 << 15
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", huge, huge, 8, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    jpeg = bytearray(encode(".jpg", GRAY8))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", huge, huge)
    large = bytearray(tiff(GRAY8))
    for tag in (256, 257):
        place = large.index(struct.pack("<HHI", tag, 4 if struct.pack("<HHI", tag, 4, 1) in large else 3, 1))
        large[place + 2 : place + 12] = struct.pack("<HII", 4, 1, huge)
    bmp = bytearray(encode(".bmp", GRAY8))
    bmp[18:26] = struct.pack("<ii", huge, huge)
    bmp[30:34] = struct.pack("<I", 1)  # run-length packed: the file's length says nothing
    for name, data in {"a.png": png, "a.jpg": jpeg, "a.tif": large, "a.bmp": bmp}.items():
        refused(saved(tmp_path, name, bytes(data)), f"{huge}x{huge}", "limit")


def test_cut_files_leave_stderr_quiet(tmp_path, capfd):
    for extension in (".png", ".jpg", ".tif", ".bmp", ".webp"):
        data = encode(extension, RGB8)
        refused(saved(tmp_path, f"a{extension}", data[: len(data) // 2]))
    assert capfd.readouterr().err == ""


def test_damaged_strip_leaves_stderr_quiet(tmp_path, capfd):
    data = bytearray(tiff(GRAY8, compression="zlib"))
    data[-30] ^= 255
    # OpenCV decodes what it can and logs the rest; a version of it may also refuse.
    with contextlib.suppress(ImageError):
        read_image(saved(tmp_path, "a.tif", bytes(data)))
    assert capfd.readouterr().err == ""


def test_image_too_wide_for_opencv_is_refused(tmp_path):
    data = bytearray(encode(".bmp", GRAY8))
    data[18:26] = struct.pack("<ii", 1 << 21, 1)
    refused(saved(tmp_path, "a.bmp", bytes(data) + bytes(1 << 21)), "cannot be decoded")


def test_image_that_decodes_to_another_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: GRAY8[:10])
    refused(saved(tmp_path, "a.png", encode(".png", GRAY8)), "(10, 52)")


def test_bigtiff_that_points_outside_any_file_is_refused(tmp_path):
    data = bytearray(tiff(GRAY8, bigtiff=True))
    data[8:16] = b"\xff" * 8
    refused(saved(tmp_path, "a.tif", bytes(data)), "header")


def test_12_bit_samples_are_refused(tmp_path):
    data = bytearray(tiff(GRAY8))
    place = data.index(struct.pack("<HHI", 258, 3, 1))
    data[place + 8 : place + 10] = struct.pack("<H", 12)
    refused(saved(tmp_path, "a.tif", bytes(data)), "12 bits")


@pytest.mark.parametrize("pixels", [GRAY8, GRAY16, RGB8, RGB16], ids=["gray8", "gray16", "rgb8", "rgb16"])
@pytest.mark.parametrize("extension", [".png", ".tif", ".tiff", ".PNG"])
def test_written_files_read_back_equal(tmp_path, extension, pixels):
    path = write_image(tmp_path / f"a{extension}", pixels)
    with Pillow.open(path) as other:
        if pixels.ndim == 2 or pixels.dtype == np.uint8:  # Pillow has no 16-bit colour
            np.testing.assert_array_equal(np.asarray(other), pixels)
    np.testing.assert_array_equal(read_image(path).pixels, pixels)
    assert os.listdir(tmp_path) == [path.name]


def test_15_bit_values_stay_the_same_numbers_in_png(tmp_path):
    pixels = GRAY16 % 32768
    path = write_image(tmp_path / "a.png", pixels, max_value=32767)
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


def test_jpeg_is_written_for_8_bits_only(tmp_path):
    smooth = cv2.GaussianBlur(RGB8, (0, 0), 4)
    read = read_image(write_image(tmp_path / "a.jpg", smooth)).pixels
    assert np.abs(read.astype(int) - smooth).mean() < 3
    with pytest.raises(ImageError, match="png"):
        write_image(tmp_path / "b.jpg", GRAY16)
    assert os.listdir(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "pixels", "max_value", "word"),
    [
        ("a.gif", GRAY8, None, "gif"),
        ("a", GRAY8, None, "extension"),
        ("a.png", GRAY8.astype(np.float32), None, "float32"),
        ("a.png", np.dstack([GRAY8] * 2), None, "shape"),
        ("a.png", GRAY8[:0], None, "shape"),
        ("a.png", GRAY16, 32767, "32767"),
        ("a.dcm", GRAY8, None, "DICOM source"),
    ],
)
def test_unwritable_images_are_refused(tmp_path, name, pixels, max_value, word):
    with pytest.raises(ImageError, match=word) as caught:
        write_image(tmp_path / name, pixels, max_value)
    assert str(tmp_path / name) in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_the_source_gives_the_white_value(tmp_path):
    like = Image(GRAY16, 4095, Path("x.png"))
    with pytest.raises(ImageError, match="4095"):
        write_image(tmp_path / "a.png", np.full((4, 4), 4096, np.uint16), like=like)
    assert write_image(tmp_path / "a.png", np.full((4, 4), 4095, np.uint16), like=like).exists()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = write_image(tmp_path / "a.png", GRAY8)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(OSError) as caught:
        write_image(path, GRAY16)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(path)
    assert os.listdir(tmp_path) == ["a.png"] and path.read_bytes() == before


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "a.png", GRAY8)
    assert os.listdir(tmp_path) == []


def test_write_makes_a_missing_folder_and_names_a_file_in_its_place(tmp_path):
    path = write_image(tmp_path / "absent" / "a.png", GRAY8)
    with pytest.raises(OSError) as caught:
        write_image(path / "b.png", GRAY8)
    assert caught.value.filename == str(path / "b.png")


def test_longest_file_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    np.testing.assert_array_equal(read_image(write_image(path, GRAY8)).pixels, GRAY8)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_damaged_bytes_give_an_image_or_an_image_error(tmp_path, extension):
    rng = np.random.default_rng(3)
    whole = encode(extension, cv2.GaussianBlur(RGB8, (0, 0), 2))
    refusals = 0
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), rng.choice([40, 400, len(data)])), rng.integers(1, 5)):
            data[place] = rng.integers(256)
        try:
            image = read_image(saved(tmp_path, f"a{extension}", bytes(data[: rng.integers(1, 3 * len(data))])))
        except ImageError as error:
            refusals += 1
            assert "\n" not in str(error)
        else:
            assert image.pixels.dtype in (np.uint8, np.uint16) and image.pixels.ndim in (2, 3)
    assert refusals > 0


def test_damaged_png_content_under_right_checksums_gives_an_image_or_an_image_error(tmp_path):
    rng = np.random.default_rng(4)
    whole = encode(".png", cv2.GaussianBlur(GRAY8, (0, 0), 2))
    (length,) = struct.unpack_from(">I", whole, 33)
    refusals = 0
    for _ in range(100):
        header, body = bytearray(whole[16:29]), bytearray(whole[41 : 41 + length])
        for part in (header,) if rng.random() < 0.3 else (body,):
            part[rng.integers(len(part))] = rng.integers(256)
        data = whole[:8] + png_chunk(b"IHDR", bytes(header)) + png_chunk(b"IDAT", bytes(body))
        try:
            image = read_image(saved(tmp_path, "a.png", data + png_chunk(b"IEND", b"")))
        except ImageError:
            refusals += 1
        else:
            assert image.pixels.dtype in (np.uint8, np.uint16)
    assert 0 < refusals < 100
