"""Raster files that are cut, changed or lie about their size are refused in one line."""

import contextlib
import struct
import zlib

import cv2
import numpy as np
import pytest

from keras_srgan.images import ImageError, read_image

from .conftest import GRAY, RGB, encode, png_chunk, put, tiff_bytes, unreadable


@pytest.mark.parametrize("cut", ["half", "20 bytes"])
@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_cut_files_are_refused(tmp_path, extension, cut):
    data = encode(extension, RGB)
    data = data[: len(data) // 2] if cut == "half" else data[:-20]
    unreadable(put(tmp_path, f"a{extension}", data), "get ")


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_cut_files_are_noticed_without_opencv(tmp_path, extension, monkeypatch):
    # Older OpenCV versions fill the missing part with gray and say nothing.
    monkeypatch.setattr(cv2, "imdecode", lambda *_: RGB)
    unreadable(put(tmp_path, f"a{extension}", encode(extension, RGB)[:-20]))


def test_tiff_with_its_directory_in_front_is_noticed_when_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: GRAY)
    unreadable(put(tmp_path, "a.tif", tiff_bytes(GRAY)[:-20]), "cut short")


def test_png_with_a_changed_byte_is_refused(tmp_path):
    data = bytearray(encode(".png", GRAY))
    data[len(data) // 2] ^= 1
    unreadable(put(tmp_path, "a.png", bytes(data)), "damaged", "IDAT")


def test_png_with_a_changed_byte_in_a_comment_is_read(tmp_path):
    data = encode(".png", GRAY)
    comment = bytearray(png_chunk(b"tEXt", b"Title\0hand"))
    comment[-1] ^= 1
    path = put(tmp_path, "a.png", data[:33] + bytes(comment) + data[33:])
    np.testing.assert_array_equal(read_image(path).pixels, GRAY)


def test_png_with_too_few_rows_is_refused(tmp_path):
    body = zlib.compress(b"\0" * 53 * 10)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 52, 40, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    unreadable(put(tmp_path, "a.png", data))


@pytest.mark.parametrize("name", ["a.png", "a.dcm", "a"])
def test_empty_file_is_refused(tmp_path, name):
    unreadable(put(tmp_path, name, b""), "0 bytes")


def test_text_named_png_is_refused(tmp_path):
    unreadable(put(tmp_path, "text.png", b"hello, this is no image\n"), "not PNG", "hello")


def test_image_that_claims_a_huge_size_is_refused_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    huge = 1 << 15
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", huge, huge, 8, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    jpeg = bytearray(encode(".jpg", GRAY))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", huge, huge)
    large = bytearray(tiff_bytes(GRAY))
    for tag in (256, 257):
        place = large.index(struct.pack("<HHI", tag, 4 if struct.pack("<HHI", tag, 4, 1) in large else 3, 1))
        large[place + 2 : place + 12] = struct.pack("<HII", 4, 1, huge)
    bmp = bytearray(encode(".bmp", GRAY))
    bmp[18:26] = struct.pack("<ii", huge, huge)
    bmp[30:34] = struct.pack("<I", 1)  # run-length packed: the file's length says nothing
    for name, data in {"a.png": png, "a.jpg": jpeg, "a.tif": large, "a.bmp": bmp}.items():
        unreadable(put(tmp_path, name, bytes(data)), f"{huge}x{huge}", "limit")


def test_cut_files_leave_stderr_quiet(tmp_path, capfd):
    for extension in (".png", ".jpg", ".tif", ".bmp", ".webp"):
        data = encode(extension, RGB)
        unreadable(put(tmp_path, f"a{extension}", data[: len(data) // 2]))
    assert capfd.readouterr().err == ""


def test_damaged_strip_leaves_stderr_quiet(tmp_path, capfd):
    data = bytearray(tiff_bytes(GRAY, compression="zlib"))
    data[-30] ^= 255
    # OpenCV decodes what it can and logs the rest; a version of it may also refuse.
    with contextlib.suppress(ImageError):
        read_image(put(tmp_path, "a.tif", bytes(data)))
    assert capfd.readouterr().err == ""


def test_image_too_wide_for_opencv_is_refused(tmp_path):
    data = bytearray(encode(".bmp", GRAY))
    data[18:26] = struct.pack("<ii", 1 << 21, 1)
    unreadable(put(tmp_path, "a.bmp", bytes(data) + bytes(1 << 21)), "cannot be decoded")


def test_image_that_decodes_to_another_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: GRAY[:10])
    unreadable(put(tmp_path, "a.png", encode(".png", GRAY)), "(10, 52)")


def test_bigtiff_that_points_outside_any_file_is_refused(tmp_path):
    data = bytearray(tiff_bytes(GRAY, bigtiff=True))
    data[8:16] = b"\xff" * 8
    unreadable(put(tmp_path, "a.tif", bytes(data)), "header")


def test_12_bit_samples_are_refused(tmp_path):
    data = bytearray(tiff_bytes(GRAY))
    place = data.index(struct.pack("<HHI", 258, 3, 1))
    data[place + 8 : place + 10] = struct.pack("<H", 12)
    unreadable(put(tmp_path, "a.tif", bytes(data)), "12 bits")


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_damaged_bytes_give_an_image_or_an_image_error(tmp_path, extension):
    rng = np.random.default_rng(3)
    whole = encode(extension, cv2.GaussianBlur(RGB, (0, 0), 2))
    refusals = 0
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), rng.choice([40, 400, len(data)])), rng.integers(1, 5)):
            data[place] = rng.integers(256)
        try:
            image = read_image(put(tmp_path, f"a{extension}", bytes(data[: rng.integers(1, 3 * len(data))])))
        except ImageError as error:
            refusals += 1
            assert "\n" not in str(error)
        else:
            assert image.pixels.dtype in (np.uint8, np.uint16) and image.pixels.ndim in (2, 3)
    assert refusals > 0


def test_damaged_png_content_under_right_checksums_gives_an_image_or_an_image_error(tmp_path):
    rng, noise = np.random.default_rng(4), np.random.default_rng(7).integers(0, 256, (40, 52), dtype=np.uint8)
    whole = encode(".png", cv2.GaussianBlur(noise, (0, 0), 2))
    (length,) = struct.unpack_from(">I", whole, 33)
    refusals = 0
    for _ in range(100):
        header, body = bytearray(whole[16:29]), bytearray(whole[41 : 41 + length])
        for part in (header,) if rng.random() < 0.3 else (body,):
            part[rng.integers(len(part))] = rng.integers(256)
        data = whole[:8] + png_chunk(b"IHDR", bytes(header)) + png_chunk(b"IDAT", bytes(body))
        try:
            image = read_image(put(tmp_path, "a.png", data + png_chunk(b"IEND", b"")))
        except ImageError:
            refusals += 1
        else:
            assert image.pixels.dtype in (np.uint8, np.uint16)
    assert 0 < refusals < 100
