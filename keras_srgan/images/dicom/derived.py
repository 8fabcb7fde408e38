"""A DICOM object derived from another: the enlarged pixels under a new identity, geometry moved along.

Follows DICOM PS3.3: C.7.6.1 (General Image), C.7.6.16 (multi-frame functional groups), C.12.1 (SOP Common), C.12.4
(references). `identity.py`, `geometry.py` and `overlays.py` change the header, `repair.py` mends it before.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from keras_srgan.files import write_atomically
from keras_srgan.images.dicom.classes import check_class
from keras_srgan.images.dicom.geometry import move_geometry
from keras_srgan.images.dicom.identity import Network, mark_derived
from keras_srgan.images.dicom.overlays import move_overlays
from keras_srgan.images.dicom.repair import repaired, swap_words
from keras_srgan.images.headers import ImageError, naming, one_line

_LARGEST = 2**32 - 2  # bytes of plain pixel data
_PIXELS = ("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def derive(
    source: Dataset, frames: Iterable[np.ndarray], network: Network | None = None, notes: list[str] | None = None
) -> FileDataset:
    """A new DICOM object: enlarged frames, derived from the object that they were made from.

    What holds of the result:

    - It has the source's study, patient, de-identification, window and stored meaning (inversion, sign, rescaling),
      and as many frames.
    - It has UIDs of its own, made from the source's UIDs, its patient, the scale and the network: the same input and
      weights give the same UIDs, and one source series becomes one series. Without `network` the instance UID differs
      each time. UIDs of the source that are empty or no UIDs are replaced, and not referred to.
    - It says that it is derived and synthetic: Image Type, Synthetic Data, Derivation Code and Description, Source
      Image with its purpose, Contributing Equipment with the package's version and the weights' sha256, and a Series
      Description. Lossy flags stay as they are in `source`.
    - Everything that `attributes.csv` knows as a length or a place is true of the new grid, in sequences and
      functional groups too; overlays are enlarged. What cannot be made true is dropped with a note, or refused.
    - Elements that cannot be written are mended or dropped with a note.
    - It is uncompressed, Explicit VR Little Endian, with file meta information: ready for `save_as` or C-STORE.

    Args:
        source: The header, as `open_dicom` and `open_frames` give it (with pixel data or without). Not changed.
        frames: Its frames enlarged, in order: uint8 or uint16 arrays `(height, width)`, or `(height, width, 3)` in RGB
            order, larger is brighter, in `[0, 2**BitsStored - 1]`, with padding put back (`Padding.put_back`).
        network: What enlarged them.
        notes: List that gets a line for each thing that was changed or dropped.

    Returns:
        The data set. For frames that do not fit into memory, see `write_derived`.

    Raises:
        ImageError: If the frames do not fit the header, or the object cannot be enlarged; what is wrong is named.

    Example:

    >>> from pydicom.data import get_testdata_file
    >>> from keras_srgan.images.frames import open_frames
    >>> frames = open_frames(get_testdata_file("MR_small.dcm"))
    >>> upscaler = load("xray-fast")
    >>> enlarged = [f.restored(upscaler.upscale(f.pixels, f.max_value)) for f in frames]
    >>> made = derive(frames.dicom, enlarged, Network("xray-fast", "0" * 64))
    >>> made.save_as("b.dcm", enforce_file_format=True)
    >>> frames.dicom.Rows, made.Rows, made.ImageType[0]
    (64, 256, 'DERIVED')
    """
    frames = list(frames)
    if not frames:
        raise ImageError("no frames for a DICOM object; give all of them")
    rows, columns = (new / int(old) for new, old in zip(frames[0].shape, (source.Rows, source.Columns), strict=False))
    if rows != columns:
        raise ImageError(f"{rows:g} times the rows but {columns:g} times the columns; keep the aspect")
    digest = hashlib.sha256(b"".join(hashlib.sha256(frame.tobytes()).digest() for frame in frames)).hexdigest()
    dataset = derived_header(source, rows, network, digest, notes)
    _check_count(dataset, len(frames))
    _describe_pixels(dataset, frames[0])
    content = b"".join(_stored(dataset, pixels) for pixels in frames)
    _check_length(len(content))
    dataset.add_new("PixelData", "OW" if dataset.BitsAllocated > 8 else "OB", content + b"\0" * (len(content) % 2))
    return dataset


def derived_header(
    source: Dataset,
    scale: float,
    network: Network | None = None,
    digest: str | None = None,
    notes: list[str] | None = None,
) -> FileDataset:
    """All of a derived object but its pixels: what can be wrong with a header shows before anything is computed.

    Args:
        source: As for `derive`.
        scale: How many times larger.
        network: As for `derive`.
        digest: A hash of the source as a whole, from which UIDs are made where the source has none.
        notes: As for `derive`.

    Returns:
        The header, for `write_derived`.

    Raises:
        ImageError: If the object cannot be enlarged; what is wrong is named.
    """
    if not scale > 0:
        raise ImageError(f"scale must be positive, received {scale}")
    check_class(source)
    plain = Dataset()
    for tag in source.keys():
        plain[tag] = source.get_item(tag)
    for name in _PIXELS:
        plain.pop(name, None)
    try:
        dataset, said = repaired(plain)
        if source.original_encoding[1] is False:  # `open_dicom` has done it
            swap_words(dataset)
        said += mark_derived(dataset, scale, network, digest)
        said += move_geometry(dataset, scale)
        said += move_overlays(dataset, scale)
        dataset.Rows, dataset.Columns = round(int(source.Rows) * scale), round(int(source.Columns) * scale)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(_unwritable(error)) from error
    if max(dataset.Rows, dataset.Columns) > 65535:
        raise ImageError(f"{dataset.Rows}x{dataset.Columns} pixels, DICOM ends at 65535 a side; write .png")
    if notes is not None:
        notes += [text for text in dict.fromkeys(one_line(each, 2000) for each in said) if text not in notes]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return FileDataset("", dataset, preamble=b"\0" * 128, file_meta=meta)


def write_derived(path: str | os.PathLike, header: FileDataset, frames: Iterable[np.ndarray]) -> Path:
    """Write enlarged frames as a DICOM object, whole or not at all.

    The frames wait in a temporary file beside the target, so that one at a time is in memory.

    Args:
        path: Target; replaced if it exists.
        header: What `derived_header` gave; it is filled in.
        frames: As for `derive`.

    Returns:
        The path written.

    Raises:
        ImageError: If the frames do not fit the header.
        OSError: If the file cannot be written.
    """
    wanted = _frames(header)

    def write(temporary: Path) -> None:
        done, size = 0, 0
        with tempfile.TemporaryFile(dir=temporary.parent) as spool:
            for pixels in frames:
                with naming(path, _unwritable, OSError):
                    _check_length(pixels.nbytes * wanted)
                    if not done:
                        _describe_pixels(header, pixels)
                    size += spool.write(_stored(header, pixels))
                done += 1
            with naming(path, _unwritable, OSError):
                _check_count(header, done)
                spool.write(b"\0" * (size % 2))
                spool.seek(0)
                buffer = getattr(spool, "file", spool)  # Windows wraps it
                header.add_new("PixelData", "OW" if header.BitsAllocated > 8 else "OB", buffer)
                header.save_as(temporary, enforce_file_format=True)

    return write_atomically(path, write)


def _unwritable(error: Exception) -> str:
    """What is said of an error of pydicom that `repaired` did not see coming."""
    return f"cannot write the source's header ({one_line(error)})"


def _frames(header: Dataset) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _check_count(header: Dataset, done: int) -> None:
    if done != (wanted := _frames(header)):
        raise ImageError(f"{done} frame(s) for a header of {wanted}; give all of them")
    if "NumberOfFrames" in header:
        header.NumberOfFrames = done  # it may have been 0, or empty


def _check_length(size: int) -> None:
    if size > _LARGEST:
        raise ImageError(f"{size} bytes of pixels, DICOM ends at 4 GB; write .tif")


def _describe_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    """What the header says of the pixels' form."""
    colour = pixels.ndim == 3
    if colour or str(dataset.PhotometricInterpretation) != "MONOCHROME1":
        dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PixelRepresentation = 0
        dataset.PlanarConfiguration = 0
    else:
        dataset.pop("PlanarConfiguration", None)
    dataset.HighBit = int(dataset.BitsStored) - 1
    dataset.SamplesPerPixel = 3 if colour else 1


