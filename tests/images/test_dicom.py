import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    generate_uid,
)

from keras_srgan.images import Image, ImageError, read_image, write_image
from keras_srgan.images.dicom import derive, derived_header, patient_id, read_dicom, write_dicom

RNG = np.random.default_rng(5)


def radiograph(
    stored: np.ndarray, bits: int, photometric: str = "MONOCHROME2", signed: bool = False, **elements
) -> Dataset:
    """A small object holding these stored values."""
    dataset = Dataset()
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientID = "P 17 "
    dataset.PatientName = "Doe^Jane"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.add_new("PixelData", "OW" if stored.dtype.itemsize == 2 else "OB", stored.tobytes())
    return dataset


def saved(folder: Path, dataset: Dataset, name: str = "a.dcm", syntax=ExplicitVRLittleEndian) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(folder / name, enforce_file_format=True)
    return folder / name


def enlarged(pixels: np.ndarray, scale: int = 2) -> np.ndarray:
    return np.repeat(np.repeat(pixels, scale, 0), scale, 1)


def sample(name: str) -> str:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return path


def refused(path: str | Path, *words: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    for word in words:
        assert word in message


STORED12 = RNG.integers(0, 4096, (20, 30), dtype=np.uint16)


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
    refused(saved(tmp_path, radiograph(np.ones((4, 4), np.uint8), 1)), "1 of 8 bits")


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
    refused(sample("MR_small_jp2klossless.dcm"), "pip install 'keras-srgan[dicom]'", "JPEG 2000")


def test_what_a_header_says_cannot_break_the_line_of_an_error(tmp_path):
    dataset = radiograph(STORED12, 12)
    dataset.PhotometricInterpretation = "MO\nNO\x1b[2J"
    refused(saved(tmp_path, dataset), "MO NO [2J DICOM")


def test_several_frames_are_refused_and_counted():
    refused(sample("examples_ybr_color.dcm"), "30 frames")
    refused(sample("SC_rgb_rle_2frame.dcm"), "2 frames")


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
    refused(sample(name), word)


def test_object_without_a_needed_element_is_refused(tmp_path):
    dataset = radiograph(STORED12, 12)
    del dataset.BitsStored
    refused(saved(tmp_path, dataset), "BitsStored")


def test_object_that_claims_a_huge_size_is_refused_by_its_size(tmp_path):
    refused(saved(tmp_path, radiograph(STORED12, 12, Rows=60000, Columns=60000)), "60000x60000", "limit")


def test_text_named_dcm_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"not at all what the name says\n" * 20)
    refused(path)


def derived(tmp_path: Path, scale: int = 4, **elements) -> tuple[Dataset, Dataset]:
    """A source and what is written from it."""
    source = saved(tmp_path, radiograph(STORED12, 12, **elements))
    image = read_image(source)
    path = write_image(tmp_path / "b.dcm", enlarged(image.pixels, scale), like=image)
    return pydicom.dcmread(source), pydicom.dcmread(path)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
def test_written_object_has_the_stored_values_and_depth_of_its_source(tmp_path, photometric, signed):
    stored = (STORED12.astype(np.int16) - 2048) if signed else STORED12
    source = radiograph(stored, 12, photometric, signed)
    image = read_image(saved(tmp_path, source))
    path = write_image(tmp_path / "b.dcm", enlarged(image.pixels), like=image)
    written = pydicom.dcmread(path)
    raw = np.frombuffer(written.PixelData, "<i2" if signed else "<u2").reshape(40, 60)
    np.testing.assert_array_equal(raw, enlarged(stored))
    np.testing.assert_array_equal(read_image(path).pixels, enlarged(image.pixels))
    for name in (
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PhotometricInterpretation",
    ):
        assert written[name].value == source[name].value
    assert (written.Rows, written.Columns) == (40, 60)


