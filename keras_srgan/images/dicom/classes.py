"""Which DICOM objects hold pictures: `sop_classes.csv` says it of every storage class of the standard."""

import csv
import functools
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from keras_srgan.images.headers import ImageError

PICTURE = "picture"
# Their ImageType and derivation are said in functional groups (PS3.3, C.8.16.1).
_ENHANCED = ("Enhanced", "XRay3D", "BreastTomosynthesis", "LegacyConverted", "IntravascularOptical", "Photoacoustic")


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    with open(Path(__file__).with_name("sop_classes.csv"), encoding="utf-8", newline="") as file:
        return {row["uid"]: row for row in csv.DictReader(file)}


def held(uid: str) -> str | None:
    """What objects of a SOP class hold: `"picture"`, or labels, doses and so on; `None` of an unknown class."""
    row = _table().get(str(uid))
    return row["holds"] if row else None


def is_enhanced(uid: str) -> bool:
    """Whether a SOP class says what its frames are in functional groups."""
    row = _table().get(str(uid))
    return row is not None and row["holds"] == PICTURE and row["keyword"].startswith(_ENHANCED)


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
