"""Maps as DICOM objects beside the images that they belong to."""

import subprocess

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from keras_srgan.images import ImageError
from keras_srgan.images.dicom import Network, derive
from keras_srgan.images.dicom import parametric_map as module
from keras_srgan.images.dicom.parametric_map import parametric_map
from keras_srgan.images.frames import open_frames

from .conftest import enlarged

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def derived():
    def make(name):
        frames = open_frames(get_testdata_file(name, download=False))
        results = [frame.restored(enlarged(frame.pixels, 2)) for frame in frames]
        return derive(frames.dicom, results, Network("w", "0" * 64))

    return make


def planes(dataset, count=1):
    rng = np.random.default_rng(1)
    return rng.normal(size=(count, dataset.Rows, dataset.Columns)).astype("float32")


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "examples_overlay.dcm", "SC_rgb_small_odd.dcm", "eCT_Supplemental.dcm"]
)
def test_a_map_lies_on_the_image_that_it_belongs_to(derived, tmp_path, name):
    pytest.importorskip("highdicom")
    image = derived(name)
    values = planes(image, int(image.get("NumberOfFrames") or 1))
    parametric_map(image, values, "added", "what the network added").save_as(tmp_path / "a.dcm")
    made = pydicom.dcmread(tmp_path / "a.dcm")
    assert made.SOPClassUID.name == "Parametric Map Storage" and made.SyntheticData == "YES"
    np.testing.assert_array_equal(made.pixel_array.reshape(values.shape), values)
    assert made.StudyInstanceUID == image.StudyInstanceUID and made.PatientID == image.PatientID
    assert made.SeriesInstanceUID != image.SeriesInstanceUID
    (reference,) = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
    if name == "CT_small.dcm":
        assert made.FrameOfReferenceUID == image.FrameOfReferenceUID
        place = made.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
        assert list(place) == list(image.ImagePositionPatient)
        measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        assert list(measures.PixelSpacing) == list(image.PixelSpacing)


def test_the_same_map_has_the_same_uids(derived):
    pytest.importorskip("highdicom")
    image = derived("CT_small.dcm")
    one, two = (parametric_map(image, planes(image), "added", "m") for _ in range(2))
    other = parametric_map(image, planes(image), "spread", "m")
    assert one.SOPInstanceUID == two.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID == two.SeriesInstanceUID != other.SeriesInstanceUID


def test_frames_without_a_place_have_no_map(derived):
    pytest.importorskip("highdicom")
    image = derived("SC_rgb_rle_2frame.dcm")
    with pytest.raises(ImageError, match="2 frames"):
        parametric_map(image, planes(image, 2), "added", "m")


def test_the_missing_package_is_named(derived, monkeypatch):
    monkeypatch.setattr(module, "can_map", lambda: False)
    with pytest.raises(ImageError, match="highdicom"):
        parametric_map(derived("CT_small.dcm"), np.zeros((1, 2, 2), "float32"), "added", "m")


def test_dciodvfy_finds_no_error_in_a_map(derived, tmp_path):
    pytest.importorskip("highdicom")
    image = derived("CT_small.dcm")
    parametric_map(image, planes(image), "added", "what the network added").save_as(tmp_path / "a.dcm")
    try:
        done = subprocess.run(["dciodvfy", str(tmp_path / "a.dcm")], capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    assert [line for line in errors if "(0x0008,0x001c)" not in line] == []
