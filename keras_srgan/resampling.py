"""Resampling: bicubic as matrices (MATLAB's imresize), and HR to LR by it."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np


def cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel with a = -0.5 (Keys, 1981, equation 15), the one of MATLAB and Pillow."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def box(x: np.ndarray) -> np.ndarray:
    """The kernel of the mean over one pixel."""
    x = np.abs(x)
    return np.where(x < 0.5 - 1e-9, 1.0, np.where(x < 0.5 + 1e-9, 0.5, 0.0))


@lru_cache(maxsize=64)
def resize_matrix(size: int, scale: float) -> np.ndarray:
    """The matrix that resizes one side, as MATLAB's `imresize(..., "bicubic")` does.

    Reduction widens the kernel by `1 / scale` (antialiasing). Borders are mirrored (symmetric).

    Args:
        size: integer, the length of the side, in pixels.
        scale: the factor; below 1 reduces.

    Returns:
        Float64 array of shape `(ceil(size * scale), size)`; rows sum to one.
    """
    return interpolation_matrix(size, scale, cubic, 4.0)


def interpolation_matrix(
    size: int, scale: float, kernel: Callable, width: float, antialias: bool = True, phase: float = 0.0
) -> np.ndarray:
    """The matrix that resizes one side by any kernel; borders are mirrored (symmetric).

    Args:
        size: integer, the length of the side, in pixels.
        scale: the factor; below 1 reduces.
        kernel: function of distances in pixels, 0 beyond `width / 2`.
        width: float, pixels.
        antialias: widen the kernel by `1 / scale` where that reduces.
        phase: float, a shift of the new grid towards the end of the side, in new pixels.

    Returns:
        Float64 array of shape `(ceil(size * scale), size)`, read-only; rows sum to one.
    """
    # The subtraction keeps 512 * 0.25 and the like from rounding up to one pixel too many.
    out = int(np.ceil(size * scale - 1e-9))
    widen = min(scale, 1.0) if antialias else 1.0
    width = width / widen
    centre = (np.arange(out) + 0.5 + phase) / scale - 0.5
    first = np.floor(centre - width / 2).astype(int)
    taps = first[:, None] + np.arange(int(np.ceil(width)) + 2)
    weights = kernel((centre[:, None] - taps) * widen)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.mod(taps, 2 * size)
    mirrored = np.where(mirrored >= size, 2 * size - 1 - mirrored, mirrored)
    matrix = np.zeros((out, size))
    np.add.at(matrix, (np.arange(out)[:, None], mirrored), weights)
    matrix.flags.writeable = False
    return matrix


def resize(image: np.ndarray, scale: float) -> np.ndarray:
    """Resizes an image by antialiased bicubic interpolation, unrounded.

    Args:
        image: array of shape `(H, W)` or `(H, W, C)`, any numeric dtype.
        scale: the factor of both sides.

    Returns:
        Float64 array of shape `(ceil(H * scale), ceil(W * scale)[, C])`, in the units of `image`;
        bicubic overshoot is not clipped.

    Example:

    >>> resize(np.ones((24, 32), "uint8"), 4).shape
    (96, 128)
    """
    return _apply(image, resize_matrix(image.shape[0], scale), resize_matrix(image.shape[1], scale))


def resize_to(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an image to `(height, width)` as `resize` does, each side by its own factor."""
    return _apply(image, *(resize_matrix(old, new / old) for old, new in zip(image.shape[:2], size, strict=True)))


