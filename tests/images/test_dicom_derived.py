"""Derived DICOM objects: several frames, enhanced objects, captures, and what validators say about them."""

import copy
import errno
import os
import shutil
import subprocess
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, UID_dictionary, generate_uid

from keras_srgan.images import ImageError
from keras_srgan.images.dicom import derived
from keras_srgan.images.dicom.capture import capture_header
from keras_srgan.images.dicom.classes import held
from keras_srgan.images.dicom.derived import derive, write_dicom
from keras_srgan.images.dicom.identity import Network
from keras_srgan.images.frames import open_frames

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
RNG = np.random.default_rng(17)
PLAIN = ["RG1_UNCR.dcm", "CT_small.dcm", "MR_small.dcm", "SC_rgb_small_odd.dcm", "examples_overlay.dcm"]
SEVERAL = ["SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm", "examples_ybr_color.dcm"]


def sample(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def repeated(pixels: np.ndarray, scale: int) -> np.ndarray:
    return pixels.repeat(scale, 0).repeat(scale, 1)


def write(source: Path, target: Path, scale: int = 2) -> Path:
    frames = open_frames(source)
    assert frames.dicom is not None
    return write_dicom(target, frames.dicom, (f.restored(repeated(f.pixels, scale)) for f in frames), scale)


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
    after = pydicom.dcmread(write(sample(name), tmp_path / "a.dcm"))
    assert after.NumberOfFrames == before.NumberOfFrames and after.Rows == 2 * before.Rows
    wanted = np.stack([repeated(frame, 2) for frame in before.pixel_array])
    np.testing.assert_array_equal(after.pixel_array, wanted)
    assert not after.file_meta.TransferSyntaxUID.is_compressed


def test_enhanced_geometry_moves_in_the_functional_groups(enhanced, tmp_path):
    after = pydicom.dcmread(write(enhanced, tmp_path / "a.dcm", 4))
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
    after = pydicom.dcmread(write(enhanced, tmp_path / "a.dcm", 2))
    groups = after.PerFrameFunctionalGroupsSequence
    assert list(groups[1].PixelMeasuresSequence[0].PixelSpacing) == [4, 4]
    assert [float(v) for v in groups[1].PlanePositionSequence[0].ImagePositionPatient] == [8, 18, 3]


def test_enhanced_object_says_that_it_is_derived_from_its_source(enhanced, tmp_path):
    before, after = pydicom.dcmread(enhanced), pydicom.dcmread(write(enhanced, tmp_path / "a.dcm"))
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

    after = pydicom.dcmread(write(sample("CT_small.dcm"), tmp_path / "a.dcm"))
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
    after = pydicom.dcmread(write(tmp_path / "a.dcm", tmp_path / "b.dcm"))
    assert after.BurnedInAnnotation == "YES" and "EncryptedAttributesSequence" not in after


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)], ids=["gray", "rgb"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_capture_of_a_raster_image(tmp_path, shape, dtype):
    white = np.iinfo(dtype).max
    pixels = RNG.integers(0, white, shape, dtype=dtype, endpoint=True)
    path = write_dicom(tmp_path / "a.dcm", capture_header(pixels, white), [repeated(pixels, 4)], 4)
    dataset = pydicom.dcmread(path)
    np.testing.assert_array_equal(dataset.pixel_array, repeated(pixels, 4))
    assert dataset.SOPClassUID.name == "Secondary Capture Image Storage" and dataset.ImageType[0] == "DERIVED"
    assert "4 times" in dataset.DerivationDescription and "SourceImageSequence" not in dataset
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.pixels, repeated(pixels, 4))
    assert frame.max_value == white


def test_capture_of_floats_is_refused():
    with pytest.raises(ImageError, match="float32"):
        capture_header(np.zeros((4, 4), np.float32), 1)


