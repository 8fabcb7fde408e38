"""Small DICOM objects."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from keras_srgan.images.dicom import Network, derive
from keras_srgan.images.frames import open_frames


def _radiograph(
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


def _saved(folder: Path, dataset: Dataset, name: str = "a.dcm", syntax=ExplicitVRLittleEndian) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.3.4"
    dataset.save_as(folder / name, enforce_file_format=True)
    return folder / name


def _enlarged(pixels: np.ndarray, scale: int = 2) -> np.ndarray:
    return np.repeat(np.repeat(pixels, scale, 0), scale, 1)


def _back(folder: Path, dataset: Dataset, scale: int = 4, syntax=ExplicitVRLittleEndian, **elements):
    """The first frame as a network sees it, and the object written from it."""
    for name, value in elements.items():
        setattr(dataset, name, value)
    frames = open_frames(_saved(folder, dataset, syntax=syntax))
    assert frames.dicom is not None
    kept = list(frames)
    results = [frame.restored(_enlarged(frame.pixels, scale)) for frame in kept]
    network = Network("w", "0" * 64)
    derive(frames.dicom, results, network, frames.notes).save_as(folder / "b.dcm", enforce_file_format=True)
    written = pydicom.dcmread(folder / "b.dcm")
    written.notes = frames.notes
    return kept[0].pixels, written


@pytest.fixture
def radiograph():
    return _radiograph


@pytest.fixture
def saved():
    return _saved


@pytest.fixture
def enlarged():
    return _enlarged


@pytest.fixture
def back():
    return _back
