"""How many bits the values of a 16-bit raster file use: the one rule for all commands.

PNG and TIFF hold 8 or 16 bits, and many 16-bit files come from detectors of 10, 12 or 14. Taken for 16 bits they
are dark to a network, and an error counts 24 dB less than it is (12 bits). A DICOM header says its depth instead.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from keras_srgan.images.image import Image

DEPTHS = (8, 10, 12, 14, 16)
FAINT = 0.25  # share of its range below which an image is stretched before a network sees it
RULE = f"16-bit raster files: the fewest of {', '.join(map(str, DEPTHS[:-1]))} or 16 bits that hold the brightest pixel"


def depth_of(pixels: np.ndarray) -> int:
    """The bits that an image uses.

    Args:
        pixels: uint8 or uint16 array.

    Returns:
        8 for uint8; for uint16 the fewest of `DEPTHS` that hold its brightest pixel, and 16 where all are black.

    Example:

    >>> depth_of(np.array([[0, 3000]], "uint16"))
    12
    """
    if pixels.dtype == np.uint8:
        return 8
    brightest = int(pixels.max())
    return next(bits for bits in DEPTHS if brightest < 2**bits) if brightest else 16


def is_faint(pixels: np.ndarray, max_value: float) -> bool:
    """Whether an image of more than 8 bits uses so little of its range that networks are to see its own range."""
    return pixels.dtype != np.uint8 and float(pixels.max() - pixels.min()) < FAINT * max_value


def same_depth(a: "Image", b: "Image") -> tuple["Image", "Image"]:
    """Two images of one scene, as HR and LR, with one depth, where a raster file's was found from its own pixels.

    Args:
        a, b: `Image`.

    Returns:
        Both. Of two uint16 raster files the less deep takes the other's depth; a DICOM file's counts for both, if it
        holds the other's brightest pixel. All else is left as it is.
    """
    stated = [image.max_value for image in (a, b) if image.dicom is not None]
    if not a.pixels.dtype == b.pixels.dtype == np.uint16 or len(stated) == 2:
        return a, b
    white = stated[0] if stated else max(a.max_value, b.max_value)
    found = [image for image in (a, b) if image.dicom is None]
    if any(image.pixels.max() > white for image in found):
        return a, b
    a, b = (image if image.dicom is not None else replace(image, max_value=white) for image in (a, b))
    return a, b


def describe_depths(images: Iterable[tuple[np.dtype, int]]) -> str:
    """The depths of a set with 16-bit files, and the rule that they were found by; nothing for 8 bits alone.

    Args:
        images: the dtype and the value of white of each image.

    Returns:
        A text for tables.

    Example:

    >>> describe_depths([(np.dtype("uint8"), 255)])
    ''
    """
    counts = Counter((8 * dtype.itemsize, int(white).bit_length()) for dtype, white in images)
    if all(held == 8 for held, _ in counts):
        return ""
    parts = (
        f"{bits} bits{f' in {held}' if bits < held else ''} ({number} image(s))"
        for (held, bits), number in sorted(counts.items())
    )
    return f"{', '.join(parts)}; {RULE}; DICOM: BitsStored"
