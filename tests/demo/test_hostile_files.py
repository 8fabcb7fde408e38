"""Files that are damaged, lie about their size or are no image: the page says a sentence and goes on."""

import zlib

import numpy as np

from keras_srgan.images import write_image

from .conftest import DICOM_OF_PYDICOM


def chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(width, height, data, depth=16, colour=0):
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def hostile(make_image, folder):
    whole = write_image(folder / "whole.png", make_image(40, 44, dtype="uint16").pixels).read_bytes()
    jpeg = write_image(folder / "whole.jpg", make_image(40, 44).pixels).read_bytes()
    dicom = (DICOM_OF_PYDICOM / "MR_small.dcm").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    yield "empty.png", b"", "empty"
    yield "text.png", b"hello, I am not a picture", "neither a picture nor a DICOM"
    yield "scan.tif", b"II*\0" + bytes(100), "a TIFF file"
    yield "cut.png", whole[: len(whole) // 2], "cut short"
    yield "flipped.png", bytes(flipped), "damaged"
    yield "bomb.png", png(8, 8, zlib.compress(bytes(50_000_000))), "bomb"
    yield "huge.png", png(60000, 60000, zlib.compress(bytes(100))), "60000 x 60000"
    yield "none.png", png(0, 5, zlib.compress(b"")), "0 x 5"
    yield "few.png", png(8, 8, zlib.compress(bytes(20))), "damaged"
    yield "cut.jpg", jpeg[: len(jpeg) // 2], "cut short"
    yield "header.jpg", jpeg[:20], "damaged JPEG"
    yield "cut.dcm", dicom[:-3000], "cut short"
    yield "head.dcm", dicom[:400], "DICOM"
    yield "noise.dcm", bytes(128) + b"DICM" + np.random.default_rng(0).bytes(5000), "DICOM"
    yield "report.dcm", (DICOM_OF_PYDICOM / "reportsi.dcm").read_bytes(), "no picture"
    yield "frames.dcm", (DICOM_OF_PYDICOM / "SC_rgb_rle_2frame.dcm").read_bytes(), "2 frames"
    yield "palette.dcm", (DICOM_OF_PYDICOM / "examples_palette.dcm").read_bytes(), "PALETTE COLOR"
    yield '<img src=x onerror="document.title=1">.png', b"x", "<img"


def test_a_hostile_file_gets_a_sentence_and_the_page_goes_on(page, make_image, tmp_path):
    good = write_image(tmp_path / "good.png", make_image(20, 20).pixels)
    for name, content, what in hostile(make_image, tmp_path):
        path = tmp_path / name
        path.write_bytes(content)
        said = page.take(path)
        assert isinstance(said, str) and what in said and said.endswith("."), (name, said)
        assert not page.driver.find_element("id", "figures").is_displayed()
    assert page.take(good)["tiles"] == 1
    assert page.driver.title == "Sharpen a radiograph"
