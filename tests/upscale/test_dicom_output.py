"""DICOM in and out of the command."""

import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow

from keras_srgan.images import write_image
from keras_srgan.resampling import resize

from .conftest import DEEP, GRAY, larger, near, read, sample


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_small_odd.dcm"])
def test_dicom_comes_back_as_a_derived_object(run, name):
    assert run(sample(name))[0] == 0
    before, after = pydicom.dcmread(sample(name)), pydicom.dcmread(f"out/{name[:-4]}_x2.dcm")
    assert after.ImageType[0] == "DERIVED" and after.SOPInstanceUID != before.SOPInstanceUID
    assert after.BitsStored == before.BitsStored and after.get("NumberOfFrames") == before.get("NumberOfFrames")
    frames = [before.pixel_array, after.pixel_array]
    if int(before.get("NumberOfFrames") or 1) == 1:
        frames = [[each] for each in frames]
    for old, new in zip(*frames, strict=True):
        info = np.iinfo(old.dtype)
        near(new, np.clip(np.rint(resize(old, 2)), info.min, info.max).astype(old.dtype))


def test_dicom_becomes_png_with_its_numbers_and_png_a_capture(run):
    status, lines, _ = run(sample("RG1_UNCR.dcm"), "--format", "png", "--max-pixels", 10)
    assert status == 1
    write_image("a.png", DEEP)
    status, lines, _ = run("a.png", "--format", "dcm", "--bits", 12)
    assert status == 0 and "secondary capture" in lines[0]
    dataset = pydicom.dcmread("out/a_x2.dcm")
    assert dataset.BitsStored == 12 and dataset.Modality == "OT"
    near(dataset.pixel_array, larger(DEEP, 4095))
    status, lines, _ = run("out/a_x2.dcm", "--format", "png")
    assert status == 0 and "values up to 4095" in lines[0]
    near(read("out/a_x2_x2.png").pixels, larger(dataset.pixel_array, 4095))


def test_a_capture_of_a_file_with_a_resolution_has_a_spacing_that_says_it_is_estimated(run):
    Pillow.fromarray(GRAY).save("a.png", dpi=(254, 127))
    Pillow.fromarray(GRAY).save("b.png")
    status, lines, _ = run("a.png", "b.png", "--format", "dcm")
    assert status == 0 and "spacing is estimated" in lines[0] and "spacing" not in lines[1]
    dataset = pydicom.dcmread("out/a_x2.dcm")
    np.testing.assert_allclose([float(v) for v in dataset.PixelSpacing], [0.1, 0.05], rtol=1e-3)
    assert dataset.PixelSpacing == dataset.NominalScannedPixelSpacing and "PixelSpacingCalibrationType" not in dataset
    assert "estimated" in dataset.DerivationDescription
    assert "PixelSpacing" not in pydicom.dcmread("out/b_x2.dcm")
