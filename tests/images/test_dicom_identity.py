"""What a derived object says of itself, and its UIDs."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from keras_srgan.images.dicom import Network, derive, derived_header
from keras_srgan.images.dicom.capture import capture_header
from keras_srgan.images.frames import open_frames
from keras_srgan.version import __version__

from .conftest import enlarged, radiograph, saved

STORED = np.random.default_rng(5).integers(0, 4096, (20, 30), dtype=np.uint16)
NETWORK = Network("xray-fast", "ab" * 32)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@pytest.fixture
def header(tmp_path):
    """The derived header of a data set that went through a file."""

    def make(dataset, network=NETWORK, scale=4, notes=None):
        frames = open_frames(saved(tmp_path, dataset))
        return derived_header(frames.dicom, scale, network, frames.digest, notes)

    return make


def test_the_object_says_that_it_is_synthetic_and_what_made_it(header):
    written = header(radiograph(STORED, 12, SeriesDescription="PA", LossyImageCompression="01"))
    assert written.SyntheticData == "YES" and written.SeriesDescription == "PA x4 keras-srgan"
    (equipment,) = written.ContributingEquipmentSequence
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeMeaning == "Processing Equipment"
    assert list(equipment.SoftwareVersions) == [f"keras-srgan {__version__}", "xray-fast", "ab" * 32]
    assert "ab" * 32 in equipment.ContributionDescription and equipment.Manufacturer
    assert written.DerivationCodeSequence[0].CodeMeaning == "Spatial resampling"
    purpose = written.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0]
    assert purpose.CodeMeaning == "Source image for image processing operation"
    assert written.LossyImageCompression == "01"


@pytest.mark.parametrize("number, wanted", [("5", 504), ("", None), ("123456789", 123456789)])
def test_the_series_has_a_number_of_its_own(header, number, wanted):
    assert header(radiograph(STORED, 12, SeriesNumber=number)).SeriesNumber == wanted


def test_codes_of_the_equipment_are_those_of_the_standard(header):
    from pydicom.sr.codedict import codes

    code = header(radiograph(STORED, 12)).ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0]
    wanted = codes.DCM.ProcessingEquipment
    assert (code.CodeValue, code.CodeMeaning) == (wanted.value, wanted.meaning)


def test_equipment_before_it_is_kept(header):
    first = header(radiograph(STORED, 12))
    first.PixelData = STORED.repeat(4, 0).repeat(4, 1).tobytes()
    second = header(first, scale=2)
    assert [item.ManufacturerModelName for item in second.ContributingEquipmentSequence] == ["keras-srgan"] * 2
    assert len(second.SeriesDescription) <= 64


def test_long_descriptions_fit(header):
    written = header(radiograph(STORED, 12, SeriesDescription="x" * 64, DerivationDescription="y" * 1024))
    assert len(written.SeriesDescription) <= 64 and written.SeriesDescription.endswith("x4 keras-srgan")
    assert len(written.DerivationDescription) <= 1024


def test_the_same_input_and_weights_give_the_same_uids(header):
    source = radiograph(STORED, 12)
    first, again = header(source), header(source)
    assert [first[name].value for name in UIDS] == [again[name].value for name in UIDS]
    for other in (Network("xray-fast", "cd" * 32), Network("xray-fast", "ab" * 32, "self-ensemble")):
        different = header(source, other)
        assert different.SOPInstanceUID != first.SOPInstanceUID
        assert different.SeriesInstanceUID != first.SeriesInstanceUID
    assert header(source, scale=2).SOPInstanceUID != first.SOPInstanceUID


def test_images_of_one_series_stay_one_series_and_have_uids_of_their_own(header):
    source = radiograph(STORED, 12)
    first = header(source)
    source.SOPInstanceUID = generate_uid()
    second = header(source)
    assert first.SeriesInstanceUID == second.SeriesInstanceUID and first.SOPInstanceUID != second.SOPInstanceUID
    assert first.StudyInstanceUID == second.StudyInstanceUID == source.StudyInstanceUID


@pytest.mark.parametrize("word", ["", "ANONYMOUS", "0"])
def test_two_patients_without_series_uid_get_two_series(header, word):
    written = []
    for patient in ("A", "B"):
        notes: list[str] = []
        written.append(header(radiograph(STORED, 12, SeriesInstanceUID=word, PatientID=patient), notes=notes))
        assert "SeriesInstanceUID" in notes[0]
    assert written[0].SeriesInstanceUID != written[1].SeriesInstanceUID


def test_two_images_without_any_uid_get_uids_of_their_own_and_stable_ones(header):
    empty = dict.fromkeys(UIDS, "")
    first, again = (header(radiograph(STORED, 12, **empty)) for _ in range(2))
    other = header(radiograph(STORED[::-1].copy(), 12, **empty))
    for name in UIDS:
        assert first[name].value == again[name].value != other[name].value and first[name].value.is_valid
    assert "SourceImageSequence" not in first
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


def test_captures_of_one_series_without_instance_uids_stay_apart(header):
    first, second = (
        radiograph(STORED, 12, ConversionType="WSD"),
        radiograph(STORED[::-1].copy(), 12, ConversionType="WSD"),
    )
    second.SeriesInstanceUID, second.StudyInstanceUID = first.SeriesInstanceUID, first.StudyInstanceUID
    del first.SOPInstanceUID, second.SOPInstanceUID
    assert header(first).SOPInstanceUID != header(second).SOPInstanceUID


@pytest.mark.parametrize("name", UIDS)
def test_the_uid_that_is_missing_is_made_anew_and_stable(header, name):
    source = radiograph(STORED, 12, **{name: ""})
    first, again = header(source), header(source)
    assert [first[each].value for each in UIDS] == [again[each].value for each in UIDS]
    assert ("SourceImageSequence" in first) == (name != "SOPInstanceUID")


def test_one_uid_for_all_patients_does_not_join_them(header):
    same = dict.fromkeys(UIDS, "1.2.3")
    one, two = (header(radiograph(STORED, 12, PatientID=patient, **same)) for patient in "AB")
    assert one.SeriesInstanceUID != two.SeriesInstanceUID and one.SOPInstanceUID != two.SOPInstanceUID
    next_one = header(radiograph(STORED, 12, PatientID="A", InstanceNumber=2, **same))
    assert next_one.SOPInstanceUID != one.SOPInstanceUID and next_one.SeriesInstanceUID == one.SeriesInstanceUID


def test_deidentification_is_kept(header):
    kept = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand", "BurnedInAnnotation": "NO"}
    written = header(radiograph(STORED, 12, LongitudinalTemporalInformationModified="REMOVED", **kept))
    assert all(written[name].value == value for name, value in kept.items())
    assert written.LongitudinalTemporalInformationModified == "REMOVED"


def test_source_without_sop_class_becomes_a_capture(header):
    dataset, notes = radiograph(STORED, 12), []
    del dataset.SOPClassUID
    dataset.PixelSpacing = [1, 1]
    written = derived_header(dataset, 4, NETWORK, notes=notes)
    assert written.SOPClassUID.name == "Secondary Capture Image Storage" and written.ConversionType
    assert any("Secondary Capture" in note for note in notes)


@pytest.mark.parametrize("count", ["0", "", "1"])
def test_number_of_frames_is_that_of_the_result(tmp_path, count):
    frames = open_frames(saved(tmp_path, radiograph(STORED, 12, NumberOfFrames=count)))
    written = derive(frames.dicom, [enlarged(frame.pixels) for frame in frames], NETWORK)
    assert written.NumberOfFrames == 1


def test_more_frames_than_the_header_counts_are_refused(tmp_path):
    dataset = radiograph(STORED, 12)
    dataset.PixelData = STORED.tobytes() * 2
    with pytest.raises(ValueError, match="2 frames, but NumberOfFrames counts 1") as caught:
        open_frames(saved(tmp_path, dataset))
    assert "a.dcm" in str(caught.value)


def test_captures_of_the_same_picture_have_the_same_uids():
    pixels = STORED.astype(np.uint16)
    headers = [capture_header(each, 4095) for each in (pixels, pixels.copy(), pixels[::-1])]
    one, two, other = (derived_header(each, 2, NETWORK, each.SeriesInstanceUID) for each in headers)
    assert [one[name].value for name in UIDS] == [two[name].value for name in UIDS]
    assert one.SeriesInstanceUID != other.SeriesInstanceUID and one.StudyInstanceUID != other.StudyInstanceUID
    assert "SourceImageSequence" not in one


def test_derive_reads_a_plain_data_set_too():
    source = pydicom.dcmread(pydicom.data.get_testdata_file("MR_small_bigendian.dcm", download=False))
    frames = open_frames(source.filename)
    (frame,) = frames
    for header in (source, frames.dicom):
        written = derive(header, [enlarged(frame.pixels)], NETWORK)
        np.testing.assert_array_equal(
            np.frombuffer(written.PixelData, "<i2").reshape(128, 128), enlarged(source.pixel_array)
        )
