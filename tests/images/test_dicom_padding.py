"""Padding of DICOM images: what the network sees, and what comes back."""

import numpy as np
import pydicom
import pytest

from keras_srgan.images import read_image, write_image
from keras_srgan.images.dicom import derive
from keras_srgan.images.dicom.padding import take_out
from keras_srgan.images.frames import open_frames

from .conftest import back, enlarged, radiograph, saved

RNG = np.random.default_rng(3)


def padded_ct(padding: int = -2000, dtype=np.int16) -> np.ndarray:
    stored = np.full((32, 32), padding, dtype)
    stored[8:24, 8:24] = 40
    return stored


def test_padding_is_filled_from_tissue_and_put_back_exactly(tmp_path):
    stored = padded_ct()
    seen, written = back(tmp_path, radiograph(stored, 16, signed=True), PixelPaddingValue=-2000)
    assert np.all(seen == 40 + 32768)
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored, 4))


def test_all_values_of_the_range_are_padding(tmp_path):
    stored = padded_ct()
    stored[:8] = RNG.integers(-2000, -1500, (8, 32))
    dataset = radiograph(stored, 16, signed=True)
    seen, written = back(tmp_path, dataset, PixelPaddingValue=-1501, PixelPaddingRangeLimit=-2000)
    assert np.all(seen == 40 + 32768)
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored, 4))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("padding", [0, 255])
def test_padding_is_known_whichever_end_is_bright(tmp_path, photometric, padding):
    stored = padded_ct(padding, np.uint8)
    seen, written = back(tmp_path, radiograph(stored, 8, photometric), PixelPaddingValue=padding)
    assert np.all(seen == (40 if photometric == "MONOCHROME2" else 215))
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored, 4))


def test_every_frame_has_padding_of_its_own(tmp_path):
    stored = np.stack([padded_ct(), padded_ct().T * 1])
    stored[1, 10:30, 8:24] = 90
    dataset = radiograph(stored[0], 16, signed=True, NumberOfFrames=2, PixelPaddingValue=-2000)
    dataset.PixelData = stored.tobytes()
    _, written = back(tmp_path, dataset, 2)
    np.testing.assert_array_equal(written.pixel_array, [enlarged(frame, 2) for frame in stored])


def test_padding_in_the_wrong_sign_is_known(tmp_path):
    stored = padded_ct()
    dataset = radiograph(stored, 16, signed=True)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    seen, written = back(tmp_path, dataset)
    assert np.all(seen == 40 + 32768)
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored, 4))


@pytest.mark.parametrize("signed", [True, False])
def test_padding_beyond_the_stored_bits_is_put_back_exactly(tmp_path, signed):
    stored = padded_ct(-2000 if signed else 63536, np.int16 if signed else np.uint16)
    bits = 11 if signed else 12
    seen, written = back(
        tmp_path, radiograph(stored, bits, signed=signed), PixelPaddingValue=-2000 if signed else 63536
    )
    assert seen.min() == seen.max()
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored, 4))


def test_overlays_in_the_upper_bits_are_not_taken_for_padding(tmp_path):
    stored = RNG.integers(0, 4096, (32, 32), dtype=np.uint16)
    dataset = radiograph(stored | (RNG.integers(0, 2, stored.shape, dtype=np.uint16) << 12), 12)
    seen, written = back(tmp_path, dataset, PixelPaddingValue=63536)
    np.testing.assert_array_equal(seen, stored)


def test_image_of_padding_only_stays_as_it_was(tmp_path):
    stored = np.full((8, 8), -2000, np.int16)
    _, written = back(tmp_path, radiograph(stored, 16, signed=True), PixelPaddingValue=-2000)
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored, 4))


def test_padding_value_that_no_pixel_has_changes_nothing(tmp_path):
    stored = RNG.integers(0, 1000, (9, 7), dtype=np.int16)
    frames = open_frames(saved(tmp_path, radiograph(stored, 16, signed=True, PixelPaddingValue=-2000)))
    (frame,) = frames
    assert frame.padding is None and not frames.notes
    np.testing.assert_array_equal(frame.pixels, stored.astype(int) + 32768)


@pytest.mark.parametrize("low, high, wanted", [(0, 3, 4), (250, 255, 249), (100, 101, 99)])
def test_tissue_is_never_written_as_padding(low, high, wanted):
    pixels = np.full((4, 4), 50, np.uint8)
    pixels[0] = low
    _, padding = take_out(pixels, low, high, 255)
    network = np.full((8, 8), low, np.uint8)
    result = padding.put_back(network)
    assert np.all(result[:2] == low) and np.all(result[2:] == wanted)


def test_an_evaluation_compares_the_rectangle_of_the_tissue(tmp_path):
    from keras_srgan.evaluate.protocols import PROTOCOLS

    stored = np.full((64, 72), -2000, np.int16)
    stored[8:60, 10:50] = RNG.integers(0, 900, (52, 40))
    image = read_image(saved(tmp_path, radiograph(stored, 16, signed=True, PixelPaddingValue=-2000)))
    pair = PROTOCOLS["cxr"].pair(image)
    np.testing.assert_array_equal(pair.hr, stored[8:60, 10:50].astype(int) + 32768)
    assert pair.lr.shape == (13, 10)


def test_maps_say_nothing_about_padding():
    pixels = np.full((4, 4), 50, np.uint8)
    pixels[0] = 0
    _, padding = take_out(pixels, 0, 0, 255)
    blank = padding.blank(np.ones((8, 8), np.float32))
    assert np.all(blank[:2] == 0) and np.all(blank[2:] == 1)


def test_read_image_fills_padding_and_write_image_puts_it_back(tmp_path):
    stored = padded_ct()
    image = read_image(saved(tmp_path, radiograph(stored, 16, signed=True, PixelPaddingValue=-2000)))
    assert np.all(image.pixels == 40 + 32768) and image.padding is not None
    path = write_image(tmp_path / "b.dcm", enlarged(image.pixels, 2), like=image)
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, enlarged(stored, 2))


def test_real_ct_comes_back_with_its_padding(tmp_path):
    path = pydicom.data.get_testdata_file("693_UNCR.dcm", download=False)
    if path is None:
        pytest.skip("pydicom-data is not installed")
    stored = pydicom.dcmread(path).pixel_array
    frames = open_frames(path)
    (frame,) = frames
    assert frame.pixels.min() > -1500 + 8192 and any("padding" in note for note in frames.notes)
    written = derive(frames.dicom, [frame.restored(enlarged(frame.pixels, 2))])
    values = np.frombuffer(written.PixelData, "<i2").reshape(1024, 1024)
    np.testing.assert_array_equal(values, enlarged(stored, 2))
