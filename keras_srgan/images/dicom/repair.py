"""Headers that are almost right: what can be read in one way only is mended, the rest is dropped by name.

This happens before anything is computed, so that a wrong letter in a header costs no network run.
"""

import contextlib
import copy
import math
import re
import warnings
from numbers import Number
from typing import Any

import numpy as np
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from keras_srgan.images.dicom.geometry import actions

_NUMBER = re.compile(r"\s*([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)\s*(?:mm)?\s*")
_MOVED = ("divide", "times", "first", "last", "annotation", "position", "value")
_ORIENTATIONS = ("ImageOrientationPatient", "ImageOrientation", "ImageOrientationVolume", "RTImageOrientation")
_NUMERIC = ("DS", "IS", "FL", "FD", "US", "SS", "UL", "SL")
_WORDS = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}
_UID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def usable_uid(value: Any) -> UID | None:
    """A UID that can name something, or `None`: de-identified files have empty ones and words in their place."""
    text = str(value or "").strip().rstrip("\0")
    return UID(text) if len(text) <= 64 and _UID.fullmatch(text) else None


def swap_words(dataset: Dataset) -> None:
    """Turns the words of a big-endian file's binary elements (OW, OL, OF, OD, OV) around, in place.

    pydicom gives them as the bytes of the file, and writes these bytes into little-endian files.
    """
    for element in list(dataset):
        if element.VR == "SQ":
            for item in element.value:
                swap_words(item)
        elif (size := _WORDS.get(element.VR)) and isinstance(element.value, bytes) and len(element.value) % size == 0:
            words = np.frombuffer(element.value, f"u{size}").byteswap().tobytes()
            dataset[element.tag] = DataElement(element.tag, element.VR, words)


