"""A DICOM object derived from another: the enlarged pixels under a new identity, geometry moved along.

Follows DICOM PS3.3: C.7.6.1 (General Image), C.7.6.16 (multi-frame functional groups), C.12.4 (references).
"""

import copy
import datetime
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat

from keras_srgan.files import write_atomically
from keras_srgan.images.headers import ImageError, naming, one_line

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
    "EncryptedAttributesSequence",
    "DataSetTrailingPadding",
)

_NOTE = "Enlarged {scale:g} times by keras-srgan; fine detail is estimated; not for diagnostic use"
_LARGEST = 2**32 - 2  # bytes of plain pixel data


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
    dataset = _described(header, pixels, max_value, scale)
    content = _stored(dataset, pixels, max_value)
    dataset.add_new("PixelData", "OW" if dataset.BitsAllocated > 8 else "OB", content + b"\0" * (len(content) % 2))
    return dataset


def write_dicom(
    path: str | os.PathLike, header: Dataset, frames: Iterable[np.ndarray], max_value: int, scale: float
) -> Path:
    """Write enlarged frames as a DICOM object derived from their source, whole or not at all.

    The frames wait in a temporary file beside the target, so that one at a time is in memory.

    Args:
        path: Target; replaced if it exists.
        header: As for `derived_dataset`.
        frames: As many arrays as the header has frames, each as for `derived_dataset`.
        max_value: The value of white; must be that of the source.
        scale: How many times larger than the source.

    Returns:
        The path written.

    Raises:
        ImageError: If the frames do not fit the header.
        OSError: If the file cannot be written.
    """

    wanted = int(header.get("NumberOfFrames") or 1)

    def write(temporary: Path) -> None:
        dataset, done, size = None, 0, 0
        with tempfile.TemporaryFile(dir=temporary.parent) as spool:
            for pixels in frames:
                with naming(path, _unwritable, OSError):
                    if pixels.nbytes * wanted > _LARGEST:
                        raise ImageError(f"{wanted} frame(s) of {pixels.nbytes} bytes, DICOM ends at 4 GB; write .tif")
                    if dataset is None:
                        dataset = _described(header, pixels, max_value, scale)
                    size += spool.write(_stored(dataset, pixels, max_value))
                done += 1
            with naming(path, _unwritable, OSError):
                if dataset is None or done != wanted:
                    raise ImageError(f"{done} frame(s) for a header of {wanted}; give all of them")
                spool.write(b"\0" * (size % 2))
                spool.seek(0)
                buffer = getattr(spool, "file", spool)  # Windows wraps it
                dataset.add_new("PixelData", "OW" if dataset.BitsAllocated > 8 else "OB", buffer)
                dataset.save_as(temporary, enforce_file_format=True)

    return write_atomically(path, write)


def _unwritable(error: Exception) -> str:
    """What is said of an element of the source that pydicom reads but cannot write."""
    return f"cannot write the source's header ({one_line(error)})"


def _described(header: Dataset, pixels: np.ndarray, max_value: int, scale: float) -> FileDataset:
    """The derived object without its pixels."""
    bits, allocated = int(header.BitsStored), int(header.BitsAllocated)
    if max_value != 2**bits - 1 or pixels.dtype != np.dtype(f"uint{allocated}"):
        raise ImageError(
            f"{pixels.dtype} up to {max_value} do not fit {bits} of {allocated} bits in the header; keep both"
        )
    if max(pixels.shape) > 65535:
        raise ImageError(f"{pixels.shape[0]}x{pixels.shape[1]} pixels, DICOM ends at 65535 a side; write .png")
    if not scale > 0:
        raise ImageError(f"scale must be positive, received {scale}")
    dataset = copy.deepcopy(header)
    _mark_derived(dataset, scale)
    _move_geometry(dataset, scale)
    _describe_pixels(dataset, pixels)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return FileDataset("", dataset, preamble=b"\0" * 128, file_meta=meta)


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def _mark_derived(dataset: Dataset, scale: float) -> None:
    """Identity and provenance of the new object."""
    note, resampled = _NOTE.format(scale=scale), [_code("113085", "Spatial resampling")]
    if "SharedFunctionalGroupsSequence" in dataset:
        _mark_groups(dataset, _reference(dataset), resampled, note)
    else:
        dataset.DerivationCodeSequence = resampled
        # A capture of a file of another format (`capture.py`) has no DICOM source.
        if "ConversionType" not in dataset or "SOPInstanceUID" in dataset:
            dataset.SourceImageSequence = [_reference(dataset)]
    dataset.SOPInstanceUID = generate_uid()
    # Made from the source's, so that one enlarged series stays one series.
    origin = [str(dataset.get("SeriesInstanceUID")), "keras-srgan", f"{scale:g}"]
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=origin)
    dataset.ImageType = _derived_type(dataset.get("ImageType"), "SharedFunctionalGroupsSequence" in dataset)
    earlier = str(dataset.get("DerivationDescription") or "")
    dataset.DerivationDescription = "; ".join(filter(None, (note, earlier)))[:1024]
    now = datetime.datetime.now()
    dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.InstanceCreationTime = now.strftime("%H%M%S")
    for name in _STALE:
        dataset.pop(name, None)
    # Overlays are drawn on the old grid.
    for tag in [tag for tag in dataset.keys() if 0x6000 <= tag.group <= 0x60FF]:
        del dataset[tag]


