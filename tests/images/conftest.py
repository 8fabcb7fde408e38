"""Small images and DICOM objects."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image as Pillow
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from keras_srgan.images import ImageError, read_image
from keras_srgan.images.dicom import Network, derive, write_dicom
from keras_srgan.images.frames import open_frames

RNG = np.random.default_rng(13)
GRAY, ALPHA = RNG.integers(0, 256, (2, 40, 52), dtype=np.uint8)
RGB = RNG.integers(0, 256, (40, 52, 3), dtype=np.uint8)
GRAY16 = RNG.integers(0, 65536, (40, 52), dtype=np.uint16)
RGB16 = RNG.integers(0, 65536, (40, 52, 3), dtype=np.uint16)
STORED12 = RNG.integers(0, 4096, (20, 30), dtype=np.uint16)
ORIENTATION = 0x0112  # of Exif
PLAIN = ["RG1_UNCR.dcm", "CT_small.dcm", "MR_small.dcm", "SC_rgb_small_odd.dcm", "examples_overlay.dcm"]
SEVERAL = ["SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm", "examples_ybr_color.dcm"]


def radiograph(
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


def saved(folder: Path, dataset: Dataset, name: str = "a.dcm", syntax=ExplicitVRLittleEndian) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.3.4"
    dataset.save_as(folder / name, enforce_file_format=True)
    return folder / name


def enlarged(pixels: np.ndarray, scale: int = 2) -> np.ndarray:
    return np.repeat(np.repeat(pixels, scale, 0), scale, 1)


def back(folder: Path, dataset: Dataset, scale: int = 4, syntax=ExplicitVRLittleEndian, **elements):
    """The first frame as a network sees it, and the object written from it."""
    for name, value in elements.items():
        setattr(dataset, name, value)
    frames = open_frames(saved(folder, dataset, syntax=syntax))
    assert frames.dicom is not None
    kept = list(frames)
    results = [frame.restored(enlarged(frame.pixels, scale)) for frame in kept]
    network = Network("w", "0" * 64)
    derive(frames.dicom, results, network, frames.notes).save_as(folder / "b.dcm", enforce_file_format=True)
    written = pydicom.dcmread(folder / "b.dcm")
    written.notes = frames.notes
    return kept[0].pixels, written


def pillow(path: Path, image: Pillow.Image, **options) -> Path:
    image.save(path, **options)
    return path


def sample(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def refused(path, *words: str, **options) -> None:
    """`open_frames` refuses the file, in one line that names it and has these words."""
    _refused(lambda: list(open_frames(path, **options)), path, words)


def unreadable(path, *words: str) -> None:
    """`read_image` does."""
    _refused(lambda: read_image(path), path, words)


def _refused(read, path, words) -> None:
    with pytest.raises(ImageError) as caught:
        read()
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def encode(extension: str, pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(extension, pixels if pixels.ndim == 2 else pixels[..., ::-1])
    assert done
    return data.tobytes()


def pillow_bytes(image: Pillow.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_bytes(pixels: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def write_derived(source: Path, target: Path, scale: int = 2) -> Path:
    frames = open_frames(source)
    assert frames.dicom is not None
    return write_dicom(target, frames.dicom, (f.restored(enlarged(f.pixels, scale)) for f in frames), scale)


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with some bytes changed, cut out, doubled or zeroed, or cut short."""
    data = bytearray(data)
    reach = min(len(data), int(rng.choice([60, 400, 2000, len(data)])))
    for place in rng.integers(0, reach, rng.integers(1, 6)):
        length, change = int(rng.integers(1, 40)), rng.integers(5)
        if change == 0:
            del data[place : place + length]
        elif change == 1:
            data[place:place] = data[place : place + length]
        elif change == 2:
            data[place : place + length] = bytes(length)
        else:
            data[min(place, len(data) - 1)] = rng.integers(256)
    return bytes(data[: rng.integers(1, 4 * len(data))])
