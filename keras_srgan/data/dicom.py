"""Read a DICOM radiograph as plain numbers, and write a derived object with the same meaning.

Stored values are kept: no window and no rescaling is applied. Inside the package larger is brighter and
values are unsigned, so MONOCHROME1 is inverted and signed values are offset; `derived_dataset` undoes both.
"""

import copy
import datetime
import io
import os
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat

from keras_srgan.data.headers import ImageError, check_size, one_line
from keras_srgan.data.images import Image
from keras_srgan.files import write_bytes

INSTALL_CODECS = "pip install 'keras-srgan[dicom]'"

_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
# Places counted in pixels: they move with the grid.
_PIXEL_PLACES = tuple(
    f"{device}{place}"
    for device in ("Shutter", "Collimator")
    for place in ("LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge", "LowerHorizontalEdge")
) + (
    "CenterOfCircularShutter",
    "RadiusOfCircularShutter",
    "VerticesOfThePolygonalShutter",
    "CenterOfCircularCollimator",
    "RadiusOfCircularCollimator",
    "VerticesOfThePolygonalCollimator",
)
# Statements that the new pixels make untrue; all of them are optional.
_STALE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "IconImageSequence",
    "SequenceOfUltrasoundRegions",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "DataSetTrailingPadding",
    "NumberOfFrames",
)
_NOTE = "Enlarged {scale:g} times by keras-srgan; fine detail is estimated; not for diagnostic use"


def read_dicom(path: str | os.PathLike) -> tuple[np.ndarray, int, Dataset]:
    """Read a single-frame DICOM image.

    Args:
        path: The file. One without preamble is read too, if its data set is plain.

    Returns:
        A tuple `(pixels, max_value, header)`. `pixels` has shape `(height, width)`, or `(height, width, 3)`
        in RGB order, uint8 or uint16 by BitsAllocated, larger is brighter, signed values offset by
        `2**(BitsStored - 1)`. `max_value` is `2**BitsStored - 1`. `header` is the data set without its pixel
        data.

    Raises:
        ImageError: If the file is not such an image, is damaged, or needs a codec that is not installed.
        OSError: If the file cannot be opened.
    """
    path = Path(path)
    data = path.read_bytes()
    try:
        return _decode(data)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    except Exception as error:  # pydicom and its codecs raise nearly any kind for damaged content
        raise ImageError(f"{path}: unreadable DICOM ({one_line(error)}); export it again") from error


def patient_id(header: Dataset) -> str | None:
    """The patient named by a DICOM header.

    Args:
        header: A data set.

    Returns:
        PatientID without surrounding blanks, or `None` if it is absent or empty.
    """
    return str(header.get("PatientID") or "").strip() or None


def derived_dataset(header: Dataset, pixels: np.ndarray, max_value: int, scale: float) -> FileDataset:
    """A new DICOM object holding an enlarged image, derived from the one that `header` describes.

    It has its own instance UID and, for one source series and scale, one series UID; study, patient, window
    and stored meaning stay. Pixel spacings are divided by `scale`, positions counted in pixels are multiplied
    by it, and overlays and other statements about the old pixels are dropped.

    Args:
        header: The source header, as `read_dicom` gives it. It is not changed.
        pixels: uint8 or uint16 array of shape `(height, width)`, or `(height, width, 3)` in RGB order, in the
            form `read_dicom` gives.
        max_value: The value of white; must be that of the source.
        scale: How many times larger than the source.

    Returns:
        The data set, ready for `save_as`; Explicit VR Little Endian, uncompressed.

    Raises:
        ImageError: If the pixels do not fit the header's depth or the scale is not positive.
    """
    bits, allocated = int(header.BitsStored), int(header.BitsAllocated)
    if max_value != 2**bits - 1 or pixels.dtype != np.dtype(f"uint{allocated}"):
        raise ImageError(
            f"{pixels.dtype} up to {max_value} do not fit {bits} of {allocated} bits in the header; keep both"
        )
    if pixels.max() > max_value:
        raise ImageError(f"a pixel is {pixels.max()}, above white at {max_value}; clip the pixels first")
    if max(pixels.shape) > 65535:
        raise ImageError(f"{pixels.shape[0]}x{pixels.shape[1]} pixels, DICOM ends at 65535 a side; write .png")
    if not scale > 0:
        raise ImageError(f"scale must be positive, received {scale}")
    dataset = copy.deepcopy(header)
    _mark_derived(dataset, scale)
    _move_geometry(dataset, scale)
    _put_pixels(dataset, pixels, max_value)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return FileDataset("", dataset, preamble=b"\0" * 128, file_meta=meta)


