"""JPEG: the same pixels as OpenCV's, and word of damage."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from keras_srgan.images.jpeg import DamagedJpeg, decode_jpeg, jpeg_damage

RGB = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8), (0, 0), 2)


def jpeg(mode="RGB", **options):
    buffer = io.BytesIO()
    Pillow.fromarray(RGB).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def by_opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


KINDS = [
    {"mode": "L"},
    {"mode": "CMYK"},
    {"subsampling": 0},
    {"subsampling": 2, "progressive": True},
    {"restart_marker_blocks": 2},
    {"mode": "L", "progressive": True},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_pixels_are_those_of_opencv(options):
    data = jpeg(**options)
    pixels, oddity = decode_jpeg(data)
    np.testing.assert_array_equal(pixels, by_opencv(data))
    assert oddity is None and jpeg_damage(data) is None


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_data_that_end_early_are_damaged_wherever_they_end(options):
    data = jpeg(**options)
    begin = data.index(b"\xff\xda") + 100
    for place in np.linspace(begin, len(data) - 40, 9).astype(int):
        cut = data[:place] + b"\xff\xd9"
        with pytest.raises(ValueError, match="remature end|Huffman table|marker length"):  # of a later scan
            decode_jpeg(cut)
        assert jpeg_damage(cut)


def test_stray_bytes_between_the_parts_hide_no_damage_behind_them():
    data = bytearray(jpeg())
    place = data.index(b"\xff\xc0")
    data[place:place] = b"stray"
    pixels, oddity = decode_jpeg(data)
    np.testing.assert_array_equal(pixels, by_opencv(jpeg()))
    assert "5 extraneous bytes before marker 0xc0" in oddity
    with pytest.raises(DamagedJpeg, match="premature end"):
        decode_jpeg(data[: len(data) * 2 // 3] + b"\xff\xd9")


def test_colour_at_a_third_of_the_width_is_read():
    """Gray of one value in 24 blocks, of which each code is one bit."""

    def part(marker, body):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body

    size = struct.pack(">BHHB", 8, 16, 48, 3) + bytes([1, 0x31, 0, 2, 0x11, 0, 3, 0x11, 0])
    codes = b"".join(bytes([kind, 1]) + bytes(16) for kind in (0x00, 0x10))
    scan = part(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])) + bytes(5)
    data = b"\xff\xd8" + part(0xDB, b"\0" + b"\1" * 64) + part(0xC0, size) + part(0xC4, codes) + scan + b"\xff\xd9"
    pixels, _ = decode_jpeg(data)
    assert pixels.shape == (16, 48, 3) and (pixels == 128).all()


def test_what_no_decoder_knows_is_refused():
    data = jpeg()
    lossless = data.replace(b"\xff\xc0", b"\xff\xc3", 1)
    with pytest.raises(ValueError):
        decode_jpeg(lossless)
