import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from keras_srgan.images import ImageError, read_image, write_image
from keras_srgan.images.dicom import patient_id, read_dicom

from .conftest import STORED12, enlarged, radiograph, sample, saved, unreadable

RNG = np.random.default_rng(5)


def test_monochrome2_is_read_as_stored(tmp_path):
    image = read_image(saved(tmp_path, radiograph(STORED12, 12)))
    assert image.pixels.dtype == np.uint16 and image.max_value == 4095 and image.patient == "P 17"
    np.testing.assert_array_equal(image.pixels, STORED12)


def test_monochrome1_is_inverted(tmp_path):
    pixels, max_value, *_ = read_dicom(saved(tmp_path, radiograph(STORED12, 12, "MONOCHROME1")))
    np.testing.assert_array_equal(pixels, max_value - STORED12)


def test_signed_values_are_offset(tmp_path):
    stored = (STORED12.astype(np.int16) - 2048).astype(np.int16)
    pixels, max_value, *_ = read_dicom(saved(tmp_path, radiograph(stored, 12, signed=True)))
    assert pixels.dtype == np.uint16 and max_value == 4095
    np.testing.assert_array_equal(pixels, STORED12)


def test_bits_above_those_stored_are_masked(tmp_path):
    dirty = STORED12 | (RNG.integers(0, 16, STORED12.shape, dtype=np.uint16) << 12)
    pixels, *_ = read_dicom(saved(tmp_path, radiograph(dirty, 12)))
    np.testing.assert_array_equal(pixels, STORED12)


def test_values_in_the_upper_bits_are_moved_down(tmp_path):
    pixels, max_value, *_ = read_dicom(saved(tmp_path, radiograph(STORED12 << 4, 12, HighBit=15)))
    assert max_value == 4095
    np.testing.assert_array_equal(pixels, STORED12)


def test_values_in_the_upper_bits_are_written_in_the_lower_ones(tmp_path):
    image = read_image(saved(tmp_path, radiograph(STORED12 << 4, 12, HighBit=15)))
    path = write_image(tmp_path / "b.dcm", STORED12, like=image)
    assert pydicom.dcmread(path).HighBit == 11
    np.testing.assert_array_equal(read_image(path).pixels, STORED12)


def test_one_stored_bit_is_refused(tmp_path):
    unreadable(saved(tmp_path, radiograph(np.ones((4, 4), np.uint8), 1)), "1 of 8 bits")


def test_8_bits_and_rgb_are_read(tmp_path):
    rgb = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    image = read_image(saved(tmp_path, radiograph(rgb, 8, "RGB")))
    assert image.max_value == 255
    np.testing.assert_array_equal(image.pixels, rgb)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_byte_order_and_encoding_do_not_matter(tmp_path, syntax):
    dataset = radiograph(STORED12, 12)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = STORED12.byteswap().tobytes()
    image = read_image(saved(tmp_path, dataset, syntax=syntax))
    np.testing.assert_array_equal(image.pixels, STORED12)
    again = read_image(write_image(tmp_path / "b.dcm", enlarged(STORED12), like=image))
    np.testing.assert_array_equal(again.pixels, enlarged(STORED12))


def test_window_is_not_applied(tmp_path):
    dataset = radiograph(STORED12, 12, WindowCenter=100, WindowWidth=50, RescaleSlope=3, RescaleIntercept=7)
    np.testing.assert_array_equal(read_dicom(saved(tmp_path, dataset))[0], STORED12)


def test_header_holds_no_pixels(tmp_path):
    _, _, header, _ = read_dicom(saved(tmp_path, radiograph(STORED12, 12)))
    assert "PixelData" not in header and header.Rows == 20


def test_file_without_extension_is_known_by_its_mark(tmp_path):
    path = saved(tmp_path, radiograph(STORED12, 12), "1.2.840.99")
    np.testing.assert_array_equal(read_image(path).pixels, STORED12)


def test_file_without_preamble_is_read(tmp_path):
    whole = saved(tmp_path, radiograph(STORED12, 12), syntax=ImplicitVRLittleEndian).read_bytes()
    start = whole.index(b"\x08\0\x16\0")
    path = tmp_path / "bare.dcm"
    path.write_bytes(whole[start:])
    np.testing.assert_array_equal(read_image(path).pixels, STORED12)


@pytest.mark.parametrize("encoding, patient", [("ISO_IR 192", "患者7"), ("ISO_IR 100", "Müller")])
def test_patient_survives_its_character_set(tmp_path, encoding, patient):
    dataset = radiograph(STORED12, 12, SpecificCharacterSet=encoding, PatientID=patient, PatientName=patient)
    image = read_image(saved(tmp_path, dataset))
    assert image.patient == patient
    written = pydicom.dcmread(write_image(tmp_path / "b.dcm", enlarged(STORED12), like=image))
    assert written.PatientID == patient and str(written.PatientName) == patient


