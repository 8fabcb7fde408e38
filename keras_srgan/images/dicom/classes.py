"""Which DICOM objects hold pictures: `sop_classes.csv` says it of every storage class of the standard."""

import csv
import functools
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from keras_srgan.images.headers import ImageError

PICTURE = "picture"
# Their ImageType and derivation are said in functional groups (PS3.3, C.8.16.1).
_ENHANCED = ("Enhanced", "XRay3D", "Breast", "LegacyConverted", "IntravascularOptical", "Photoacoustic")
# Whose Image Type has PRIMARY for its second value, derived or not (C.8.4.9, C.8.9.4, C.8.17.2).
_PRIMARY = ("NuclearMedicine", "PositronEmission", "OphthalmicPhotography", "OphthalmicOptical")
# Whose references are told again by series (C.12.2).
_COMMON_REFERENCE = ("IntravascularOptical", "EnhancedRT", "EnhancedContinuousRT")


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    with open(Path(__file__).with_name("sop_classes.csv"), encoding="utf-8", newline="") as file:
        return {row["uid"]: row for row in csv.DictReader(file)}


def held(uid: str) -> str | None:
    """What objects of a SOP class hold: `"picture"`, or labels, doses and so on; `None` of an unknown class."""
    row = _table().get(str(uid))
    return row["holds"] if row else None


def known_classes() -> list[str]:
    """The UIDs of the table."""
    return list(_table())


def is_enhanced(uid: str) -> bool:
    """Whether a SOP class says what its frames are in functional groups."""
    return _is_picture(uid, _ENHANCED)


def is_primary(uid: str) -> bool:
    """Whether derived images of a SOP class are called PRIMARY all the same (C.8.16.1.2 for the enhanced ones)."""
    return _is_picture(uid, _ENHANCED + _PRIMARY)


def needs_third_value(uid: str) -> bool:
    """Whether Image Type of a derived image has to have a third value (C.8.17.2.1.4)."""
    return _is_picture(uid, ("OphthalmicPhotography",))


def has_general_image(uid: str) -> bool:
    """Whether an enhanced SOP class has the General Image module too, which names sources by itself."""
    return _is_picture(uid, ("EnhancedUS", "Photoacoustic"))


def has_common_reference(uid: str) -> bool:
    """Whether a SOP class has the Common Instance Reference module for sure."""
    return _is_picture(uid, _COMMON_REFERENCE)


def _is_picture(uid: str, starts: tuple[str, ...]) -> bool:
    row = _table().get(str(uid))
    return row is not None and row["holds"] == PICTURE and row["keyword"].startswith(starts)


def check_class(dataset: Dataset) -> str:
    """Refuses objects that are no pictures, whatever their pixel data look like.

    Args:
        dataset: The data set.

    Returns:
        A note on a class that is not known, or nothing.

    Raises:
        ImageError: If the SOP class holds something else than pictures; the message says what.
    """
    uid = str(dataset.get("SOPClassUID") or "").strip()
    holds = held(uid)
    if holds == PICTURE:
        return ""
    if holds is not None:
        name = _table()[uid]["keyword"].removesuffix("Storage")
        raise ImageError(f"a DICOM {name}: it holds {holds}, no picture; leave it out")
    if not uid:
        return "DICOM that names no SOP class: taken for a picture"
    return f"DICOM of a class that is not known ({UID(uid).name}): taken for a picture"
