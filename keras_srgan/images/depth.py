"""How many bits the values of a 16-bit raster file use: the one rule for all commands.

PNG and TIFF hold 8 or 16 bits, and many 16-bit files come from detectors of 10, 12 or 14. Taken for 16 bits they
are dark to a network, and an error counts 24 dB less than it is (12 bits). A DICOM header says its depth instead.
"""

import numpy as np

DEPTHS = (8, 10, 12, 14, 16)
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
