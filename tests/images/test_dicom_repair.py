"""Headers that are almost right, and the byte order of what they hold."""

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from keras_srgan.images.dicom import derived_header
from keras_srgan.images.dicom.repair import repaired, usable_uid
from keras_srgan.images.frames import open_frames

from .conftest import radiograph, saved

STORED = np.random.default_rng(5).integers(0, 4096, (20, 30), dtype=np.uint16)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def patched(tmp_path):
    """A file whose element holds these bytes, as no library writes them."""

    def make(tag: int, value: bytes):
        dataset = radiograph(STORED, 12)
        dataset.add_new(tag, "OB", value + b" " * (len(value) % 2))
        return saved(tmp_path, dataset, syntax=ImplicitVRLittleEndian)

    return make


def fixed(path):
    frames = open_frames(path)
    notes: list[str] = []
    return derived_header(frames.dicom, 2, notes=notes), " ".join(notes)


SPACING = 0x00280030


@pytest.mark.parametrize(
    "written, meant",
    [
        (b"0,14\\0,14", [0.07, 0.07]),
        (b"0.14", [0.07, 0.07]),
        (b"0,14", [0.07, 0.07]),
        (b"0.14 0.28", [0.07, 0.14]),
        (b"0.14,0.28", [0.07, 0.14]),
        (b"0.14mm\\0.28 mm", [0.07, 0.14]),
        (b"1,4e-1\\+.28", [0.07, 0.14]),
        (b"[0.14, 0.28]", [0.07, 0.14]),
    ],
)
def test_spacing_that_is_almost_right_is_mended_with_a_note(patched, written, meant):
    header, notes = fixed(patched(SPACING, written))
    assert [float(v) for v in header.PixelSpacing] == pytest.approx(meant)
    assert "PixelSpacing" in notes and all(len(str(v)) <= 16 for v in header.PixelSpacing)


@pytest.mark.parametrize("written", [b"unknown", b"0.1\\0.1\\0.1", b"nan\\nan", b"-0.1\\-0.1", b"\\0.1", b"0.1/0.2"])
def test_spacing_that_cannot_be_read_is_dropped_with_a_note(patched, written):
    header, notes = fixed(patched(SPACING, written))
    assert "PixelSpacing" not in header and "PixelSpacing dropped" in notes


def test_spacing_in_another_vr_is_read(tmp_path):
    for vr, value in (("UT", "0.14\\0.28"), ("LO", ["0.14", "0.28"]), ("FD", [0.14, 0.28]), ("ST", "0,14\\0,28")):
        dataset = radiograph(STORED, 12)
        dataset[SPACING] = DataElement(SPACING, vr, value)
        header, notes = fixed(saved(tmp_path, dataset))
        assert header[SPACING].VR == "DS" and [float(v) for v in header.PixelSpacing] == pytest.approx([0.07, 0.14])
        assert "PixelSpacing" in notes


@pytest.mark.parametrize(
    "tag, written",
    [
        (0x00200032, b"1\\2"),  # Image Position (Patient)
        (0x00200037, b"1\\0\\0\\0\\1"),  # Image Orientation (Patient)
        (0x00200037, b"1\\0\\0\\1\\0\\0"),
        (0x00181602, b"left"),  # Shutter Left Vertical Edge
        (0x00181620, b"1\\2\\3"),  # Vertices of the Polygonal Shutter
    ],
)
def test_places_that_cannot_be_read_are_dropped_and_the_rest_is_written(patched, tmp_path, tag, written):
    path = patched(tag, written)
    header, notes = fixed(path)
    assert tag not in header and "dropped" in notes
    header.PixelData = b""
    header.save_as(tmp_path / "b.dcm")


@pytest.mark.parametrize(
    "tag, written, meant",
    [(0x00281050, b"40,5", 40.5), (0x00201209, b"12,0", 12)],
)
def test_numbers_beyond_geometry_are_mended_too(patched, tag, written, meant):
    header, notes = fixed(patched(tag, written))
    assert float(header[tag].value) == pytest.approx(meant) and header[tag].keyword in notes


