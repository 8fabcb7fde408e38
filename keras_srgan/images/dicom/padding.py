"""Pixels that hold no brightness: the padding around an image, which the header names by its value.

DICOM PS3.3, C.7.5.1.1.2 (Pixel Padding Value) and C.7.6.3.1.1 (Pixel Padding Range Limit).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from pydicom.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Padding:
    """Where an image is padded, and with what.

    Args:
        mask: Array `(height, width)` of bool.
        values: The values there, in the order of `mask`.
        low: The range of values that mean padding, ends included.
        high: See `low`.
        max_value: The value of white.
    """

    mask: np.ndarray
    values: np.ndarray
    low: int
    high: int
    max_value: int

    @property
    def share(self) -> float:
        """The padded part of the image."""
        return float(self.mask.mean())

    def box(self) -> tuple[slice, slice]:
        """The smallest rectangle that holds all tissue; the whole image where there is none."""
        rows, columns = (np.flatnonzero(~self.mask.all(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return slice(None), slice(None)
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def put_back(self, enlarged: np.ndarray) -> np.ndarray:
        """The enlarged image with every padded pixel as a block of its value, and no other pixel among these values.

        Args:
            enlarged: Array `(height * scale, width * scale)`.

        Returns:
            A new array.
        """
        inside = (enlarged >= self.low) & (enlarged <= self.high)
        result = enlarged.copy()
        result[inside] = self._outside(enlarged[inside].astype(np.int64))
        source = np.zeros(self.mask.shape, enlarged.dtype)
        source[self.mask] = self.values
        mask = self._enlarged(self.mask, enlarged)
        result[mask] = self._enlarged(source, enlarged)[mask]
        return result

    def blank(self, enlarged: np.ndarray) -> np.ndarray:
        """An enlarged map with zeros where the image is padded."""
        return np.where(self._enlarged(self.mask, enlarged), enlarged.dtype.type(0), enlarged)

    def _enlarged(self, plane: np.ndarray, like: np.ndarray) -> np.ndarray:
        places = [
            ((np.arange(new) + 0.5) * old / new).astype(int) for old, new in zip(plane.shape, like.shape, strict=True)
        ]
        return plane[places[0]][:, places[1]]

    def _outside(self, values: np.ndarray) -> np.ndarray:
        """Values of tissue that would be taken for padding, moved to the nearer end of its range."""
        below, above = self.low - 1, self.high + 1
        if below < 0 or above > self.max_value:
            return np.full_like(values, above if below < 0 else below)
        return np.where(values - self.low < self.high - values, below, above)


def padding_range(header: Dataset, bits: int) -> tuple[int, int] | None:
    """The values that mean padding, in the form that `DicomFrames` gives pixels.

    Args:
        header: The data set.
        bits: Those that a value is stored in.

    Returns:
        The lowest and the highest, or `None` if the header names none that a pixel can have. Values written in the
        wrong sign are read as the bits that they are.
    """
    if str(header.get("PhotometricInterpretation") or "")[:10] != "MONOCHROME":
        return None
    signed, allocated = header.get("PixelRepresentation") == 1, int(header.BitsAllocated)
    ends = []
    for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        value = header.get(name)
        try:
            number = int(value) if value is not None and value != "" else None
        except (TypeError, ValueError):
            number = None
        if number is not None:
            number %= 2**allocated
            ends.append(number - 2**allocated if signed and number >= 2 ** (allocated - 1) else number)
        elif name == "PixelPaddingValue":
            return None
    low, high = min(ends), max(ends)
    least, white = -(2 ** (bits - 1)) if signed else 0, 2**bits - 1
    low, high = max(low - least, 0), min(high - least, white)
    if low > high:
        return None
    return (low, high) if header.PhotometricInterpretation == "MONOCHROME2" else (white - high, white - low)


def take_out(pixels: np.ndarray, low: int, high: int, max_value: int) -> tuple[np.ndarray, Padding | None]:
    """Fills the padding of an image from the nearest tissue.

    Args:
        pixels: Array `(height, width)`.
        low: The lowest value that means padding.
        high: The highest.
        max_value: The value of white.

    Returns:
        A tuple `(filled, padding)`; `(pixels, None)` for an image without padding.
    """
    mask = (pixels >= low) & (pixels <= high)
    if not mask.any():
        return pixels, None
    if mask.all():  # there is nothing to fill it with
        return pixels, Padding(mask, pixels[mask], low, high, max_value)
    # Each tissue pixel has a label of its own, and each padded one the label of the nearest.
    _, labels = cv2.distanceTransformWithLabels(
        mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    tissue = np.zeros(int(labels.max()) + 1, pixels.dtype)
    tissue[labels[~mask]] = pixels[~mask]
    filled = pixels.copy()
    filled[mask] = tissue[labels[mask]]
    return filled, Padding(mask, pixels[mask], low, high, max_value)