def _apply(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        return rows @ image.astype("float64") @ columns.T
    return np.stack([rows @ image[..., c] @ columns.T for c in range(image.shape[2])], axis=-1)


def resize_batch(images, scale: float, xp=None):
    """Resizes a batch as `resize` does, in `keras.ops`, also inside compiled steps.

    Args:
        images: float tensor of shape `(N, H, W, C)`, the sides known.
        scale: the factor of both sides; 1 returns `images`.
        xp: module with the functions of arrays: `None` for `keras.ops`, or `numpy`.

    Returns:
        Float tensor of shape `(N, ceil(H * scale), ceil(W * scale), C)`, not clipped.
    """
    if scale == 1:
        return images
    if xp is None:
        from keras import ops  # here, so that reading images needs no Keras

        xp = ops
    rows, columns = (xp.array(resize_matrix(side, scale), "float32") for side in images.shape[1:3])
    return xp.einsum("ip,npqc,jq->nijc", rows, images, columns, **({"optimize": True} if xp is np else {}))


def quantise(image: np.ndarray, max_value: int, dtype) -> np.ndarray:
    """Rounds to whole grey levels and clips to `[0, max_value]`, as a file would.

    Example:

    >>> quantise(np.array([-3.0, 7.6, 300.0]), 255, "uint8")
    array([  0,   8, 255], dtype=uint8)
    """
    return np.clip(np.rint(image), 0, max_value).astype(dtype)


def enlarge_image(image: np.ndarray, scale: int, max_value: float, side: int = 512) -> np.ndarray:
    """Enlarges an image by bicubic interpolation, in tiles, so that only the result is large.

    Args:
        image: array `(H, W)` of uint8, uint16 or floats.
        scale: integer factor.
        max_value: the value of white.
        side: integer, of a tile, in pixels of `image`.

    Returns:
        Array `(H * scale, W * scale)` of the same dtype, as `resize` gives it, clipped to `[0, max_value]`, and rounded
        unless it holds floats.

    Example:

    >>> enlarge_image(np.array([[0, 255]], "uint8"), 2, 255)
    array([[  0,  48, 207, 255],
           [  0,  48, 207, 255]], dtype=uint8)
    """
    height, width = image.shape
    result = np.empty((height * scale, width * scale), image.dtype)
    for y in range(0, height, side):
        for x in range(0, width, side):
            top, left = max(0, y - 2), max(0, x - 2)  # as far as the kernel reaches
            tile = resize(image[top : y + side + 2, left : x + side + 2], scale)
            tile = tile[(y - top) * scale :, (x - left) * scale :][: side * scale, : side * scale]
            tile = np.clip(tile if image.dtype.kind == "f" else np.rint(tile), 0, max_value)
            result[y * scale : y * scale + len(tile), x * scale : x * scale + tile.shape[1]] = tile
    return result


@lru_cache(maxsize=16)
def upsample_kernel(scale: int) -> np.ndarray:
    """The kernel of bicubic enlargement as one convolution.

    Args:
        scale: integer factor.

    Returns:
        Array of shape `(5, 5, 1, scale * scale)`: channel `i * scale + j` gives row `i`, column `j`
        of the block of output pixels that belongs to an input pixel.
    """
    phase = (np.arange(scale) + 0.5) / scale - 0.5
    taps = cubic(phase[:, None] - np.arange(-2, 3))
    kernel = np.einsum("iy,jx->yxij", taps, taps)
    return kernel.reshape(5, 5, 1, scale * scale)


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

    Example:

    >>> image = read_image("chest.png")
    >>> lr = reduce_image(image.pixels, 4, image.max_value)
    >>> image.pixels.shape, lr.shape
    ((96, 128), (24, 32))
    """
    if hr.shape[0] % scale or hr.shape[1] % scale:
        raise ValueError(f"HR of {hr.shape[1]}x{hr.shape[0]} px: crop it to a multiple of {scale} first")
    return quantise(resize(hr, 1 / scale), max_value, hr.dtype)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Cuts the right and bottom edge so that both sides are multiples of `scale`.

    Example:

    >>> crop_to_multiple(np.zeros((99, 130)), 4).shape
    (96, 128)
    """
    h, w = image.shape[:2]
    return image[: h - h % scale, : w - w % scale]


def reduce_batch(hr, scale: int, levels, xp=None):
    """Makes the LR batch of an HR batch.

    Args:
        hr: float tensor of shape `(N, P, P, C)` in `[-1, 1]`.
        scale: integer factor.
        levels: float tensor of shape `(N,)`, each source's value of white; LR is rounded to its grey
            levels.
        xp: as for `resize_batch`.

    Returns:
        Float tensor of shape `(N, P / scale, P / scale, C)` in `[-1, 1]`.
    """
    if xp is None:
        from keras import ops

        xp = ops
    lr = resize_batch(hr, 1 / scale, xp)
    levels = xp.reshape(xp.array(levels, lr.dtype), (-1, 1, 1, 1))
    grey = xp.clip(xp.round((lr + 1) / 2 * levels), 0.0, levels)
    return grey / levels * 2 - 1
