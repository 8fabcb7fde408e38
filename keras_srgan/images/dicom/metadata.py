"""What a DICOM header says in the terms of other image files: resolution and colour profile."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from keras_srgan.images.metadata import NOTHING, Metadata, resolution

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ImagePlanePixelSpacing")


def dicom_metadata(header: Dataset) -> Metadata:
    """The resolution and the colour profile of an image, without anything about a patient.

    Args:
        header: A data set.

    Returns:
        A `Metadata`. Spacings in the patient go before those at the detector (PS3.3, 10.7.1).
    """
    try:
        found = next(filter(None, map(_resolution, _spacings(header))), None)
        icc = header.get("ICCProfile")
    except Exception:  # pydicom raises nearly any kind for damaged elements; they say nothing then
        return NOTHING
    return Metadata(found, icc if isinstance(icc, bytes) and icc else None)


def _spacings(header: Dataset) -> Iterator[Any]:
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    measures = (shared.get("PixelMeasuresSequence") or [Dataset()])[0]
    for name in _SPACINGS:
        yield header.get(name)
        yield measures.get(name)


def _resolution(spacing):
    """Pixels per cm from millimetres down and across."""
    try:
        down, across = (10 / float(value) for value in spacing)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return resolution(across, down, "cm") if np.isfinite((down, across)).all() else None