def _stored(dataset: Dataset, pixels: np.ndarray) -> bytes:
    """Pixels in the source's own terms: inversion and offset undone."""
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if pixels.dtype != np.dtype(f"uint{allocated}"):
        raise ImageError(f"{pixels.dtype} does not fit {bits} of {allocated} bits in the header; keep the depth")
    if pixels.shape != (dataset.Rows, dataset.Columns, *((3,) if dataset.SamplesPerPixel == 3 else ())):
        wanted = (dataset.Rows, dataset.Columns)
        raise ImageError(f"a frame of {pixels.shape} for a header of {wanted}, {dataset.SamplesPerPixel} sample(s)")
    max_value = 2**bits - 1
    if pixels.max() > max_value:
        raise ImageError(f"a pixel is {pixels.max()}, above white at {max_value}; clip the pixels first")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = max_value - pixels
    if dataset.PixelRepresentation == 1:
        pixels = (pixels.astype(np.int32) - 2 ** (bits - 1)).astype(f"i{pixels.itemsize}")
    return np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()


def write_dicom(
    path: str | os.PathLike, source: Dataset, frames: Iterable[np.ndarray], scale: float, network: Network | None = None
) -> Path:
    """`derived_header` and `write_derived` in one: errors of both name the path."""
    with naming(path, _unwritable, OSError):
        header = derived_header(source, scale, network)
    return write_derived(path, header, frames)
