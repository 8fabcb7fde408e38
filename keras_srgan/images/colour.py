"""Colour conversions: luma, and MATLAB's YCbCr."""

import numpy as np


def luma(rgb: np.ndarray) -> np.ndarray:
    """Gray version of a colour image: BT.601 luma, rounded.

    Args:
        rgb: uint8 or uint16 array of shape `(height, width, 3)`, RGB.

    Returns:
        Array of shape `(height, width)` and the same dtype. Where the three channels are equal it is exactly
        that channel.

    Example:

    >>> luma(np.full((4, 6, 3), 100, "uint8")).shape
    (4, 6)
    """
    # Whole thousandths: the weights add to one exactly, and 65535 * 1000 fits.
    red, green, blue = (rgb[..., i].astype(np.uint32) for i in range(3))
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(rgb.dtype)


LUMA = np.array([0.299, 0.587, 0.114], "float32")
"""The shares of red, green and blue in luma (ITU-R BT.601)."""


# MATLAB's rgb2ycbcr (BT.601, studio range), for RGB in [0, 1] and results in [0, 255].
_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
_OFFSET = np.array([16.0, 128.0, 128.0])


def rgb_to_ycbcr(rgb: np.ndarray, max_value: int = 255) -> np.ndarray:
    """MATLAB's `rgb2ycbcr`, unrounded.

    Args:
        rgb: array `(H, W, 3)` in `[0, max_value]`.
        max_value: the value of white. Y of black is 16/255 of it, Y of white 235/255.

    Returns:
        Float64 array `(H, W, 3)`: Y, Cb, Cr. `quantise` rounds it as MATLAB does for integer images.

    Example:

    >>> rgb_to_ycbcr(np.full((1, 1, 3), 255, "uint8")).round().tolist()
    [[[235.0, 128.0, 128.0]]]
    """
    return (rgb / max_value @ _YCBCR.T + _OFFSET) * (max_value / 255)


def ycbcr_to_rgb(ycbcr: np.ndarray, max_value: int = 255) -> np.ndarray:
    """The inverse of `rgb_to_ycbcr`, neither rounded nor clipped.

    Example:

    >>> ycbcr_to_rgb(np.array([[[235.0, 128.0, 128.0]]])).round().tolist()
    [[[255.0, 255.0, 255.0]]]
    """
    return (ycbcr * (255 / max_value) - _OFFSET) @ np.linalg.inv(_YCBCR).T * max_value
