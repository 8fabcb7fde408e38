"""What the standard requires, by its tables and by Debian's dciodvfy."""

import copy
import shutil
import subprocess
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, UID_dictionary, generate_uid

from keras_srgan.images import ImageError
from keras_srgan.images.dicom.capture import capture_header
from keras_srgan.images.dicom.classes import held
from keras_srgan.images.dicom.derived import derive, write_dicom
from keras_srgan.images.dicom.identity import Network
from keras_srgan.images.frames import open_frames

from .conftest import PLAIN, RNG, SEVERAL, enlarged, sample, write_derived

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


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
    before, after = pydicom.dcmread(sample(name)), pydicom.dcmread(write_derived(sample(name), tmp_path / "a.dcm"))
    assert _required(after, tables) <= _required(before, tables)


def test_captures_lack_nothing_that_the_standard_requires(tmp_path, tables):
    pixels = RNG.integers(0, 256, (9, 7), dtype=np.uint8)
    path = write_dicom(tmp_path / "a.dcm", capture_header(pixels, 255), [enlarged(pixels, 4)], 4)
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
        larger = [frame.restored(enlarged(frame.pixels, 2)) for frame in frames]
    except ImageError as error:
        pytest.skip(f"refused: {error}")
    derive(frames.dicom, larger, Network("w", "0" * 64)).save_as(tmp_path / "b.dcm", enforce_file_format=True)
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
    write_derived(tmp_path / "a.dcm", tmp_path / "b.dcm")
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
            larger = [frame.restored(enlarged(frame.pixels, 2)) for frame in frames]
            written = derive(frames.dicom, larger, Network("w", "0" * 64), frames.notes)
            written.save_as(tmp_path / "b.dcm", enforce_file_format=True)
        except ImageError as error:
            outcomes[False] += 1
            assert "\n" not in str(error)
        else:
            outcomes[True] += 1
            assert len(list(open_frames(tmp_path / "b.dcm"))) == len(larger)
            assert not any("\n" in note for note in frames.notes)
    assert min(outcomes.values()) > 0


def test_dciodvfy_finds_no_error_in_a_capture(tmp_path, dciodvfy):
    pixels = RNG.integers(0, 65536, (9, 7), dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", capture_header(pixels, 65535), [enlarged(pixels, 4)], 4)
    assert not [line for line in _said(path) if line.startswith("Error")]


def test_dciodvfy_says_nothing_new_of_an_enhanced_object(tmp_path, dciodvfy):
    source = _converted(tmp_path)
    assert _said(write_derived(source, tmp_path / "a.dcm")) <= _said(source)


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