def test_nested_elements_are_mended():
    measures = Dataset()
    measures[SPACING] = DataElement(SPACING, "UT", "0,5\\0,5")
    group = Dataset()
    group.PixelMeasuresSequence = [measures]
    header = derived_header(radiograph(STORED, 12, SharedFunctionalGroupsSequence=[group]), 2)
    assert list(header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing) == [0.25, 0.25]


def test_a_text_where_a_sequence_belongs_is_dropped(tmp_path):
    dataset = radiograph(STORED, 12)
    dataset[0x52009229] = DataElement(0x52009229, "LO", "none")  # Shared Functional Groups Sequence
    header, notes = fixed(saved(tmp_path, dataset))
    assert "SharedFunctionalGroupsSequence" not in header and "no sequence" in notes


def test_right_headers_are_left_alone():
    source = radiograph(STORED, 12, PixelSpacing=[0.1, 0.2], WindowCenter=[1, 2], ImageType=["ORIGINAL", "PRIMARY"])
    mended, notes = repaired(source)
    assert notes == [] and mended == source


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "emri_small_big_endian.dcm", "examples_overlay.dcm"]
)
def test_real_headers_need_no_mending(name):
    frames = open_frames(pydicom.data.get_testdata_file(name, download=False))
    assert repaired(frames.dicom)[1] == []


@pytest.mark.parametrize(
    "tag, vr, words",
    [
        (0x00283006, "OW", "u2"),  # LUT Data
        (0x00281201, "OW", "u2"),  # Red Palette Color Lookup Table Data
        (0x00660016, "OF", "f4"),  # Point Coordinates Data
        (0x00660022, "OD", "f8"),  # Double Point Coordinates Data
        (0x00660040, "OL", "u4"),  # Long Primitive Point Index List
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_words_of_a_big_endian_header_keep_their_values(tmp_path, tag, vr, words, nested):
    values = np.arange(1, 9).astype(words)
    dataset = radiograph(STORED, 12)
    inner = Dataset() if nested else dataset
    inner.add_new(tag, vr, values.astype(f">{words}").tobytes())  # pydicom writes the bytes that it is given
    if nested:
        dataset.VOILUTSequence = [inner]
    dataset.PixelData = STORED.astype(">u2").tobytes()
    frames = open_frames(saved(tmp_path, dataset, syntax=ExplicitVRBigEndian))
    (frame,) = frames
    np.testing.assert_array_equal(frame.pixels, STORED)
    derived_header(frames.dicom, 2).save_as(tmp_path / "b.dcm")
    written = pydicom.dcmread(tmp_path / "b.dcm")
    holder = written.VOILUTSequence[0] if nested else written
    np.testing.assert_array_equal(np.frombuffer(holder[tag].value, f"<{words}"), values)


def test_bytes_of_a_big_endian_header_are_left_alone(tmp_path):
    dataset = radiograph(STORED, 12, ICCProfile=b"\1\2\3\4", LUTData=[1, 2, 515])
    dataset["LUTData"].VR = "US"
    dataset.PixelData = STORED.astype(">u2").tobytes()
    header = open_frames(saved(tmp_path, dataset, syntax=ExplicitVRBigEndian)).dicom
    assert header.ICCProfile == b"\1\2\3\4" and list(header.LUTData) == [1, 2, 515]


@pytest.mark.parametrize("value", ["", None, "ANON", "0", "1.2.3.04", "1." * 40 + "1", "3.4.5", "1..2", " "])
def test_what_is_no_uid_names_nothing(value):
    assert usable_uid(value) is None


def test_what_is_a_uid_is_one():
    assert usable_uid("1.2.840.10008.1.2\0") == "1.2.840.10008.1.2"