def test_more_than_4_gb_are_refused_before_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(derived, "_LARGEST", 2 * 200 * 200 * 3 - 1)
    with pytest.raises(ImageError, match="4 GB"):
        write(sample("SC_rgb_rle_2frame.dcm"), tmp_path / "a.dcm", 2)
    assert os.listdir(tmp_path) == []


def test_disk_that_is_full_halfway_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(derived.FileDataset, "save_as", full)
    with pytest.raises(OSError, match="a.dcm") as caught:
        write(sample("SC_rgb_rle_2frame.dcm"), tmp_path / "a.dcm")
    assert caught.value.errno == errno.ENOSPC and os.listdir(tmp_path) == []


def _required(dataset: Dataset, tables: dict) -> set[str]:
    """Keywords of type 1 and 2, of mandatory modules, that an object lacks (type 1: or that are empty)."""
    iod = tables["sop_class_iod_map"][dataset.SOPClassUID]
    lacking = set()
    for module in tables["iod_module_map"][iod]:
        if module["usage"] == "M":
            for attribute in tables["module_attribute_map"][module["key"]]:
                name, kind = attribute["keyword"], attribute["type"]
                if attribute["path"] or kind not in ("1", "2"):
                    continue
                if name not in dataset or (kind == "1" and dataset[name].is_empty):
                    lacking.add(name)
    return lacking


@pytest.fixture(scope="module")
def tables():
    """The standard's tables of objects, modules and attributes, as highdicom carries them."""
    highdicom = pytest.importorskip("highdicom")
    import json

    folder = Path(highdicom.__file__).parent / "_standard"
    names = ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in names}


@pytest.mark.parametrize("name", [*PLAIN, *SEVERAL])
def test_derived_objects_lack_nothing_that_the_standard_requires_and_the_source_had(tmp_path, tables, name):
    before, after = pydicom.dcmread(sample(name)), pydicom.dcmread(write(sample(name), tmp_path / "a.dcm"))
    assert _required(after, tables) <= _required(before, tables)


def test_captures_lack_nothing_that_the_standard_requires(tmp_path, tables):
    pixels = RNG.integers(0, 256, (9, 7), dtype=np.uint8)
    path = write_dicom(tmp_path / "a.dcm", capture_header(pixels, 255), [repeated(pixels, 4)], 4)
    dataset = pydicom.dcmread(path)
    assert _required(dataset, tables) == set()
    del dataset.Modality
    assert _required(dataset, tables) == {"Modality"}  # the check does see


# Attributes that Debian's dciodvfy of 2022 does not know (Synthetic Data, of 2023), or not in enhanced objects.
ADDED = ("(0x0008,0x001c)", "not present in standard DICOM IOD")


def _said(path: Path) -> set[str]:
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
    lines = (done.stdout + done.stderr).splitlines()
    return {line for line in lines if line.startswith(("Error", "Warning")) and not any(word in line for word in ADDED)}


@pytest.fixture
def dciodvfy():
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")


