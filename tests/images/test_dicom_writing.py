"""`write_dicom` and `write_image` of an object's own kind: what the written object keeps, moves and drops."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from keras_srgan.images import Image, ImageError, read_image, write_image
from keras_srgan.images.dicom import derive, derived_header, read_dicom, write_dicom

from .conftest import RNG, STORED12, enlarged, radiograph, sample, saved


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
