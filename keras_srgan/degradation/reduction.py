"""From HR's grid to LR's: bicubic, area, binning, and sampling, with or without a shift of the grid."""

from functools import lru_cache

import numpy as np

from keras_srgan.resampling import box, cubic, interpolation_matrix, resize_matrix


@lru_cache(maxsize=64)
def reduction_matrix(size: int, scale: int, how: str, phase: float = 0.0) -> np.ndarray:
    """The matrix that reduces one side.

    Args:
        size: integer, HR's side, a multiple of `scale`.
        scale: integer.
        how: `"bicubic"` (antialiased, a = -0.5), `"area"` and `"binning"` (the mean over an LR pixel), or `"sample"`
            (the value in an LR pixel's middle, by bicubic interpolation: what a detector does behind its aperture).
        phase: float, shift of LR's grid towards the end of the side, LR pixels.

    Returns:
        Float64 array `(size / scale, size)`; rows sum to one.
    """
    if how == "bicubic" and not phase:
        return resize_matrix(size, 1 / scale)
    kernel, width = (box, 1.0) if how in ("area", "binning") else (cubic, 4.0)
    return interpolation_matrix(size, 1 / scale, kernel, width, antialias=how != "sample", phase=phase)


def reduce(image: np.ndarray, scale: int, how: str = "bicubic", phase: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Reduces an image. Borders are mirrored.

    Binning is `area` done where grey is exposure: the caller converts (see `model.degrade`).

    Args:
        image: float array `(H, W)` or `(H, W, C)`, sides multiples of `scale`.
        scale: integer; 1 with no phase gives the image itself.
        how: see `reduction_matrix`.
        phase: shifts down and right, LR pixels.

    Returns:
        Float array `(H / scale, W / scale[, C])`.
    """
    if scale == 1 and phase == (0.0, 0.0):
        return image
    rows, columns = (reduction_matrix(side, scale, how, p) for side, p in zip(image.shape[:2], phase, strict=True))
    if image.ndim == 2:
        return rows @ image @ columns.T
    return np.stack([rows @ image[..., c] @ columns.T for c in range(image.shape[2])], axis=-1)
