"""Read a DICOM radiograph as plain numbers.

Stored values are kept: no window and no rescaling is applied. Inside the package larger is brighter and
values are unsigned, so MONOCHROME1 is inverted and signed values are offset; `derived.py` undoes both. Padding is
filled from the nearest tissue and can be put back.
"""

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from keras_srgan.images.dicom.classes import check_class
from keras_srgan.images.dicom.codestream import Stream, examine_stream
from keras_srgan.images.dicom.depth import true_bits
from keras_srgan.images.dicom.identity import UIDS
from keras_srgan.images.dicom.padding import Padding, padding_range, take_out
from keras_srgan.images.dicom.repair import swap_words, usable_uid
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
        frames: Iterator over them: pairs of an array and its `Padding` or `None`. The array is `(height, width)`, or
            `(height, width, 3)` in RGB order, uint8 or uint16 by BitsAllocated, larger is brighter, signed values
            offset by `2**(BitsStored - 1)`, padding filled from the nearest tissue.
        notes: What was read otherwise than the header says, one line each.
        digest: The sha256 of the file, where its UIDs name nothing.
    """

    header: Dataset
    max_value: int
    count: int
    frames: Iterator[tuple[np.ndarray, Padding | None]]
    notes: list[str] = field(default_factory=list)
    digest: str | None = None


def read_dicom(
    path: str | os.PathLike, max_pixels: int | None = None
) -> tuple[np.ndarray, int, Dataset, Padding | None]:
    """Read a single-frame DICOM image.

    Args:
        path: The file. One without preamble is read too, if its data set is plain.
        max_pixels: As for `check_size`.

    Returns:
        A tuple `(pixels, max_value, header, padding)`, as `DicomFrames` describes them.

    Raises:
        ImageError: If the file is not such an image, is damaged, or needs a codec that is not installed.
        OSError: If the file cannot be opened.
    """
    opened = open_dicom(path, max_pixels)
    if opened.count != 1:
        raise ImageError(f"{path}: 3-D or moving DICOM of {opened.count} frames; export the frame you need by itself")
    (pixels, padding), *_ = opened.frames  # to the end, where frames are counted
    return pixels, opened.max_value, opened.header, padding


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
    notes: list[str] = []
    with naming(path, _unreadable):
        dataset = _examine(data, max_pixels, notes)
        count = int(dataset.get("NumberOfFrames") or 1)
        if count < 1:
            raise ImageError(f"DICOM of {count} frames; export it again")
        _decoder(UID(dataset.file_meta.TransferSyntaxUID))
        _check_length(dataset, count)
        header = _header(dataset)
        if _colours(dataset) == 3:
            # A new element: the two data sets share theirs, and the decoder needs the old one.
            header.add_new("PhotometricInterpretation", "CS", "RGB")
        stream = _stream(dataset, count)
        if stream is not None and stream.lossy:
            notes += _mark_lossy(header, dataset, stream, count)
        bits = true_bits(dataset, stream, lambda: _decoded(dataset))
        if bits != int(dataset.BitsStored):
            notes.append(f"values of {bits} bits, though BitsStored says {dataset.BitsStored}: read as they are")
            header.add_new("BitsStored", "US", bits)
            header.add_new("HighBit", "US", bits - 1)
        if "TotalPixelMatrixRows" in header:
            raise ImageError("a whole-slide image in tiles; enlarging them one by one would leave seams")
        nameless = any(usable_uid(header.get(name)) is None for name in UIDS)
        digest = hashlib.sha256(data).hexdigest() if nameless else None
    return DicomFrames(header, 2**bits - 1, count, _frames(path, dataset, count, bits, notes), notes, digest)


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


def _examine(data: bytes, max_pixels: int | None, notes: list[str]) -> FileDataset:
    """The data set, once its header is known to describe an image that can be decoded."""
    if not data:
        raise ImageError("the file is empty (0 bytes); get it again")
    marked = data[128:132] == b"DICM"
    if not marked and _ENVELOPED in data[:64]:
        raise ImageError("an encrypted file (CMS envelope); decrypt it first")
    _check_deflated(data, MAX_PIXELS if max_pixels is None else max_pixels)
    dataset = pydicom.dcmread(io.BytesIO(data), force=not marked)
    if usable_uid(dataset.get("SOPClassUID")) is None and "MediaStorageSOPClassUID" in dataset.file_meta:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    if marked or "SOPClassUID" in dataset:
        notes += filter(None, [check_class(dataset)])
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


def _check_length(dataset: FileDataset, count: int) -> None:
    """Refuses plain pixel data of more frames than the header counts: nobody knows which are meant."""
    if UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated:
        return
    size = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
    found = len(dataset.PixelData) // max(1, size * int(dataset.BitsAllocated) // 8)
    if found > count:
        raise ImageError(f"pixels of {found} frames, but NumberOfFrames counts {count}; export it again")


def _stream(dataset: FileDataset, count: int) -> Stream | None:
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if not syntax.is_encapsulated:
        return None
    stream = examine_stream(next(generate_frames(dataset.PixelData, number_of_frames=count), b""), syntax)
    said = int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel") or 1)
    if stream is not None and stream.height and (stream.height, stream.width, stream.samples) != said:
        found = f"{stream.format} of {stream.height}x{stream.width}x{stream.samples}"
        raise ImageError(f"{found} in a file that says {said[0]}x{said[1]}x{said[2]}; export it again")
    return stream


def _mark_lossy(header: Dataset, dataset: FileDataset, stream: Stream, count: int) -> list[str]:
    """Says in the header that values were lost, where it does not (PS3.3, C.7.6.1.1.5)."""
    if header.get("LossyImageCompression") == "01" and header.get("LossyImageCompressionMethod"):
        return []
    samples = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1) * count
    ratio = samples * int(dataset.BitsAllocated) / 8 / max(1, len(dataset.PixelData))
    header.add_new("LossyImageCompression", "CS", "01")
    header.add_new("LossyImageCompressionMethod", "CS", stream.method)
    header.add_new("LossyImageCompressionRatio", "DS", f"{ratio:.4g}")
    return [f"lossy {stream.format}, which the header did not say"]


def _decoded(dataset: FileDataset) -> Iterator[tuple[np.ndarray, str]]:
    """Each frame as its cells are stored, in native byte order, and the colour space that it was decoded to."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    # The highest bits may be another's: `_frames` needs to see all that is stored.
    options = {} if syntax.is_encapsulated else {"correct_unused_bits": False}
    for decoded, found in _decoder(syntax).iter_array(dataset, **options):
        yield decoded.astype(decoded.dtype.newbyteorder("=")), str(found["photometric_interpretation"])


