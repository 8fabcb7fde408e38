"""DICOM files through the whole command: padding, maps as DICOM, what a bad header costs."""

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from keras_srgan.inference import Options
from keras_srgan.inference.upscaler import Result
from keras_srgan.upscale.batch import enlarge_one
from keras_srgan.upscale.dicom_result import made_by
from keras_srgan.upscale.image_file import enlarge_file
from keras_srgan.upscale.jobs import Job
from keras_srgan.upscale.record import FileOptions, Record

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Repeater:
    """Repeats each pixel, and writes down what it saw."""

    scale, channels, card = 2, 1, {"name": "repeater", "sha256": "0" * 64}

    def __init__(self):
        self.seen = []

    def run(self, image, max_value, options, progress):
        self.seen.append(image)
        larger = image.repeat(2, 0).repeat(2, 1)
        added = np.ones(larger.shape, "float32") if options.map else None
        return Result(larger, added, None, None, 1, True, "")


@pytest.fixture
def ct(tmp_path):
    """CT_small with padding around it; and its stored values."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    stored = dataset.pixel_array.copy()
    stored[:30] = stored[:, 100:] = -2000
    dataset.PixelData = stored.tobytes()
    dataset.save_as(tmp_path / "ct.dcm")
    return tmp_path / "ct.dcm", stored


def test_padding_comes_back_exactly_and_is_in_no_range_and_no_map(ct, tmp_path):
    path, stored = ct
    upscaler = Repeater()
    record = enlarge_one(Job(path, tmp_path / "o.dcm"), upscaler, Options(map=True), FileOptions())
    assert record.status == "done", record.error
    np.testing.assert_array_equal(pydicom.dcmread(tmp_path / "o.dcm").pixel_array, stored.repeat(2, 0).repeat(2, 1))
    tissue = stored[stored != -2000].astype(int) + 32768
    assert record.range_in == record.range_out == [tissue.min(), tissue.max()]
    assert upscaler.seen[0].min() == tissue.min() and any("padding" in note for note in record.notes)
    np.testing.assert_array_equal(np.load(tmp_path / "o_added.npy") == 0, (stored == -2000).repeat(2, 0).repeat(2, 1))


def test_padding_is_kept_in_other_formats_too(ct, tmp_path):
    from keras_srgan.images import read_image

    path, stored = ct
    enlarge_file(Job(path, tmp_path / "o.png"), Record(""), Repeater(), Options(), FileOptions(), print)
    np.testing.assert_array_equal(
        read_image(tmp_path / "o.png").pixels, stored.astype(int).repeat(2, 0).repeat(2, 1) + 32768
    )


def test_maps_of_dicom_are_parametric_maps_too(ct, tmp_path):
    pytest.importorskip("highdicom")
    record = enlarge_one(Job(ct[0], tmp_path / "o.dcm"), Repeater(), Options(map=True), FileOptions())
    assert [name.rsplit("_", 1)[1] for name in record.maps] == ["added.png", "added.npy", "added.dcm"]
    made, image = pydicom.dcmread(tmp_path / "o_added.dcm"), pydicom.dcmread(tmp_path / "o.dcm")
    np.testing.assert_array_equal(made.pixel_array, np.load(tmp_path / "o_added.npy"))
    (reference,) = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID


def test_a_map_that_is_too_large_for_dicom_is_named_and_the_others_written(ct, tmp_path, monkeypatch):
    pytest.importorskip("highdicom")
    monkeypatch.setattr("keras_srgan.upscale.dicom_result.LARGEST", 1000)
    record = enlarge_one(Job(ct[0], tmp_path / "o.dcm"), Repeater(), Options(map=True), FileOptions())
    assert record.status == "done" and [name.rsplit("_", 1)[1] for name in record.maps] == ["added.png", "added.npy"]
    assert any("no Parametric Map" in note for note in record.notes)


def test_a_file_without_its_parametric_map_is_finished_all_the_same(ct, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_srgan.upscale.dicom_result.LARGEST", 1000)
    for wanted in ("done", "skipped"):
        record = enlarge_one(Job(ct[0], tmp_path / "o.dcm"), Repeater(), Options(map=True), FileOptions(resume=True))
        assert record.status == wanted


def test_a_map_that_exists_is_not_written_over(ct, tmp_path):
    pytest.importorskip("highdicom")
    (tmp_path / "o_added.dcm").write_bytes(b"mine")
    record = enlarge_one(Job(ct[0], tmp_path / "o.dcm"), Repeater(), Options(map=True), FileOptions())
    assert record.status == "failed" and "o_added.dcm" in record.error
    assert (tmp_path / "o_added.dcm").read_bytes() == b"mine" and not (tmp_path / "o.dcm").exists()


def test_a_header_that_cannot_be_enlarged_is_refused_before_the_network_runs(ct, tmp_path):
    dataset = pydicom.dcmread(ct[0])
    dataset.TwoDimensionalToThreeDimensionalMapSequence = [Dataset()]
    dataset.save_as(ct[0])
    upscaler = Repeater()
    record = enlarge_one(Job(ct[0], tmp_path / "o.dcm"), upscaler, Options(), FileOptions())
    assert record.status == "failed" and "TwoDimensionalToThreeDimensionalMap" in record.error and not upscaler.seen
    assert str(ct[0]) in record.error


def test_what_was_mended_is_noted(ct, tmp_path):
    dataset = pydicom.dcmread(ct[0])
    dataset.PixelSpacing = [1, 1]
    dataset["PixelSpacing"].VR = "LO"
    dataset["PixelSpacing"].value = "0,14"
    dataset.save_as(ct[0])
    record = enlarge_one(Job(ct[0], tmp_path / "o.dcm"), Repeater(), Options(), FileOptions())
    assert record.status == "done" and any("0,14" in note for note in record.notes), record
    assert [float(v) for v in pydicom.dcmread(tmp_path / "o.dcm").PixelSpacing] == [0.07, 0.07]


def test_the_result_is_the_same_object_each_time(ct, tmp_path):
    for name in ("a.dcm", "b.dcm"):
        enlarge_file(Job(ct[0], tmp_path / name), Record(""), Repeater(), Options(), FileOptions(), print)
    one, two = (pydicom.dcmread(tmp_path / name) for name in ("a.dcm", "b.dcm"))
    assert one.SOPInstanceUID == two.SOPInstanceUID and one.SeriesInstanceUID == two.SeriesInstanceUID


def test_options_that_change_pixels_change_the_network():
    plain = made_by(Repeater(), Options())
    assert (plain.weights, plain.sha256, plain.settings) == ("repeater", "0" * 64, "")
    assert made_by(Repeater(), Options(tile=64)) == plain
    assert (
        made_by(Repeater(), Options(self_ensemble=True, back_project=2)).settings == "self-ensemble, back-projection 2"
    )


def test_weights_without_a_card_are_known_by_their_values():
    class Generator:
        name = "g"

        def __init__(self, value):
            self.variables = [np.full(3, value, "float32")]

    def network(value):
        upscaler = Repeater()
        upscaler.card, upscaler.generator = {}, Generator(value)
        return made_by(upscaler, Options())

    assert network(1) == network(1) != network(2) and len(network(1).sha256) == 64
