"""Derived DICOM objects: several frames, enhanced objects, captures, and what validators say about them."""

import errno
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from keras_srgan.images import ImageError
from keras_srgan.images.dicom import derived
from keras_srgan.images.dicom.capture import capture_header
from keras_srgan.images.dicom.derived import write_dicom
from keras_srgan.images.frames import open_frames

from .conftest import RNG, SEVERAL, enlarged, sample, write_derived

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def enhanced(tmp_path) -> Path:
    """An enhanced CT object of three slices, small, with everything that has to move."""
    dataset = pydicom.dcmread(sample("CT_small.dcm"))
    slices = dataset.pixel_array[:20, :30], dataset.pixel_array[20:40, :30], dataset.pixel_array[40:60, :30]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del dataset[name]
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 20, 30, 3
    dataset.PixelData = np.stack(slices).tobytes()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    shared, kind, measures, plane = Dataset(), Dataset(), Dataset(), Dataset()
    kind.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    shared.CTImageFrameTypeSequence = [kind]
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.25], 3
    shared.PixelMeasuresSequence = [measures]
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PlaneOrientationSequence = [plane]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    for i in range(3):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = [10, 20, 3 * i]
        group.PlanePositionSequence = [position]
        dataset.PerFrameFunctionalGroupsSequence.append(group)
    dataset.save_as(tmp_path / "enhanced.dcm")
    return tmp_path / "enhanced.dcm"


@pytest.mark.parametrize("name", SEVERAL)
def test_several_frames_are_written_in_order(tmp_path, name):
    before = pydicom.dcmread(sample(name))
    after = pydicom.dcmread(write_derived(sample(name), tmp_path / "a.dcm"))
    assert after.NumberOfFrames == before.NumberOfFrames and after.Rows == 2 * before.Rows
    wanted = np.stack([enlarged(frame, 2) for frame in before.pixel_array])
    np.testing.assert_array_equal(after.pixel_array, wanted)
    assert not after.file_meta.TransferSyntaxUID.is_compressed


def test_enhanced_geometry_moves_in_the_functional_groups(enhanced, tmp_path):
    after = pydicom.dcmread(write_derived(enhanced, tmp_path / "a.dcm", 4))
    (shared,) = after.SharedFunctionalGroupsSequence
    assert [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing] == [0.125, 0.0625]
    assert float(shared.PixelMeasuresSequence[0].SliceThickness) == 3
    for i, group in enumerate(after.PerFrameFunctionalGroupsSequence):
        x, y, z = (float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient)
        # The corner of the first pixel stays where it was: (10 - 0.25 / 2, 20 - 0.5 / 2).
        assert (x - 0.0625 / 2, y - 0.125 / 2, z) == pytest.approx((9.875, 19.75, 3 * i))


def test_spacing_of_a_frame_of_its_own_goes_before_the_shared_one(enhanced, tmp_path):
    dataset = pydicom.dcmread(enhanced)
    own = Dataset()
    own.PixelSpacing = [8, 8]
    dataset.PerFrameFunctionalGroupsSequence[1].PixelMeasuresSequence = [own]
    dataset.save_as(enhanced)
    after = pydicom.dcmread(write_derived(enhanced, tmp_path / "a.dcm", 2))
    groups = after.PerFrameFunctionalGroupsSequence
    assert list(groups[1].PixelMeasuresSequence[0].PixelSpacing) == [4, 4]
    assert [float(v) for v in groups[1].PlanePositionSequence[0].ImagePositionPatient] == [8, 18, 3]


def test_enhanced_object_says_that_it_is_derived_from_its_source(enhanced, tmp_path):
    before, after = pydicom.dcmread(enhanced), pydicom.dcmread(write_derived(enhanced, tmp_path / "a.dcm"))
    (shared,) = after.SharedFunctionalGroupsSequence
    assert list(after.ImageType) == list(shared.CTImageFrameTypeSequence[0].FrameType)
    assert list(after.ImageType) == ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    (derivation,) = shared.DerivationImageSequence
    assert derivation.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert derivation.DerivationCodeSequence[0].CodeValue == "113085"
    evidence = after.SourceImageEvidenceSequence[0]
    assert evidence.StudyInstanceUID == before.StudyInstanceUID
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == before.SeriesInstanceUID
    assert after.SeriesInstanceUID != before.SeriesInstanceUID


def test_codes_are_those_of_the_standard(tmp_path):
    from pydicom.sr.codedict import codes

    after = pydicom.dcmread(write_derived(sample("CT_small.dcm"), tmp_path / "a.dcm"))
    purpose = after.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0]
    for item, code in (
        (after.DerivationCodeSequence[0], codes.DCM.SpatialResampling),
        (purpose, codes.DCM.SourceImageForImageProcessingOperation),
    ):
        assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == (code.value, "DCM", code.meaning)


def test_burned_in_annotation_and_encrypted_attributes(tmp_path):
    dataset = pydicom.dcmread(sample("CT_small.dcm"))
    dataset.BurnedInAnnotation = "YES"
    dataset.EncryptedAttributesSequence = [Dataset()]
    dataset.save_as(tmp_path / "a.dcm")
    after = pydicom.dcmread(write_derived(tmp_path / "a.dcm", tmp_path / "b.dcm"))
    assert after.BurnedInAnnotation == "YES" and "EncryptedAttributesSequence" not in after


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)], ids=["gray", "rgb"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_capture_of_a_raster_image(tmp_path, shape, dtype):
    white = np.iinfo(dtype).max
    pixels = RNG.integers(0, white, shape, dtype=dtype, endpoint=True)
    path = write_dicom(tmp_path / "a.dcm", capture_header(pixels, white), [enlarged(pixels, 4)], 4)
    dataset = pydicom.dcmread(path)
    np.testing.assert_array_equal(dataset.pixel_array, enlarged(pixels, 4))
    assert dataset.SOPClassUID.name == "Secondary Capture Image Storage" and dataset.ImageType[0] == "DERIVED"
    assert "4 times" in dataset.DerivationDescription and "SourceImageSequence" not in dataset
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.pixels, enlarged(pixels, 4))
    assert frame.max_value == white


def test_capture_of_floats_is_refused():
    with pytest.raises(ImageError, match="float32"):
        capture_header(np.zeros((4, 4), np.float32), 1)


def test_more_than_4_gb_are_refused_before_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(derived, "_LARGEST", 2 * 200 * 200 * 3 - 1)
    with pytest.raises(ImageError, match="4 GB"):
        write_derived(sample("SC_rgb_rle_2frame.dcm"), tmp_path / "a.dcm", 2)
    assert os.listdir(tmp_path) == []


def test_disk_that_is_full_halfway_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(derived.FileDataset, "save_as", full)
    with pytest.raises(OSError, match="a.dcm") as caught:
        write_derived(sample("SC_rgb_rle_2frame.dcm"), tmp_path / "a.dcm")
    assert caught.value.errno == errno.ENOSPC and os.listdir(tmp_path) == []
