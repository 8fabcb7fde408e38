"""`write_image`: what comes back, what is refused, and what a failure leaves."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from keras_srgan import files
from keras_srgan.images import Image, ImageError, read_image, write_image

from .conftest import GRAY, GRAY16, RGB, RGB16


@pytest.mark.parametrize("pixels", [GRAY, GRAY16, RGB, RGB16], ids=["gray8", "gray16", "rgb8", "rgb16"])
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
    smooth = cv2.GaussianBlur(RGB, (0, 0), 4)
    read = read_image(write_image(tmp_path / "a.jpg", smooth)).pixels
    assert np.abs(read.astype(int) - smooth).mean() < 3
    with pytest.raises(ImageError, match="png"):
        write_image(tmp_path / "b.jpg", GRAY16)
    assert os.listdir(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "pixels", "max_value", "word"),
    [
        ("a.gif", GRAY, None, "gif"),
        ("a", GRAY, None, "extension"),
        ("a.png", GRAY.astype(np.float32), None, "float32"),
        ("a.png", np.dstack([GRAY] * 2), None, "shape"),
        ("a.png", GRAY[:0], None, "shape"),
        ("a.png", GRAY16, 32767, "32767"),
        ("a.dcm", GRAY, None, "DICOM source"),
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
    path = write_image(tmp_path / "a.png", GRAY)
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
        write_image(tmp_path / "a.png", GRAY)
    assert os.listdir(tmp_path) == []


def test_write_makes_a_missing_folder_and_names_a_file_in_its_place(tmp_path):
    path = write_image(tmp_path / "absent" / "a.png", GRAY)
    with pytest.raises(OSError) as caught:
        write_image(path / "b.png", GRAY)
    assert caught.value.filename == str(path / "b.png")


def test_longest_file_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    np.testing.assert_array_equal(read_image(write_image(path, GRAY)).pixels, GRAY)
