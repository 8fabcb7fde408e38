"""A map of an enlarged image as a DICOM Parametric Map, registered with it (PS3.3, A.75), through highdicom."""

import copy
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from keras_srgan.images.headers import ImageError, one_line
from keras_srgan.packages import installed
from keras_srgan.version import __version__

LARGEST = 2**30  # bytes of a map: it is made in memory
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ImagePlanePixelSpacing")


def can_map() -> bool:
    """Whether highdicom is installed."""
    return installed("highdicom")


def parametric_map(derived: Dataset, planes: np.ndarray, label: str, meaning: str) -> Dataset:
    """A Parametric Map of floats on the grid of a derived object, in the same study and a series of its own.

    An image that has no frame of reference, as radiographs, gets one of its own for the map, with the first pixel at
    its origin: the map then lies on the image by its pixels and its reference, not by a place in the patient.

    Args:
        derived: The enlarged object, as `derive` and `derived_header` give it.
        planes: float32 array `(frames, height, width)`, in grey levels: larger is brighter.
        label: Name of the map, as `added`.
        meaning: What its values are, in a sentence.

    Returns:
        The data set. Its UIDs are made from those of `derived`.

    Raises:
        ImageError: If highdicom is not installed, or cannot make one of such an object.
    """
    if not can_map():
        raise ImageError("a Parametric Map needs highdicom; pip install 'keras-srgan[dicom]'")
    import highdicom
    from highdicom.pm import ParametricMap, RealWorldValueMapping
    from pydicom.sr.codedict import codes

    source = _placed(derived, len(planes))
    top = max(float(np.quantile(np.abs(planes), 0.999)), 1e-6)
    reach = float(np.abs(planes).max())
    mapping = RealWorldValueMapping(label, meaning[:64], codes.UCUM.NoUnits, (-reach, reach), intercept=0, slope=1)
    try:
        made: Any = ParametricMap(
            [source],
            planes.astype(np.float32) if len(planes) > 1 else planes[0].astype(np.float32),
            series_instance_uid=generate_uid(entropy_srcs=[str(derived.SeriesInstanceUID), label]),
            series_number=10 * int(derived.get("SeriesNumber") or 0) + 1 + (label == "spread"),
            sop_instance_uid=generate_uid(entropy_srcs=[str(derived.SOPInstanceUID), label]),
            instance_number=max(1, int(derived.get("InstanceNumber") or 1)),
            manufacturer="The keras-srgan authors",
            manufacturer_model_name="keras-srgan",
            software_versions=__version__,
            device_serial_number="none",
            contains_recognizable_visual_features=derived.get("RecognizableVisualFeatures") == "YES",
            real_world_value_mappings=[mapping],
            voi_lut_transformations=[highdicom.VOILUTTransformation(window_center=0, window_width=2 * top)],
            content_label=label.upper()[:16],
            content_description=meaning[:64],
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
    except Exception as error:
        raise ImageError(f"no Parametric Map of this object ({one_line(error)})") from error
    made.SeriesDescription = f"{label} by the network, of {derived.get('SeriesDescription') or 'an image'}"[:64]
    made.SyntheticData = "YES"
    made.Laterality = derived.get("Laterality") or ""
    made.ContributingEquipmentSequence = copy.deepcopy(derived.get("ContributingEquipmentSequence") or [])
    for name in ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"):
        if name in derived:
            made[name] = copy.deepcopy(derived[name])
    return made


def _placed(derived: Dataset, count: int) -> Dataset:
    """The object with a frame of reference, which a Parametric Map has to have."""
    source = copy.copy(derived)
    enhanced = "SharedFunctionalGroupsSequence" in derived
    if derived.get("FrameOfReferenceUID") and (enhanced or derived.get("ImagePositionPatient")):
        return source
    if count > 1:
        raise ImageError(f"no Parametric Map of {count} frames without places in the patient")
    source.FrameOfReferenceUID = generate_uid(entropy_srcs=[str(derived.SOPInstanceUID), "frame of reference"])
    source.PixelSpacing = next((derived[name].value for name in _SPACINGS if derived.get(name)), [1, 1])
    source.ImagePositionPatient, source.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    source.SliceThickness = derived.get("SliceThickness") or 1
    return source
