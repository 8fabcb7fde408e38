"""One image of a file: its pixels, its alpha channel, and what the file says of it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from keras_srgan.images.metadata import NOTHING, Metadata

if TYPE_CHECKING:
    from keras_srgan.images.dicom.padding import Padding


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a file.

    Args:
        pixels: Array of shape `(height, width)`, or `(height, width, 3)` in RGB order; uint8, uint16, or float32
            or float64 in [0, 1]; larger is brighter.
        max_value: The value of white: `2**bits - 1`, or 1 for floats.
        alpha: Array of shape `(height, width)` and the same dtype, or `None`.
        associated: Whether the pixels are multiplied by alpha already, as TIFF may have them.
        metadata: What the file says of it.
        padding: Where a DICOM image is padded; `pixels` are filled there. `None` where it is not.
    """

    pixels: np.ndarray
    max_value: int
    alpha: np.ndarray | None = None
    associated: bool = False
    metadata: Metadata = NOTHING
    padding: "Padding | None" = None

    @property
    def colours(self) -> int:
        """1 for gray, 3 for colour."""
        return 1 if self.pixels.ndim == 2 else 3

    def restored(self, enlarged: np.ndarray) -> np.ndarray:
        """An enlarged image of this one's pixels with the padding put back."""
        return enlarged if self.padding is None else self.padding.put_back(enlarged)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns an image as its EXIF orientation says.

    Args:
        pixels: array `(H, W[, C])`.
        orientation: integer, 1 (as it is) to 8.

    Returns:
        The array, its sides swapped from 5 on.
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def turn(frame: Frame, orientation: int) -> Frame:
    """A frame with its alpha and its resolution, turned as `upright` does."""
    if orientation == 1:
        return frame
    alpha = None if frame.alpha is None else upright(frame.alpha, orientation)
    pixels, metadata = upright(frame.pixels, orientation), frame.metadata.turned(orientation)
    return replace(frame, pixels=pixels, alpha=alpha, metadata=metadata)


def straight(frame: Frame) -> Frame:
    """A frame whose pixels are not multiplied by alpha."""
    if frame.alpha is None or not frame.associated:
        return replace(frame, associated=False)
    kind = frame.pixels.dtype
    white = 1.0 if kind.kind == "f" else float(np.iinfo(kind).max)
    alpha = frame.alpha if frame.pixels.ndim == 2 else frame.alpha[..., None]
    share = white / np.maximum(alpha, 1e-6 if kind.kind == "f" else 1)
    pixels = np.minimum(frame.pixels * share, frame.max_value)
    return replace(frame, pixels=(np.rint(pixels) if kind.kind == "u" else pixels).astype(kind), associated=False)
