"""Overlays and curves of groups 50xx and 60xx: graphics on the old grid."""

import math

import numpy as np
from pydicom.dataset import Dataset

# Curves of these kinds run over time, not over the image (retired, PS3.3 2004, C.10.2).
_SIGNALS = ("ECG", "PRESSURE", "FLOW", "PHYSIO", "RESP", "TAC", "FILT")


def move_overlays(dataset: Dataset, scale: float) -> list[str]:
    """Enlarges the overlays of a header, each pixel repeated, and drops curves drawn on the image.

    Args:
        dataset: The header, changed in place; its Rows and Columns are not used.
        scale: How many times larger the new image is.

    Returns:
        Notes on what was dropped, one line each.

    Reference:
        DICOM PS3.3, C.9.2 (Overlay Plane).
    """
    notes = []
    groups = sorted({tag.group for tag in dataset.keys()})
    for group in groups:
        if 0x6000 <= group <= 0x60FF and group % 2 == 0:
            if problem := _move_overlay(dataset, group, scale):
                _drop(dataset, group)
                notes.append(f"overlay {group:04x} dropped: {problem}")
        elif 0x5000 <= group <= 0x50FF and group % 2 == 0:
            kind = str(_get(dataset, group, 0x0020) or "without a type")
            if kind not in _SIGNALS and (group, 0x200C) not in dataset:
                _drop(dataset, group)
                notes.append(f"curve {group:04x} ({kind}) dropped: its places are the old pixels'")
        elif 0x7F00 <= group <= 0x7FDF and group % 2 == 0:
            _drop(dataset, group)
            notes.append(f"group {group:04x} dropped: retired pixel data")
    return notes


def _get(dataset: Dataset, group: int, element: int):
    return dataset[group, element].value if (group, element) in dataset else None


def _drop(dataset: Dataset, group: int) -> None:
    for tag in [tag for tag in dataset.keys() if tag.group == group]:
        del dataset[tag]


def _move_overlay(dataset: Dataset, group: int, scale: float) -> str:
    """Enlarges one overlay, or says why it cannot be."""
    rows, columns, data = (_get(dataset, group, element) for element in (0x0010, 0x0011, 0x3000))
    frames = int(_get(dataset, group, 0x0015) or 1)
    if not data or (_get(dataset, group, 0x0100) or 1) != 1:
        return "its bits lie inside the old pixels"
    if not isinstance(data, bytes) or not rows or not columns or frames * rows * columns > 8 * len(data):
        return "it is not whole"
    height, width = round(rows * scale), round(columns * scale)
    origin = [int(v) for v in (_get(dataset, group, 0x0050) or (1, 1))]
    moved = [math.floor((v - 1) * scale) + 1 for v in origin]
    if max(height, width) > 65535 or len(moved) != 2 or max(map(abs, moved)) > 32767:
        return "it would be too large"
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little", count=frames * rows * columns)
    down = np.minimum(((np.arange(height) + 0.5) / scale).astype(int), rows - 1)
    across = np.minimum(((np.arange(width) + 0.5) / scale).astype(int), columns - 1)
    larger = bits.reshape(frames, rows, columns)[:, down][:, :, across]
    packed = np.packbits(larger, bitorder="little").tobytes()
    dataset.add_new((group, 0x0010), "US", height)
    dataset.add_new((group, 0x0011), "US", width)
    dataset.add_new((group, 0x0050), "SS", moved)
    dataset.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    if (group, 0x1301) in dataset:  # ROI Area is a number of pixels; mean and deviation are of the old ones
        dataset.add_new((group, 0x1301), "IS", round(int(_get(dataset, group, 0x1301)) * scale**2))
    for element in (0x1302, 0x1303):
        dataset.pop((group, element), None)
    return ""
