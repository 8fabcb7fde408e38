"""The grey levels that a file keeps: a window, and rounding to some bits."""

import numpy as np


def export(grey: np.ndarray, levels: float, window: float = 1.0) -> np.ndarray:
    """Rounds to whole levels of a window around middle grey; what lies outside saturates.

    Args:
        grey: array in `[0, 1]`.
        levels: float, the value of white: 255 for 8 bits.
        window: float in `(0, 1]`, its width as a share of black to white.

    Returns:
        Array as `grey`, in the units that came in, as a reader who knows the window would have it.

    Reference:
        DICOM PS3.3, section C.11.2.1.2: window centre and width.
    """
    low = 0.5 - window / 2
    return np.clip(np.rint((grey - low) / window * levels), 0.0, levels) / levels * window + low