def _frames(
    path: str | os.PathLike, dataset: FileDataset, count: int, bits: int, notes: list[str]
) -> Iterator[tuple[np.ndarray, Padding | None]]:
    with naming(path, _unreadable):
        plain = not UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated
        allocated, shift = int(dataset.BitsAllocated), int(dataset.HighBit) + 1 - int(dataset.BitsStored)
        photometric, max_value, colours = str(dataset.PhotometricInterpretation), 2**bits - 1, _colours(dataset)
        padded = padding_range(dataset, bits)
        done = 0
        for native, space in _decoded(dataset):
            values = native.view(f"uint{8 * native.itemsize}").astype(f"uint{allocated}", copy=False)
            pixels = (values >> shift if plain else values) & max_value
            if dataset.PixelRepresentation == 1:
                pixels = pixels ^ 2 ** (bits - 1)  # in two's complement this adds the offset
            if photometric == "MONOCHROME1":
                pixels = max_value - pixels
            elif colours == 3 and space != "RGB":
                raise ImageError(f"{photometric} DICOM that does not decode to RGB; export it as RGB")
            if pixels.ndim != (3 if colours == 3 else 2) or 0 in pixels.shape:
                raise ImageError(f"{photometric} DICOM that decodes to shape {pixels.shape}; export it again")
            done += 1
            if done > count:
                break
            pixels, padding = np.ascontiguousarray(pixels), None
            if padded is not None:
                pixels, padding = take_out(pixels, *padded, max_value)
            if padding is not None and (text := "padding is left out, and put back") not in notes:
                notes.append(text)
            yield pixels, padding
        if done != count:
            raise ImageError(f"holds {done} of {count} frames; get it again")


def _header(dataset: FileDataset) -> Dataset:
    """The data set alone: no pixels, and no hold on the file's bytes."""
    header = Dataset()
    for element in dataset.elements():
        header[element.tag] = element
    for name in ("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        header.pop(name, None)
    if dataset.original_encoding[1] is False:
        swap_words(header)
    return header