def _reference(dataset: Dataset) -> Dataset:
    source = Dataset()
    source.ReferencedSOPClassUID = dataset.SOPClassUID
    source.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = [_code("121322", "Source image for image processing operation")]
    return source


def _derived_type(kind, enhanced: bool) -> list[str]:
    kinds = [kind] if isinstance(kind, str) else list(kind or [])
    # Enhanced objects know PRIMARY only (C.8.16.1.2).
    return ["DERIVED", "PRIMARY" if enhanced else "SECONDARY", *kinds[2:]]


def _mark_groups(dataset: Dataset, source: Dataset, resampled: list[Dataset], note: str) -> None:
    """The same for an enhanced multi-frame object, which says it in its functional groups."""
    derivation = Dataset()
    derivation.DerivationDescription = note
    derivation.DerivationCodeSequence = resampled
    derivation.SourceImageSequence = [source]
    for group in _groups(dataset):
        # What kind of frame it is stands in a sequence named after the modality.
        for element in group:
            if element.VR == "SQ":
                for item in element.value:
                    if "FrameType" in item:
                        item.FrameType = _derived_type(item.FrameType, True)
        group.pop("DerivationImageSequence", None)
    dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence = [derivation]
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID = dataset.SOPClassUID
    instance.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    series.ReferencedSOPSequence = [instance]
    series.SeriesInstanceUID = dataset.get("SeriesInstanceUID")
    study.ReferencedSeriesSequence = [series]
    study.StudyInstanceUID = dataset.get("StudyInstanceUID")
    dataset.SourceImageEvidenceSequence = [study]


def _groups(dataset: Dataset) -> list[Dataset]:
    """The functional groups: the shared one first, then one a frame."""
    shared, frames = dataset.SharedFunctionalGroupsSequence, dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(shared) == 0:
        dataset.SharedFunctionalGroupsSequence = [Dataset()]
    return [dataset.SharedFunctionalGroupsSequence[0], *frames]


def _move_geometry(dataset: Dataset, scale: float) -> None:
    """Spacings, the place of the first pixel, and places counted in pixels."""
    _move_position(dataset, dataset.get("ImageOrientationPatient"), dataset.get("PixelSpacing"), scale)
    _divide_spacings(dataset, scale)
    for name in _PIXEL_PLACES:
        value = dataset.get(name)
        if value is not None and value != "":
            several = not isinstance(value, (int, str))
            moved = [round(int(v) * scale) for v in (value if several else [value])]
            setattr(dataset, name, moved if several else moved[0])
    if "SharedFunctionalGroupsSequence" not in dataset:
        return

    groups = _groups(dataset)

    def first(group: Dataset, sequence: str) -> Dataset:
        """The group's own item, or else the shared one."""
        return next((each[sequence][0] for each in (group, groups[0]) if each.get(sequence)), Dataset())

    for group in groups:
        if group.get("PlanePositionSequence"):
            directions = first(group, "PlaneOrientationSequence").get("ImageOrientationPatient")
            spacing = first(group, "PixelMeasuresSequence").get("PixelSpacing")
            _move_position(group.PlanePositionSequence[0], directions, spacing, scale)
    for group in groups:
        for item in group.get("PixelMeasuresSequence") or []:
            _divide_spacings(item, scale)


def _move_position(holder: Dataset, directions, spacing, scale: float) -> None:
    """The position is the first pixel's centre, and smaller pixels put it nearer the corner."""
    if not (holder.get("ImagePositionPatient") and directions and spacing):
        return
    along = np.reshape([float(v) for v in directions], (2, 3))
    down, across = (float(v) for v in spacing)
    step = (along[0] * across + along[1] * down) * (1 / scale - 1) / 2
    place = np.asarray([float(v) for v in holder.ImagePositionPatient]) + step
    holder.ImagePositionPatient = [DSfloat(float(v), auto_format=True) for v in place]


def _divide_spacings(holder: Dataset, scale: float) -> None:
    for name in _SPACINGS:
        if holder.get(name):
            spacing = [float(v) / scale for v in holder[name].value]
            setattr(holder, name, [DSfloat(v, auto_format=True) for v in spacing])


def _describe_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
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
    dataset.Rows, dataset.Columns = pixels.shape[:2]


def _stored(dataset: Dataset, pixels: np.ndarray, max_value: int) -> bytes:
    """Pixels in the source's own terms: inversion and offset undone."""
    if pixels.shape[:2] != (dataset.Rows, dataset.Columns):
        raise ImageError(f"a frame of {pixels.shape[:2]}, the first of {(dataset.Rows, dataset.Columns)}")
    if pixels.max() > max_value:
        raise ImageError(f"a pixel is {pixels.max()}, above white at {max_value}; clip the pixels first")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = max_value - pixels
    if dataset.PixelRepresentation == 1:
        pixels = (pixels.astype(np.int32) - 2 ** (int(dataset.BitsStored) - 1)).astype(f"i{pixels.itemsize}")
    return np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