def repaired(header: Dataset) -> tuple[Dataset, list[str]]:
    """A copy of a header whose every element can be written, and whose lengths and places are numbers.

    Args:
        header: A data set. It is not changed.

    Returns:
        A tuple `(copy, notes)`: one note for each element that was mended or dropped.
    """
    header, notes = copy.deepcopy(header), list[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _repair(header, notes, [default_encoding])
    return header, list(dict.fromkeys(notes))


def _repair(dataset: Dataset, notes: list[str], encodings: list[str]) -> None:
    table = actions()
    with contextlib.suppress(Exception):
        encodings = convert_encodings(dataset.get("SpecificCharacterSet") or encodings)
    with contextlib.suppress(Exception):
        correct_ambiguous_vr(dataset, True)
    for tag in list(dataset.keys()):
        if tag.group in (0x0000, 0x0002, 0xFFFE):
            _drop(dataset, tag, notes, "not part of a data set")
            continue
        raw = dataset.get_item(tag)
        name = _name(tag)
        try:
            element = dataset[tag]
        except Exception:
            element = None
        if element is not None and element.VR == "SQ" and isinstance(element.value, Sequence):
            if name and _vr(tag) not in ("SQ", ""):
                _drop(dataset, tag, notes, "a sequence where the standard has none")
                continue
            for item in element.value:
                _repair(item, notes, encodings)
            continue
        if name and _vr(tag) == "SQ":
            _drop(dataset, tag, notes, "no sequence")
        elif name and (table.get(name) in _MOVED or name in _ORIENTATIONS):
            _repair_numbers(dataset, tag, name, raw, element, notes)
        elif element is None or not (_numeric(element) and _writable(element, encodings)):
            _mend(dataset, tag, name, raw, notes, encodings)


def _name(tag: BaseTag) -> str:
    return "" if tag.is_private else keyword_for_tag(tag)


def _vr(tag: BaseTag) -> str:
    return dictionary_VR(tag) if _name(tag) else ""


def _drop(dataset: Dataset, tag: BaseTag, notes: list[str], why: str) -> None:
    notes.append(f"{_name(tag) or tag} dropped: {why}")
    del dataset[tag]


def _writable(element: DataElement, encodings: list[str]) -> bool:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    try:
        write_data_element(buffer, element, encodings)
    except Exception:
        return False
    return True


def _numeric(element: DataElement) -> bool:
    """Whether an element of numbers holds some: pydicom leaves texts that it cannot convert."""
    values = element.value if element.VM > 1 else [element.value]
    return element.VR not in _NUMERIC or element.is_empty or all(isinstance(v, Number) for v in values)


def _texts(raw: Any, element: DataElement | None) -> list[str]:
    """The values as text, also where pydicom could not convert them."""
    value = raw.value if element is None else element.value
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("latin-1").rstrip("\0 ")
    if isinstance(value, str):
        return value.split("\\")
    return [str(v) for v in value] if hasattr(value, "__iter__") else [str(value)]


def _numbers(texts: list[str]) -> list[float] | None:
    """Numbers from texts that are meant as such: 0,14 for 0.14, blanks and mm, several in one text."""
    if len(texts) == 1 and not _NUMBER.fullmatch(texts[0]):
        texts = [part for part in re.split(r"[;\s\[\]()]+|,\s*(?=\d*\.)", texts[0]) if part]
    found = [_NUMBER.fullmatch(text) for text in texts]
    if not found or None in found:
        return None
    values = [float(match[1].replace(",", ".")) for match in found if match]
    return values if all(map(math.isfinite, values)) else None


def _repair_numbers(
    dataset: Dataset, tag: BaseTag, name: str, raw: Any, element: DataElement | None, notes: list[str]
) -> None:
    """Lengths and places have to be as many finite numbers as the standard wants, in its own VR."""
    if element is not None and element.is_empty:
        return
    texts = _texts(raw, element)
    values, vr, wanted = _numbers(texts), _vr(tag), dictionary_VM(tag)
    shown = "\\".join(texts)[:40]
    if values is None:
        return _drop(dataset, tag, notes, f"{shown!r} is no number")
    spacing = actions().get(name) == "divide"
    least, _, most = wanted.partition("-")
    repeated = spacing and len(values) == 1 and wanted == "2"
    values = values * 2 if repeated else values
    if (
        len(values) < int(least)
        or (not most and len(values) != int(least))
        or (most.endswith("2n") and len(values) % 2)
    ):
        return _drop(dataset, tag, notes, f"{shown!r} has {len(values)} value(s), not {wanted}")
    if spacing and min(values) < 0 and not name.startswith("PhysicalDelta"):
        return _drop(dataset, tag, notes, f"{shown!r} is no distance")
    if name in _ORIENTATIONS and not _orthonormal(values):
        return _drop(dataset, tag, notes, f"{shown!r} is no orientation")
    if vr in ("IS", "US", "SS", "UL", "SL") and any(v != round(v) for v in values):
        return _drop(dataset, tag, notes, f"{shown!r} is no whole number")
    kept = [DSfloat(v, auto_format=True) if vr == "DS" else float(v) if vr in ("FL", "FD") else int(v) for v in values]
    right = element is not None and element.VR == vr and _numeric(element) and _writable(element, [default_encoding])
    if repeated or not right:
        dataset[tag] = DataElement(tag, vr, kept if len(kept) > 1 else kept[0])
        meant = "\\".join(f"{v:g}" for v in values)
        notes.append(f"{name} {shown!r} read as {meant}")


def _orthonormal(values: list[float]) -> bool:
    first, second = np.reshape(values, (2, 3))
    lengths = np.array([first @ first, second @ second])
    return bool(np.abs(lengths - 1).max() < 0.02 and abs(first @ second) < 0.02)


def _mend(dataset: Dataset, tag: BaseTag, name: str, raw: Any, notes: list[str], encodings: list[str]) -> None:
    """An element that pydicom cannot convert or write: its number, or else nothing."""
    texts, vr = _texts(raw, None if isinstance(raw, RawDataElement) else raw), _vr(tag)
    values = _numbers(texts) if vr in ("DS", "IS") else None
    if values is not None and (vr == "DS" or all(v == round(v) for v in values)):
        kept = [DSfloat(v, auto_format=True) if vr == "DS" else int(v) for v in values]
        element = DataElement(tag, vr, kept if len(kept) > 1 else kept[0])
        if _writable(element, encodings):
            dataset[tag] = element
            shown, meant = "\\".join(texts)[:40], "\\".join(f"{v:g}" for v in values)
            notes.append(f"{name} {shown!r} read as {meant}")
            return
    shown = "\\".join(texts)[:40]
    _drop(dataset, tag, notes, f"{shown!r} cannot be written")