def _all_samples() -> list[Path]:
    """pydicom's own files, and those of pydicom-data; `get_testdata_files` would download the rest."""
    folders = Path(pydicom.data.__file__).parent / "test_files", Path(data_store.__file__).parent / "data"
    files = {path.name: path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return [files[name] for name in sorted(files) if not name.endswith((".py", ".pyc"))]


@pytest.mark.parametrize("source", _all_samples(), ids=lambda path: path.name)
def test_dciodvfy_says_nothing_of_a_result_that_it_did_not_say_of_the_source(tmp_path, source, dciodvfy):
    try:
        frames = open_frames(source)
        if frames.dicom is None or sum(frames.areas) > 10**7:
            pytest.skip("no DICOM image, or a large one")
        enlarged = [frame.restored(repeated(frame.pixels, 2)) for frame in frames]
    except ImageError as error:
        pytest.skip(f"refused: {error}")
    derive(frames.dicom, enlarged, Network("w", "0" * 64)).save_as(tmp_path / "b.dcm", enforce_file_format=True)
    if pydicom.dcmread(source).file_meta.TransferSyntaxUID.is_deflated:  # which dciodvfy cannot read
        plain = pydicom.dcmread(source)
        plain.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        source = tmp_path / "a.dcm"
        plain.save_as(source)
    assert _said(tmp_path / "b.dcm") <= _said(source)


@pytest.mark.parametrize("kinds", [["ORIGINAL", "PRIMARY"], ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]], ids=len)
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(
    "uid, name", [(uid, name) for uid, (_, _, _, _, name) in UID_dictionary.items() if held(uid) == "picture"]
)
def test_dciodvfy_finds_no_new_error_whatever_the_class(tmp_path, dciodvfy, uid, name, grouped, kinds):
    dataset = pydicom.dcmread(sample("MR_small.dcm"))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid
    dataset.ImageType = kinds
    if "Capture" in name:
        dataset.ConversionType = "WSD"
    if grouped:
        dataset.NumberOfFrames = 1
        dataset.SharedFunctionalGroupsSequence = [Dataset()]
        dataset.PerFrameFunctionalGroupsSequence = [Dataset()]
    dataset.save_as(tmp_path / "a.dcm")
    write(tmp_path / "a.dcm", tmp_path / "b.dcm")
    before, after = ({line for line in _said(tmp_path / each) if line[0] == "E"} for each in ("a.dcm", "b.dcm"))
    assert after <= before


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "emri_small.dcm", "eCT_Supplemental.dcm", "MR_small_jp2klossless.dcm"]
)
def test_damaged_headers_give_an_object_that_can_be_read_or_one_line(tmp_path, name):
    rng, whole, outcomes = np.random.default_rng(23), sample(name).read_bytes(), {True: 0, False: 0}
    for _ in range(80):
        data = bytearray(whole)
        for place in rng.integers(132, min(len(data), 5000), rng.integers(1, 5)):
            data[place] = rng.choice(list(b"\\, .-0")) if rng.random() < 0.4 else rng.integers(256)
        (tmp_path / "a.dcm").write_bytes(data)
        try:
            frames = open_frames(tmp_path / "a.dcm", max_pixels=10**6)
            enlarged = [frame.restored(repeated(frame.pixels, 2)) for frame in frames]
            written = derive(frames.dicom, enlarged, Network("w", "0" * 64), frames.notes)
            written.save_as(tmp_path / "b.dcm", enforce_file_format=True)
        except ImageError as error:
            outcomes[False] += 1
            assert "\n" not in str(error)
        else:
            outcomes[True] += 1
            assert len(list(open_frames(tmp_path / "b.dcm"))) == len(enlarged)
            assert not any("\n" in note for note in frames.notes)
    assert min(outcomes.values()) > 0


def test_dciodvfy_finds_no_error_in_a_capture(tmp_path, dciodvfy):
    pixels = RNG.integers(0, 65536, (9, 7), dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", capture_header(pixels, 65535), [repeated(pixels, 4)], 4)
    assert not [line for line in _said(path) if line.startswith("Error")]


def test_dciodvfy_says_nothing_new_of_an_enhanced_object(tmp_path, dciodvfy):
    source = _converted(tmp_path)
    assert _said(write(source, tmp_path / "a.dcm")) <= _said(source)


def _converted(folder: Path) -> Path:
    """CT_small as an enhanced object, by highdicom."""
    pytest.importorskip("highdicom")
    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    slices = []
    for i in range(2):
        one = copy.deepcopy(pydicom.dcmread(sample("CT_small.dcm")))
        one.SOPInstanceUID, one.InstanceNumber = generate_uid(), i + 1
        one.ImagePositionPatient = [*one.ImagePositionPatient[:2], str(5 * i)]
        slices.append(one)
    uids = {"series_instance_uid": generate_uid(), "sop_instance_uid": generate_uid()}
    LegacyConvertedEnhancedCTImage(slices, series_number=2, instance_number=1, **uids).save_as(folder / "source.dcm")
    return folder / "source.dcm"