def write_dicom(path: str | os.PathLike, pixels: np.ndarray, like: Image, scale: float) -> Path:
    """Write an enlarged image as a DICOM object derived from its source, whole or not at all.

    Args:
        path: Target; replaced if it exists.
        pixels: As for `derived_dataset`.
        like: The source image, read from DICOM.
        scale: How many times larger than the source.

    Returns:
        The path written.

    Raises:
        ImageError: If the source was not DICOM or the pixels do not fit its header.
        OSError: If the file cannot be written.
    """
    if like.dicom is None:
        raise ImageError(f"{path}: DICOM needs the header of a DICOM source; write .png instead")
    buffer = io.BytesIO()
    try:
        derived_dataset(like.dicom, pixels, like.max_value, scale).save_as(buffer, enforce_file_format=True)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    except Exception as error:  # an element of the source that pydicom reads but cannot write
        raise ImageError(f"{path}: cannot write {like.path}'s header ({one_line(error)})") from error
    return write_bytes(path, buffer.getvalue())


def _decode(data: bytes) -> tuple[np.ndarray, int, Dataset]:
    """`read_dicom` on bytes; errors do not name the file."""
    if not data:
        raise ImageError("the file is empty (0 bytes); get it again")
    marked = data[128:132] == b"DICM"
    dataset = pydicom.dcmread(io.BytesIO(data), force=not marked)
    if "PixelData" not in dataset:
        if not marked and "SOPClassUID" not in dataset:
            raise ImageError("not a DICOM file; give it the extension of its real format")
        raise ImageError("DICOM without integer pixel data (a report, a plan, a directory?); leave it out")
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID") or _guess_syntax(dataset))
    dataset.file_meta.TransferSyntaxUID = syntax
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ImageError(f"3-D or moving DICOM of {frames} frames; export the frame you need by itself")
    if missing := [name for name in _NEEDED if dataset.get(name) is None]:
        raise ImageError(f"DICOM without {', '.join(missing)}; export it again")
    check_size(int(dataset.Rows), int(dataset.Columns))
    bits, allocated, high = int(dataset.BitsStored), int(dataset.BitsAllocated), int(dataset.HighBit)
    if allocated not in (8, 16) or not 2 <= bits <= high + 1 <= allocated:
        raise ImageError(f"DICOM with {bits} of {allocated} bits, highest {high}; export it with 8 or 16")
    photometric = str(dataset.get("PhotometricInterpretation"))
    if photometric not in ("MONOCHROME1", "MONOCHROME2") and not photometric.startswith(("RGB", "YBR")):
        raise ImageError(f"{photometric} DICOM; export it as MONOCHROME2 or RGB")
    decoder = get_decoder(syntax)
    if not decoder.is_available:
        raise ImageError(f"compressed with {syntax.name}, whose codec is not installed; {INSTALL_CODECS}")
    # The shift below needs every bit that is stored.
    options = {} if syntax.is_encapsulated else {"correct_unused_bits": False}
    decoded, found = decoder.as_array(dataset, **options)  # type: ignore[arg-type]
    native = decoded.astype(decoded.dtype.newbyteorder("="))  # a big-endian file gives a big-endian array
    values = native.view(f"uint{8 * native.itemsize}").astype(f"uint{allocated}", copy=False)
    max_value = 2**bits - 1
    if not syntax.is_encapsulated:
        values = values >> (high + 1 - bits)
    pixels = values & max_value
    if dataset.PixelRepresentation == 1:
        pixels = pixels ^ 2 ** (bits - 1)  # in two's complement this adds the offset
    if photometric == "MONOCHROME1":
        pixels = max_value - pixels
    elif pixels.ndim == 3:
        dataset.PhotometricInterpretation = str(found["photometric_interpretation"])
        if dataset.PhotometricInterpretation != "RGB":
            raise ImageError(f"{photometric} DICOM that does not decode to RGB; export it as RGB")
    return np.ascontiguousarray(pixels), max_value, _header(dataset)