def test_patient_is_none_without_an_identifier():
    header = Dataset()
    assert patient_id(header) is None
    header.PatientID = "  "
    assert patient_id(header) is None


def test_rg1_is_15_bits_and_inverted():
    stored = pydicom.dcmread(sample("RG1_UNCR.dcm")).pixel_array
    image = read_image(sample("RG1_UNCR.dcm"))
    assert image.max_value == 32767 and image.patient == "9RG1"
    np.testing.assert_array_equal(image.pixels, 32767 - stored)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"])
def test_signed_samples_of_pydicom_agree_with_its_own_reading(tmp_path, name):
    stored = pydicom.dcmread(sample(name)).pixel_array
    image = read_image(sample(name))
    np.testing.assert_array_equal(image.pixels, stored.astype(int) + 32768)
    path = write_image(tmp_path / "a.dcm", enlarged(image.pixels), like=image)
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, enlarged(stored))


def test_luma_colour_space_becomes_rgb():
    image = read_image(sample("SC_ybr_full_422_uncompressed.dcm"))
    assert image.dicom is not None and image.dicom.PhotometricInterpretation == "RGB"
    assert tuple(image.pixels[5, 50]) == (254, 0, 0)


def test_compressed_object_is_read_and_written_uncompressed(tmp_path):
    stored = pydicom.dcmread(sample("MR_small_jp2klossless.dcm")).pixel_array
    image = read_image(sample("MR_small_jp2klossless.dcm"))
    written = pydicom.dcmread(write_image(tmp_path / "a.dcm", enlarged(image.pixels), like=image))
    assert written.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    np.testing.assert_array_equal(written.pixel_array, enlarged(stored))


def test_missing_codec_names_the_package_to_install(monkeypatch):
    monkeypatch.setattr(get_decoder(JPEG2000Lossless), "_available", {})
    unreadable(sample("MR_small_jp2klossless.dcm"), "pip install 'keras-srgan[dicom]'", "JPEG 2000")


def test_what_a_header_says_cannot_break_the_line_of_an_error(tmp_path):
    dataset = radiograph(STORED12, 12)
    dataset.PhotometricInterpretation = "MO\nNO\x1b[2J"
    unreadable(saved(tmp_path, dataset), "MO NO [2J DICOM")


def test_several_frames_are_refused_and_counted():
    unreadable(sample("examples_ybr_color.dcm"), "30 frames")
    unreadable(sample("SC_rgb_rle_2frame.dcm"), "2 frames")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("rtplan.dcm", "a plan"),
        ("DICOMDIR", "a directory"),
        ("examples_palette.dcm", "PALETTE COLOR"),
        ("rtdose_1frame.dcm", "doses"),
        ("liver_1frame.dcm", "labels"),
        ("MR_truncated.dcm", "8130 vs 8192"),
    ],
)
def test_objects_that_are_no_radiograph_are_refused(name, word):
    unreadable(sample(name), word)


def test_object_without_a_needed_element_is_refused(tmp_path):
    dataset = radiograph(STORED12, 12)
    del dataset.BitsStored
    unreadable(saved(tmp_path, dataset), "BitsStored")


def test_object_that_claims_a_huge_size_is_refused_by_its_size(tmp_path):
    unreadable(saved(tmp_path, radiograph(STORED12, 12, Rows=60000, Columns=60000)), "60000x60000", "limit")


def test_text_named_dcm_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"not at all what the name says\n" * 20)
    unreadable(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "bare"])
def test_damaged_bytes_give_an_image_or_an_image_error(tmp_path, marked):
    rng = np.random.default_rng(11)
    dataset = radiograph(STORED12, 12, PixelSpacing=[0.1, 0.1])
    saved(tmp_path, dataset, syntax=ExplicitVRLittleEndian if marked else ImplicitVRLittleEndian)
    whole = (tmp_path / "a.dcm").read_bytes()
    whole = whole if marked else whole[whole.index(b"\x08\0\x16\0") :]
    start, end = (132 if marked else 0), len(whole) - STORED12.nbytes
    outcomes = {True: 0, False: 0}
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(start, end, rng.integers(1, 6)):
            data[place] = rng.integers(256)
        (tmp_path / "a.dcm").write_bytes(data[: rng.integers(1, 3 * len(data))])
        try:
            image = read_image(tmp_path / "a.dcm")
        except ImageError as error:
            outcomes[False] += 1
            assert "\n" not in str(error)
        else:
            outcomes[True] += 1
            assert image.pixels.dtype in (np.uint8, np.uint16) and image.pixels.max() <= image.max_value
    assert min(outcomes.values()) > 0
