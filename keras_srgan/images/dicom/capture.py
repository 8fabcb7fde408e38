"""The header of a DICOM Secondary Capture object, for an image that came from a file of another format."""

import datetime
import hashlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from keras_srgan.images.formats import check_holds
from keras_srgan.images.metadata import NOTHING, Metadata


def capture_header(pixels: np.ndarray, max_value: int, metadata: Metadata = NOTHING) -> Dataset:
    """A header that `write_dicom` can derive an object from; patient and study are left empty.

    Args:
        pixels: uint8 or uint16 array of shape `(height, width)` or `(height, width, 3)`.
        max_value: The value of white, `2**bits - 1`.
        metadata: Of the source. A resolution becomes the spacing, which two equal elements mark as not calibrated
            (PS3.3, 10.7.1.1), and a description as estimated; a profile stays with colour.

    Returns:
        A data set of its own study and series, made from the pixels, without instance UID (DICOM PS3.3, A.8.1).

    Raises:
        ImageError: For floats, or above 65535 pixels a side.
    """
    check_holds(".dcm", pixels.dtype, *pixels.shape[:2])
    now = datetime.datetime.now()
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.SOPClassUID = SecondaryCaptureImageStorage
    header.Modality, header.ConversionType = "OT", "WSD"
    for empty in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferringPhysicianName", "StudyID"):
        setattr(header, empty, "")
    for empty in ("AccessionNumber", "StudyDate", "StudyTime", "PatientOrientation", "Laterality"):
        setattr(header, empty, "")
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    header.StudyInstanceUID = generate_uid(entropy_srcs=["keras-srgan", "capture study", digest])
    header.SeriesInstanceUID = generate_uid(entropy_srcs=["keras-srgan", "capture series", digest])
    header.SeriesNumber = header.InstanceNumber = 1
    header.DateOfSecondaryCapture, header.TimeOfSecondaryCapture = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    header.ImageType = ["DERIVED", "SECONDARY"]
    header.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    header.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    header.BitsAllocated, header.BitsStored = 8 * pixels.itemsize, int(max_value).bit_length()
    header.PixelRepresentation = 0
    given = metadata.resolution
    if given is not None and given.unit:
        across, down = given.per("cm")
        spacing = [DSfloat(10 / each, auto_format=True) for each in (down, across)]  # mm
        header.PixelSpacing = header.NominalScannedPixelSpacing = spacing
        header.DerivationDescription = "Spacing estimated from the resolution of the source file, not calibrated"
    if metadata.icc and pixels.ndim == 3:
        header.ICCProfile = metadata.icc
    header.Rows, header.Columns = pixels.shape[:2]
    return header
