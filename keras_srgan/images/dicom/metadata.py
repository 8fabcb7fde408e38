"""What a DICOM header says in the terms of other image files: resolution and colour profile."""

import numpy as np
from pydicom.dataset import Dataset

from keras_srgan.images.metadata import Metadata, resolution

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ImagePlanePixelSpacing")


def dicom_metadata(header: Dataset) -> Metadata:
    """The resolution and the colour profile of an image, without anything about a patient.

    Args:
        header: A data set.

    Returns:
        A `Metadata`. Spacings in the patient go before those at the detector (PS3.3, 10.7.1).
    """
    groups = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    measures = groups[0].get("PixelMeasuresSequence") or [Dataset()]
    values = (holder.get(name) for name in _SPACINGS for holder in (header, measures[0]))
    found = next(filter(None, map(_resolution, values)), None)
    icc = header.get("ICCProfile")
    return Metadata(found, icc if isinstance(icc, bytes) and icc else None)


def _resolution(spacing):
    """Pixels per cm from millimetres down and across."""
    try:
        down, across = (10 / float(value) for value in spacing)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return resolution(across, down, "cm") if np.isfinite((down, across)).all() else None