def test_written_object_is_a_derived_one_that_names_its_source(tmp_path):
    source, written = derived(tmp_path, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], DerivationDescription="cropped")
    assert list(written.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert written.SOPInstanceUID != source.SOPInstanceUID
    assert written.SeriesInstanceUID != source.SeriesInstanceUID
    assert written.StudyInstanceUID == source.StudyInstanceUID and written.SOPClassUID == source.SOPClassUID
    assert written.file_meta.MediaStorageSOPInstanceUID == written.SOPInstanceUID
    (reference,) = written.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == source.SOPClassUID
    for word in ("keras-srgan", "4 times", "not for diagnostic use", "cropped"):
        assert word in written.DerivationDescription
    assert written.PatientID == source.PatientID


def test_image_type_is_given_where_the_source_has_none(tmp_path):
    _, written = derived(tmp_path)
    assert list(written.ImageType) == ["DERIVED", "SECONDARY"]


def test_images_of_one_series_stay_one_series_for_one_scale():
    pixels, _, header, _ = read_dicom(sample("MR_small.dcm"))
    first, second = (derive(header, [enlarged(pixels)]) for _ in range(2))
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert derive(header, [enlarged(pixels, 4)]).SeriesInstanceUID != first.SeriesInstanceUID


def test_spacings_are_divided_by_the_scale(tmp_path):
    _, written = derived(
        tmp_path, PixelSpacing=[0.143, 0.2], ImagerPixelSpacing=[0.1, 0.1], NominalScannedPixelSpacing=[1, 3]
    )
    assert [float(v) for v in written.PixelSpacing] == pytest.approx([0.03575, 0.05])
    assert [float(v) for v in written.ImagerPixelSpacing] == pytest.approx([0.025, 0.025])
    assert [float(v) for v in written.NominalScannedPixelSpacing] == pytest.approx([0.25, 0.75])


def test_long_spacings_fit_the_16_characters_of_the_format(tmp_path):
    _, written = derived(tmp_path, scale=3, PixelSpacing=[0.1, 0.139])
    assert all(len(str(v)) <= 16 for v in written.PixelSpacing)
    assert float(written.PixelSpacing[0]) == pytest.approx(0.1 / 3, rel=1e-12)


def test_zero_spacing_stays_zero_and_absent_spacing_absent(tmp_path):
    _, written = derived(tmp_path, PixelSpacing=[0, 0])
    assert [float(v) for v in written.PixelSpacing] == [0, 0]
    assert "ImagerPixelSpacing" not in written and "NominalScannedPixelSpacing" not in written


def test_first_pixel_moves_so_that_the_image_keeps_its_place(tmp_path):
    source, written = derived(
        tmp_path,
        PixelSpacing=[2, 1],
        ImagePositionPatient=[10, 20, 30],
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
    )

    def corner(dataset):
        down, across = (float(v) for v in dataset.PixelSpacing)
        x, y, z = (float(v) for v in dataset.ImagePositionPatient)
        return [x - across / 2, y, z + down / 2]

    assert corner(written) == pytest.approx(corner(source))


def test_places_counted_in_pixels_are_scaled(tmp_path):
    _, written = derived(
        tmp_path,
        ShutterLeftVerticalEdge=3,
        CollimatorLowerHorizontalEdge="-18",
        CenterOfCircularShutter=[10, 15],
        VerticesOfThePolygonalShutter=[1, 1, 20, 30],
    )
    assert written.ShutterLeftVerticalEdge == 12 and written.CollimatorLowerHorizontalEdge == -72
    assert list(written.CenterOfCircularShutter) == [40, 60]
    assert list(written.VerticesOfThePolygonalShutter) == [4, 4, 80, 120]


def test_statements_about_the_old_pixels_are_dropped(tmp_path):
    overlay = {"SmallestImagePixelValue": 0, "LargestImagePixelValue": 4095}
    dataset = radiograph(STORED12, 12, **overlay)
    dataset.add_new(0x60000010, "US", 20)
    dataset.add_new(0x60003000, "OW", b"\0" * 76)
    image = read_image(saved(tmp_path, dataset))
    written = pydicom.dcmread(write_image(tmp_path / "b.dcm", enlarged(STORED12), like=image))
    assert not any(name in written for name in overlay)
    assert 0x60000010 not in written and 0x60003000 not in written


def test_other_statements_are_kept_as_they_were(tmp_path):
    kept = {
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "01",
        "WindowCenter": 2000,
        "WindowWidth": 4000,
        "ViewPosition": "PA",
    }
    source, written = derived(tmp_path, **kept)
    for name in kept:
        assert written[name].value == source[name].value


def test_writing_does_not_change_the_source_header():
    pixels, _, header, _ = read_dicom(sample("MR_small.dcm"))
    before = header.to_json()
    derive(header, [enlarged(pixels)])
    assert header.to_json() == before


def test_colour_source_made_gray_is_written_as_gray(tmp_path):
    rgb = RNG.integers(0, 256, (21, 31, 3), dtype=np.uint8)
    image = read_image(saved(tmp_path, radiograph(rgb, 8, "RGB")), channels=1)
    path = write_image(tmp_path / "b.dcm", image.pixels, like=image)
    written = pydicom.dcmread(path)
    assert written.PhotometricInterpretation == "MONOCHROME2" and "PlanarConfiguration" not in written
    assert written.SamplesPerPixel == 1 and len(written.PixelData) % 2 == 0
    np.testing.assert_array_equal(read_image(path).pixels, image.pixels)


def test_gray_source_made_rgb_is_written_as_rgb(tmp_path):
    stored = STORED12.astype(np.int16) - 2048
    image = read_image(saved(tmp_path, radiograph(stored, 12, "MONOCHROME1", signed=True)), channels=3)
    path = write_image(tmp_path / "b.dcm", image.pixels, like=image)
    written = pydicom.dcmread(path)
    assert written.PhotometricInterpretation == "RGB" and written.PixelRepresentation == 0
    np.testing.assert_array_equal(written.pixel_array, image.pixels)


def test_pixels_that_do_not_fit_the_source_are_refused(tmp_path):
    image = read_image(saved(tmp_path, radiograph(STORED12, 12)))
    assert image.dicom is not None
    with pytest.raises(ImageError, match="12 of 16 bits"):
        write_image(tmp_path / "b.dcm", STORED12.astype(np.uint8), like=image)
    with pytest.raises(ImageError, match="white is 65535"):
        write_image(tmp_path / "b.dcm", STORED12, max_value=65535, like=image)
    with pytest.raises(ImageError, match="aspect"):
        write_image(tmp_path / "b.dcm", enlarged(STORED12)[:30], like=image)
    with pytest.raises(ImageError, match="above white"):
        derive(image.dicom, [STORED12 + np.uint16(4096)])
    with pytest.raises(ImageError, match="scale"):
        derived_header(image.dicom, 0)
    with pytest.raises(ImageError, match="DICOM source"):
        write_image(tmp_path / "b.dcm", STORED12, like=Image(STORED12, 4095, Path("x.png")))
    with pytest.raises(ImageError, match="2 frame"):
        write_dicom(tmp_path / "b.dcm", image.dicom, [STORED12] * 2, 1)
    with pytest.raises(ImageError, match=r"\(9, 30\)"):
        write_dicom(tmp_path / "b.dcm", image.dicom, [STORED12[:9]], 1)
    assert os.listdir(tmp_path) == ["a.dcm"]


def test_failed_write_leaves_nothing(tmp_path, monkeypatch):
    image = read_image(saved(tmp_path, radiograph(STORED12, 12)))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_srgan.files.os.replace", fail)
    with pytest.raises(OSError, match="b.dcm"):
        write_image(tmp_path / "b.dcm", STORED12, like=image)
    assert os.listdir(tmp_path) == ["a.dcm"]


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
