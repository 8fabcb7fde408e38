"""Compressed DICOM images: the depth and the losses that the codestream knows of."""

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from keras_srgan.images import ImageError, read_image
from keras_srgan.images.dicom.codestream import examine_stream

from .conftest import radiograph, saved

pytest.importorskip("openjpeg", reason="pylibjpeg-openjpeg is not installed")
RNG = np.random.default_rng(5)
DEEP = RNG.integers(0, 65536, (64, 80), dtype=np.uint16)


def compressed(folder, dataset, bits: int | None = None, syntax=JPEG2000Lossless):
    """A file of a lossless codestream, and then another depth in its header."""
    dataset.compress(syntax, generate_instance_uid=False)
    if bits is not None:
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.save_as(folder / "a.dcm", enforce_file_format=True)
    return folder / "a.dcm"


@pytest.fixture
def source(tmp_path):
    """A plain object with file meta information, ready to be compressed."""

    def make(stored, bits, **elements):
        return pydicom.dcmread(saved(tmp_path, radiograph(stored, bits, **elements)))

    return make


@pytest.mark.parametrize("signed", [False, True])
def test_values_of_more_bits_than_the_header_says_are_read_as_they_are(source, tmp_path, signed):
    stored = DEEP.astype(np.int16) if signed else DEEP
    path = compressed(tmp_path, source(stored, 16, signed=signed), 12)
    image = read_image(path)
    assert image.max_value == 65535 and image.dicom.BitsStored == 16 and image.dicom.HighBit == 15
    np.testing.assert_array_equal(image.pixels, stored.astype(int) + 32768 * signed)


def test_a_deeper_stream_of_values_that_fit_keeps_the_depth_of_the_header(source, tmp_path):
    image = read_image(compressed(tmp_path, source(DEEP & 4095, 16), 12))
    assert image.max_value == 4095
    np.testing.assert_array_equal(image.pixels, DEEP & 4095)


def test_a_stream_deeper_than_its_cells_is_refused_with_both_depths(source, tmp_path):
    dataset = source(DEEP, 16)
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match="16 bits in a file that says 8 of 8"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize("rows, columns, samples", [(80, 64, 1), (32, 80, 1), (64, 80, 3)])
def test_a_stream_of_another_size_is_refused_with_both(source, tmp_path, rows, columns, samples):
    dataset = source(DEEP, 16)
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, samples
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=f"64x80x1 in a file that says {rows}x{columns}x{samples}"):
        read_image(tmp_path / "a.dcm")


def test_one_deep_frame_of_several_decides_for_all(source, tmp_path):
    from keras_srgan.images.frames import open_frames

    dataset = source(DEEP & 255, 16, NumberOfFrames=2)
    dataset.PixelData = (DEEP & 255).tobytes() + DEEP.tobytes()
    frames = open_frames(compressed(tmp_path, dataset, 12))
    assert [frame.max_value for frame in frames] == [65535, 65535] and "16 bits" in frames.notes[0]


def test_depth_and_losses_of_pydicoms_samples():
    found = {}
    for name in ("MR_small_jp2klossless", "JPEG2000", "MR_small_jpeg_ls_lossless", "JPEGLSNearLossless_16"):
        dataset = pydicom.dcmread(get_testdata_file(f"{name}.dcm", download=False))
        syntax = UID(dataset.file_meta.TransferSyntaxUID)
        stream = examine_stream(next(generate_frames(dataset.PixelData, number_of_frames=1)), syntax)
        found[name] = (stream.format, stream.bits, stream.lossy)
    assert found == {
        "MR_small_jp2klossless": ("JPEG 2000", 16, False),
        "JPEG2000": ("JPEG 2000", 16, True),
        "MR_small_jpeg_ls_lossless": ("JPEG-LS", 16, False),
        "JPEGLSNearLossless_16": ("JPEG-LS", 16, True),
    }


@pytest.mark.parametrize(
    "name, method",
    [("SC_rgb_jpeg_lossy_gdcm", "ISO_10918_1"), ("JPEG2000", "ISO_15444_1"), ("JPEGLSNearLossless_08", "ISO_14495_1")],
)
def test_lossy_source_without_the_flag_gives_an_object_with_it(name, method):
    path = get_testdata_file(f"{name}.dcm", download=False)
    dataset, image = pydicom.dcmread(path), read_image(path)
    assert dataset.get("LossyImageCompression") != "01" or "LossyImageCompressionMethod" not in dataset
    assert image.dicom.LossyImageCompression == "01" and image.dicom.LossyImageCompressionMethod == method
    assert float(image.dicom.LossyImageCompressionRatio) > 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_source_is_not_called_lossy(source, tmp_path, syntax):
    header = read_image(compressed(tmp_path, source(DEEP, 16), syntax=syntax)).dicom
    assert "LossyImageCompression" not in header


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc0\0\x0b", b"\xff\x4f\xff\x51\0\x29", b"\xff\xd8\xff\xff"]
)
def test_damaged_streams_say_nothing(data):
    assert examine_stream(data, JPEGLSLossless) is None