def _guess_syntax(dataset: FileDataset) -> UID:
    """The transfer syntax of a file that does not name it, as far as it is plain."""
    implicit, little = dataset.original_encoding
    if not little:
        raise ImageError("DICOM that does not name its transfer syntax; export it again")
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _header(dataset: FileDataset) -> Dataset:
    """The data set alone: no pixels, and no hold on the file's bytes."""
    header = Dataset()
    for element in dataset.elements():
        header[element.tag] = element
    for name in ("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        header.pop(name, None)
    return header


def _mark_derived(dataset: Dataset, scale: float) -> None:
    """Identity and provenance of the new object."""
    source = Dataset()
    source.ReferencedSOPClassUID = dataset.SOPClassUID
    source.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SourceImageSequence = [source]
    dataset.SOPInstanceUID = generate_uid()
    # Made from the source's, so that one enlarged series stays one series.
    origin = [str(dataset.get("SeriesInstanceUID")), "keras-srgan", f"{scale:g}"]
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=origin)
    kind = dataset.get("ImageType") or []
    dataset.ImageType = ["DERIVED", "SECONDARY", *([kind] if isinstance(kind, str) else list(kind))[2:]]
    earlier = str(dataset.get("DerivationDescription") or "")
    dataset.DerivationDescription = "; ".join(filter(None, (_NOTE.format(scale=scale), earlier)))[:1024]
    now = datetime.datetime.now()
    dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.InstanceCreationTime = now.strftime("%H%M%S")
    for name in _STALE:
        dataset.pop(name, None)
    # Overlays are drawn on the old grid.
    for tag in [tag for tag in dataset.keys() if 0x6000 <= tag.group <= 0x60FF]:
        del dataset[tag]


def _move_geometry(dataset: Dataset, scale: float) -> None:
    """Spacings, the place of the first pixel, and places counted in pixels."""
    if all(map(dataset.get, ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))):
        # The position is the first pixel's centre, and smaller pixels put it nearer the corner.
        along = np.reshape([float(v) for v in dataset.ImageOrientationPatient], (2, 3))
        down, across = (float(v) for v in dataset.PixelSpacing)
        step = (along[0] * across + along[1] * down) * (1 / scale - 1) / 2
        place = np.asarray([float(v) for v in dataset.ImagePositionPatient]) + step
        dataset.ImagePositionPatient = [DSfloat(float(v), auto_format=True) for v in place]
    for name in _SPACINGS:
        if dataset.get(name):
            spacing = [float(v) / scale for v in dataset[name].value]
            setattr(dataset, name, [DSfloat(v, auto_format=True) for v in spacing])
    for name in _PIXEL_PLACES:
        value = dataset.get(name)
        if value is not None and value != "":
            several = not isinstance(value, (int, str))
            moved = [round(int(v) * scale) for v in (value if several else [value])]
            setattr(dataset, name, moved if several else moved[0])


def _put_pixels(dataset: Dataset, pixels: np.ndarray, max_value: int) -> None:
    """Pixels in the source's own terms: inversion and offset undone."""
    colour = pixels.ndim == 3
    photometric = str(dataset.PhotometricInterpretation)
    if not colour and photometric == "MONOCHROME1":
        pixels = max_value - pixels
    if colour or photometric != "MONOCHROME1":
        dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PixelRepresentation = 0
        dataset.PlanarConfiguration = 0
    else:
        dataset.pop("PlanarConfiguration", None)
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if dataset.PixelRepresentation == 1:
        pixels = (pixels.astype(np.int32) - 2 ** (bits - 1)).astype(f"int{allocated}")
    dataset.HighBit = bits - 1
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    content = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset.add_new("PixelData", "OW" if allocated > 8 else "OB", content)
