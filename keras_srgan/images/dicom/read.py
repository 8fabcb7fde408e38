"""Read a DICOM radiograph as plain numbers.

Stored values are kept: no window and no rescaling is applied. Inside the package larger is brighter and
values are unsigned, so MONOCHROME1 is inverted and signed values are offset; `derived.py` undoes both.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from keras_srgan.images.headers import MAX_PIXELS, ImageError, check_size, naming, one_line

INSTALL_CODECS = "pip install 'keras-srgan[dicom]'"
_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_ENVELOPED = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"  # what encrypted content (CMS) calls itself


@dataclass(frozen=True, eq=False)
class DicomFrames:
    """A DICOM file whose frames are decoded when asked for.

    Args:
        header: The data set without its pixel data.
        max_value: `2**BitsStored - 1`.
        count: Number of frames.
        frames: Iterator over them: arrays `(height, width)`, or `(height, width, 3)` in RGB order, uint8 or
            uint16 by BitsAllocated, larger is brighter, signed values offset by `2**(BitsStored - 1)`.
    """

    header: Dataset
    max_value: int
    count: int
    frames: Iterator[np.ndarray]


def read_dicom(path: str | os.PathLike, max_pixels: int | None = None) -> tuple[np.ndarray, int, Dataset]:
    """Read a single-frame DICOM image.

    Args:
        path: The file. One without preamble is read too, if its data set is plain.
        max_pixels: As for `check_size`.

    Returns:
        A tuple `(pixels, max_value, header)`, as `DicomFrames` describes them.

    Raises:
        ImageError: If the file is not such an image, is damaged, or needs a codec that is not installed.
        OSError: If the file cannot be opened.
    """
    opened = open_dicom(path, max_pixels)
    if opened.count != 1:
        raise ImageError(f"{path}: 3-D or moving DICOM of {opened.count} frames; export the frame you need by itself")
    (pixels,) = opened.frames
    return pixels, opened.max_value, opened.header


def open_dicom(path: str | os.PathLike, max_pixels: int | None = None) -> DicomFrames:
    """Open a DICOM image of one or several frames.

    Args:
        path: As for `read_dicom`.
        max_pixels: As for `check_size`, of one frame.

    Returns:
        A `DicomFrames`, whose iterator raises what this function does.

    Raises:
        ImageError: As for `read_dicom`.
        OSError: If the file cannot be opened.
    """
    data = Path(path).read_bytes()
    with naming(path, _unreadable):
        dataset = _examine(data, max_pixels)
        count = int(dataset.get("NumberOfFrames") or 1)
        if count < 1:
            raise ImageError(f"DICOM of {count} frames; export it again")
        header = _header(dataset)
        if _colours(dataset) == 3:
            # A new element: the two data sets share theirs, and the decoder needs the old one.
            header.add_new("PhotometricInterpretation", "CS", "RGB")
    return DicomFrames(header, 2 ** int(dataset.BitsStored) - 1, count, _frames(path, dataset, count))


def patient_id(header: Dataset) -> str | None:
    """The patient named by a DICOM header.

    Args:
        header: A data set.

    Returns:
        PatientID without surrounding blanks, or `None` if it is absent or empty.
    """
    return str(header.get("PatientID") or "").strip() or None


def _unreadable(error: Exception) -> str:
    """What is said of an error of pydicom or its codecs, which raise nearly any kind for damaged content."""
    # Pillow alone reads part of JPEG only.
    remedy = INSTALL_CODECS if "does not support" in str(error) else "export it again"
    return f"unreadable DICOM ({one_line(error)}); {remedy}"


def _examine(data: bytes, max_pixels: int | None) -> FileDataset:
    """The data set, once its header is known to describe an image that can be decoded."""
    if not data:
        raise ImageError("the file is empty (0 bytes); get it again")
    marked = data[128:132] == b"DICM"
    if not marked and _ENVELOPED in data[:64]:
        raise ImageError("an encrypted file (CMS envelope); decrypt it first")
    _check_deflated(data, MAX_PIXELS if max_pixels is None else max_pixels)
    dataset = pydicom.dcmread(io.BytesIO(data), force=not marked)
    if "PixelData" not in dataset:
        if not marked and "SOPClassUID" not in dataset:
            raise ImageError("not a DICOM file; give it the extension of its real format")
        raise ImageError("DICOM without integer pixel data (a report, a plan, a directory?); leave it out")
    dataset.file_meta.TransferSyntaxUID = UID(dataset.file_meta.get("TransferSyntaxUID") or _guess_syntax(dataset))
    if missing := [name for name in _NEEDED if dataset.get(name) is None]:
        raise ImageError(f"DICOM without {', '.join(missing)}; export it again")
    check_size(int(dataset.Rows), int(dataset.Columns), max_pixels)
    bits, allocated, high = int(dataset.BitsStored), int(dataset.BitsAllocated), int(dataset.HighBit)
    if allocated not in (8, 16) or not 2 <= bits <= high + 1 <= allocated:
        raise ImageError(f"DICOM with {bits} of {allocated} bits, highest {high}; export it with 8 or 16")
    photometric = str(dataset.get("PhotometricInterpretation"))
    if photometric not in ("MONOCHROME1", "MONOCHROME2") and not photometric.startswith(("RGB", "YBR")):
        raise ImageError(f"{photometric} DICOM; export it as MONOCHROME2 or RGB")
    return dataset


def _check_deflated(data: bytes, max_pixels: int) -> None:
    """Refuses a deflated data set that grows beyond any image within the limit: pydicom inflates it whole."""
    if data[128:132] != b"DICM" or DeflatedExplicitVRLittleEndian.encode() not in data[132:2048]:
        return
    (length,) = struct.unpack_from("<I", data, 140)
    limit = 6 * max_pixels + 2**26
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    size, rest = 0, data[144 + length :]
    while rest and not inflate.eof:
        size += len(inflate.decompress(rest, 2**24))
        rest = inflate.unconsumed_tail
        if size > limit:
            raise ImageError(f"inflates to more than {limit} bytes, a decompression bomb?; raise the pixel limit")


def _guess_syntax(dataset: FileDataset) -> UID:
    """The transfer syntax of a file that does not name it, as far as it is plain."""
    implicit, little = dataset.original_encoding
    if not little:
        raise ImageError("DICOM that does not name its transfer syntax; export it again")
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _colours(dataset: Dataset) -> int:
    return 1 if str(dataset.PhotometricInterpretation).startswith("MONOCHROME") else 3


def _decoder(syntax: UID):
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        kind = "private or unknown" if syntax.is_private or syntax.name == str(syntax) else "undecodable"
        raise ImageError(f"the {kind} transfer syntax {syntax.name}; export it uncompressed") from None
    if not decoder.is_available:
        raise ImageError(f"compressed with {syntax.name}, whose codec is not installed; {INSTALL_CODECS}")
    return decoder


def _frames(path: str | os.PathLike, dataset: FileDataset, count: int) -> Iterator[np.ndarray]:
    with naming(path, _unreadable):
        syntax = UID(dataset.file_meta.TransferSyntaxUID)
        decoder = _decoder(syntax)
        bits, allocated, high = int(dataset.BitsStored), int(dataset.BitsAllocated), int(dataset.HighBit)
        photometric, max_value = str(dataset.PhotometricInterpretation), 2**bits - 1
        # The shift below needs every bit that is stored.
        options = {} if syntax.is_encapsulated else {"correct_unused_bits": False}
        done = 0
        for decoded, found in decoder.iter_array(dataset, **options):
            native = decoded.astype(decoded.dtype.newbyteorder("="))  # a big-endian file gives a big-endian array
            values = native.view(f"uint{8 * native.itemsize}").astype(f"uint{allocated}", copy=False)
            if not syntax.is_encapsulated:
                values = values >> (high + 1 - bits)
            pixels = values & max_value
            if dataset.PixelRepresentation == 1:
                pixels = pixels ^ 2 ** (bits - 1)  # in two's complement this adds the offset
            if photometric == "MONOCHROME1":
                pixels = max_value - pixels
            elif _colours(dataset) == 3 and str(found["photometric_interpretation"]) != "RGB":
                raise ImageError(f"{photometric} DICOM that does not decode to RGB; export it as RGB")
            if pixels.ndim != (3 if _colours(dataset) == 3 else 2) or 0 in pixels.shape:
                raise ImageError(f"{photometric} DICOM that decodes to shape {pixels.shape}; export it again")
            done += 1
            yield np.ascontiguousarray(pixels)
        if done != count:
            raise ImageError(f"holds {done} of {count} frames; get it again")


def _header(dataset: FileDataset) -> Dataset:
    """The data set alone: no pixels, and no hold on the file's bytes."""
    header = Dataset()
    for element in dataset.elements():
        header[element.tag] = element
    for name in ("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        header.pop(name, None)
    return header
