"""How many bits the values of a file need, where its header and its pixels disagree."""

from collections.abc import Callable, Iterator

import numpy as np
from pydicom.dataset import Dataset

from keras_srgan.images.dicom.codestream import Stream
from keras_srgan.images.headers import ImageError


def true_bits(dataset: Dataset, stream: Stream | None, decoded: Callable[[], Iterator[tuple[np.ndarray, str]]]) -> int:
    """The bits that values are stored in.

    BitsStored, unless values do not fit it: in a codestream of more bits than the header says, or because their
    padding lies beyond. Where either is possible all frames are looked at.

    Args:
        dataset: The data set.
        stream: What its codestream says, if it has one.
        decoded: Gives its frames as stored.

    Returns:
        The number of bits.

    Raises:
        ImageError: If the values fit neither BitsStored nor BitsAllocated.
    """
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if stream is not None and stream.bits > allocated:
        raise ImageError(
            f"{stream.format} of {stream.bits} bits in a file that says {bits} of {allocated}; export it again"
        )
    signed = dataset.PixelRepresentation == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if stream is not None:
        if stream.bits <= bits:
            return bits
        for cells, _ in decoded():
            values = cells.view(f"{'i' if signed else 'u'}{cells.itemsize}")
            if values.min() < low or values.max() > high:
                return stream.bits
        return bits
    pads = _padding_beyond(dataset, allocated, low, high)
    if not pads or allocated == bits or int(dataset.HighBit) != bits - 1:
        return bits
    found = False
    for cells, _ in decoded():
        values = cells.view(f"{'i' if signed else 'u'}{cells.itemsize}")
        padded = np.isin(values, pads)
        tissue = values[~padded]
        if tissue.size and (tissue.min() < low or tissue.max() > high):
            return bits  # the highest bits are another's, as those of an overlay
        found = found or bool(padded.any())
    return allocated if found else bits


def _padding_beyond(dataset: Dataset, allocated: int, low: int, high: int) -> list[int]:
    """The padding values that need more bits than are stored, as the cells hold them."""
    pads = []
    for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        value = dataset.get(name)
        if isinstance(value, int):
            value %= 2**allocated
            pads.append(value - 2**allocated if low < 0 and value >= 2 ** (allocated - 1) else value)
    return [value for value in pads if not low <= value <= high]
