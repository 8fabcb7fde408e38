"""DICOM files through `open_frames`: codecs, classes that are refused, missing frames."""

import numpy as np
import pydicom
import pytest

from keras_srgan.images.frames import open_frames

from .conftest import RNG, refused, sample


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm", "examples_ybr_color.dcm"])
def test_frames_of_a_dicom_file_agree_with_pydicom(name):
    frames = open_frames(sample(name))
    dataset = pydicom.dcmread(sample(name))
    assert len(frames.areas) == dataset.NumberOfFrames
    stored = dataset.pixel_array
    for wanted, frame in zip(stored, frames, strict=True):
        np.testing.assert_array_equal(frame.pixels, wanted)
    assert frames.dicom is not None and frames.dicom.PhotometricInterpretation == "RGB"


@pytest.mark.parametrize(
    "name",
    [
        "JPEG2000.dcm",
        "JPGExtended.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "image_dfl.dcm",
    ],
)
def test_compressed_dicom_is_read_where_a_codec_is_installed(name):
    dataset = pydicom.dcmread(sample(name))
    if not pydicom.pixels.get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        refused(sample(name), "keras-srgan[dicom]")
        return
    try:
        stored = dataset.pixel_array
    except RuntimeError:  # Pillow alone reads part of JPEG only
        refused(sample(name), "keras-srgan[dicom]")
        return
    (frame,) = open_frames(sample(name))
    offset = 2 ** (dataset.BitsStored - 1) if dataset.PixelRepresentation else 0
    np.testing.assert_array_equal(frame.pixels.astype(int) - offset, stored)


def test_whole_slide_images_are_refused(tmp_path):
    dataset = pydicom.dcmread(sample("CT_small.dcm"))
    dataset.TotalPixelMatrixRows = 4096
    dataset.save_as(tmp_path / "a.dcm")
    refused(tmp_path / "a.dcm", "whole-slide")


@pytest.mark.parametrize("syntax, word", [("1.2.3.4.5", "private"), ("1.2.840.10008.1.2.4.102", "MPEG-4")])
def test_syntaxes_without_any_decoder_are_named(tmp_path, syntax, word):
    dataset = pydicom.dcmread(sample("MR_small_RLE.dcm"))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.save_as(tmp_path / "a.dcm", implicit_vr=False, little_endian=True)
    refused(tmp_path / "a.dcm", "transfer syntax", word)


def test_encrypted_files_are_named(tmp_path):
    envelope = b"\x30\x82\x10\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x82" + RNG.bytes(4000)
    (tmp_path / "a.dcm").write_bytes(envelope)
    refused(tmp_path / "a.dcm", "encrypted")


def test_deflated_bomb_is_refused_before_it_is_inflated(tmp_path, monkeypatch):
    dataset = pydicom.dcmread(sample("image_dfl.dcm"))
    dataset.PixelData = bytes(2**28)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert (tmp_path / "a.dcm").stat().st_size < 2**20
    monkeypatch.setattr(pydicom, "dcmread", lambda *_, **__: pytest.fail("read"))
    refused(tmp_path / "a.dcm", "bomb", max_pixels=2**20)


def test_missing_frames_are_counted(tmp_path):
    dataset = pydicom.dcmread(sample("SC_rgb_rle_2frame.dcm"))
    dataset.NumberOfFrames = 5
    dataset.save_as(tmp_path / "a.dcm")
    refused(tmp_path / "a.dcm")
