"""HR to LR: antialiased bicubic reduction, quantised to the source's bit depth as a real file would be."""

import numpy as np
from keras import ops

from keras_srgan.resample import quantise, resize, resize_batch


def reduce_image(hr: np.ndarray, scale: int, max_value: int) -> np.ndarray:
    """Makes the LR image of a whole HR image.

    Args:
        hr: array of shape `(H, W)` or `(H, W, C)`, sides multiples of `scale`, values in
            `[0, max_value]`.
        scale: integer factor.
        max_value: the value of white.

    Returns:
        Array of `hr`'s dtype, shape `(H / scale, W / scale[, C])`.

    Raises:
        ValueError: if a side is not a multiple of `scale`.
    """
    if hr.shape[0] % scale or hr.shape[1] % scale:
        raise ValueError(f"HR of {hr.shape[1]}x{hr.shape[0]} px: crop it to a multiple of {scale} first")
    return quantise(resize(hr, 1 / scale), max_value, hr.dtype)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Cuts the right and bottom edge so that both sides are multiples of `scale`."""
    h, w = image.shape[:2]
    return image[: h - h % scale, : w - w % scale]


def reduce_batch(hr, scale: int, levels, xp=ops):
    """Makes the LR batch of an HR batch.

    Args:
        hr: float tensor of shape `(N, P, P, C)` in `[-1, 1]`.
        scale: integer factor.
        levels: float tensor of shape `(N,)`, each source's value of white; LR is rounded to its grey
            levels.
        xp: module with the functions of arrays: `keras.ops`, or `numpy`.

    Returns:
        Float tensor of shape `(N, P / scale, P / scale, C)` in `[-1, 1]`.
    """
    lr = resize_batch(hr, 1 / scale, xp)
    levels = xp.reshape(xp.array(levels, lr.dtype), (-1, 1, 1, 1))
    grey = xp.clip(xp.round((lr + 1) / 2 * levels), 0.0, levels)
    return grey / levels * 2 - 1
