"""What becomes of each attribute of a header when the image is enlarged: `attributes.csv` decides it by name.

The actions of the table:

    divide      a distance between two pixels: divided by the scale
    times       a length, place or number counted in pixels: multiplied by the scale
    first       the number of a first pixel, counted from 1
    last        the number of a last pixel, counted from 0
    annotation  as `times`, unless the units beside it are not pixels
    position    mm of the first pixel's centre: moves towards the corner, which stays where it was
    value       the physical value at a pixel, which moves with it
    drop        untrue of the new pixels
    refuse      nothing that is right can be written
    other       a sequence that tells of another object, left as it is
    writer      written anew (`derived.py`)
    keep        in other units than pixels
"""

import csv
import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from keras_srgan.images.headers import ImageError

# Orientation and spacing that a position goes by. A position without the first has axes of its own.
_PLANES = {
    "ImagePositionPatient": ("ImageOrientationPatient", "PixelSpacing"),
    "ImagePosition": ("ImageOrientation", "PixelSpacing"),
    "ImagePositionVolume": ("ImageOrientationVolume", "PixelSpacing"),
    "RTImagePosition": ("RTImageOrientation", "ImagePlanePixelSpacing"),
}
_FUNCTIONAL = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlaneOrientationVolumeSequence")
_INTEGERS = {"IS": 2**31 - 1, "US": 2**16 - 1, "SS": 2**15 - 1, "UL": 2**32 - 1, "SL": 2**31 - 1}
_UNITS = ("GraphicAnnotationUnits", "BoundingBoxAnnotationUnits", "AnchorPointAnnotationUnits", "CompoundGraphicUnits")


class Plane(NamedTuple):
    """The attributes that give an image plane, as far as they are known from the data sets around an item."""

    known: dict[str, Any]

    def inside(self, dataset: Dataset) -> "Plane":
        """The same with what a data set, or its functional groups, say themselves."""
        holders = [dataset, *(item for name in _FUNCTIONAL for item in (dataset.get(name) or [])[:1])]
        names = {name for pair in _PLANES.values() for name in pair}
        return Plane({**self.known, **{n: h[n].value for h in holders for n in names if h.get(n)}})


@functools.cache
def actions() -> dict[str, str]:
    """The table: from the keyword of an attribute to what is done with it."""
    with open(Path(__file__).with_name("attributes.csv"), encoding="utf-8", newline="") as file:
        return {row["keyword"]: row["action"] for row in csv.DictReader(file)}


def move_geometry(dataset: Dataset, scale: float) -> list[str]:
    """Makes a header true of the enlarged grid, in place.

    Args:
        dataset: A header, repaired (`repair.py`).
        scale: How many times larger the new image is.

    Returns:
        Notes, one line each: what was dropped, and what could not be moved.

    Raises:
        ImageError: If an attribute cannot be made true; it is named.
    """
    notes: list[str] = []
    dropped: list[str] = []
    _move_positions(dataset, scale, Plane({}), notes)
    _move_numbers(dataset, scale, dropped)
    if dropped:
        notes.append(f"dropped, untrue of the new pixels: {', '.join(dict.fromkeys(dropped))}")
    return notes


def _known(dataset: Dataset) -> list[tuple[DataElement, str]]:
    """The elements that the table knows, with their actions, and all sequences."""
    table = actions()
    elements = [element for element in dataset if not element.tag.is_private]
    return [(e, table.get(e.keyword, "keep")) for e in elements if e.keyword in table or e.VR == "SQ"]


def _move_positions(dataset: Dataset, scale: float, around: Plane, notes: list[str]) -> None:
    """Positions and values go by spacings, so they move before these change."""
    plane = around.inside(dataset)
    # The groups shared by all frames come first in a header, and each frame's own go before them.
    for shared in dataset.get("SharedFunctionalGroupsSequence") or []:
        plane = plane.inside(shared)
    for element, action in _known(dataset):
        if element.VR == "SQ" and action not in ("drop", "other"):
            for item in element.value:
                _move_positions(item, scale, plane, notes)
        elif action == "position" and element.value:
            orientation, spacing = _PLANES[element.keyword]
            along = plane.known.get(orientation, [1, 0, 0, 0, -1, 0] if orientation == "RTImageOrientation" else None)
            if along is None or spacing not in plane.known:
                missing = spacing if spacing not in plane.known else orientation
                notes.append(f"{element.keyword} stays, half a pixel off: there is no {missing}")
                continue
            down, across = (float(v) for v in plane.known[spacing])
            rows, columns = np.reshape([float(v) for v in along], (2, 3))
            step = (rows * across + columns * down) * (1 / scale - 1) / 2
            place = np.asarray([float(v) for v in element.value])
            element.value = _real(element.VR, (place + step[: len(place)]).tolist())
        elif action == "value" and element.value is not None:
            axis = element.keyword[-1]
            delta = dataset.get(f"PhysicalDelta{axis}")
            if delta is not None and f"ReferencePixel{axis}0" in dataset:
                # The first new pixel of the reference pixel lies before its centre.
                element.value = element.value + float(delta) * (1 / scale - 1) / 2


def _move_numbers(dataset: Dataset, scale: float, dropped: list[str]) -> None:
    for element, action in _known(dataset):
        if action == "refuse":
            raise ImageError(f"cannot be enlarged as DICOM: {element.keyword} would be wrong; give --format png")
        if action == "drop":
            dropped.append(element.keyword)
            del dataset[element.tag]
        elif element.VR == "SQ":
            for item in element.value if action != "other" else ():
                _move_numbers(item, scale, dropped)
        elif element.is_empty:
            continue
        elif action == "divide":
            _set(element, [v / scale for v in _values(element)])
        elif action == "times" or (action == "annotation" and _in_pixels(dataset)):
            _set(element, [v * scale for v in _values(element)])
        elif action == "first":
            _set(element, [(v - 1) * scale + 1 for v in _values(element)])
        elif action == "last":
            _set(element, [(v + 1) * scale - 1 for v in _values(element)])


def _in_pixels(dataset: Dataset) -> bool:
    return all(str(dataset.get(name) or "PIXEL") == "PIXEL" for name in _UNITS)


def _values(element: DataElement) -> list[float]:
    return [float(v) for v in (element.value if element.VM > 1 else [element.value])]


def _set(element: DataElement, values: list[float]) -> None:
    if (limit := _INTEGERS.get(element.VR)) is not None:
        whole = [round(v) for v in values]
        if any(abs(v) > limit for v in whole):
            raise ImageError(f"cannot be enlarged as DICOM: {element.keyword} would be {max(whole)}; give --format png")
        element.value = whole if element.VM > 1 else whole[0]
    else:
        real = _real(element.VR, values)
        element.value = real if element.VM > 1 else real[0]


def _real(vr: str, values: list[float]) -> list[Any]:
    """Numbers as a VR holds them: decimal strings end at 16 characters."""
    return [DSfloat(v, auto_format=True) for v in values] if vr == "DS" else values
