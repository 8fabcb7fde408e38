"""What the fast engine compiles: convolutions on one block and its neighbours, by Winograd's F(4x4, 3x3)."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_srgan.layers.upsampling import depth_to_space
from keras_srgan.layers.winograd import BT, kernel_transform, tile_transform, winograd_product


def compiled(function: Callable) -> Callable:
    """The function as an XLA program, where the backend has one."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def _surround(neighbours):
    """A block with one pixel of each of its eight neighbours around it."""
    rows = []
    for i, edge in enumerate((slice(-1, None), slice(None), slice(None, 1))):
        left, middle, right = (each[edge] for each in neighbours[3 * i : 3 * i + 3])
        rows.append(ops.concatenate([left[:, -1:], middle, right[:, :1]], axis=1))
    return ops.concatenate(rows, axis=0)[None]


def _convolve(neighbours, u, bias, slope):
    x = _surround(neighbours)
    b, _, channels = neighbours[0].shape
    v = ops.reshape(tile_transform(BT, x, 6), (36, -1, channels))
    y = winograd_product(v, u, b, b)[0] + bias
    return ops.maximum(y, 0.0) + slope * ops.minimum(y, 0.0)


@compiled
def same(neighbours, mask, shortcut, u, bias, slope):
    """Convolution, activation, addition.

    Args:
        neighbours: list of nine tensors `(b, b, I)`: the block in the middle of those around it.
        mask: tensor `(b, b, 1)`, zero beyond the image.
        shortcut: tensor `(b, b, O)`, added.
        u: tensor `(36, I, O)`, the transformed kernel.
        bias, slope: tensors `(O,)`; `slope` multiplies negative values.

    Returns:
        Tensor `(b, b, O)`.
    """
    return (_convolve(neighbours, u, bias, slope) + shortcut) * mask


@compiled
def enlarge(neighbours, mask, u, bias, slope):
    """Convolution, activation, depth to space: rows of `scale * scale` blocks `(b, b, O / scale²)`."""
    y = _convolve(neighbours, u, bias, slope) * mask
    b, scale = y.shape[0], int(round((y.shape[2] / neighbours[0].shape[2]) ** 0.5))
    y = depth_to_space(y[None], scale)[0]
    return [[y[i * b : (i + 1) * b, j * b : (j + 1) * b] for j in range(scale)] for i in range(scale)]


@compiled
def finish(neighbours, mask, u, bias, slope, tail):
    """`enlarge` and the convolution after it: what the block adds to the outputs in and around it."""
    y = _convolve(neighbours, u, bias, slope) * mask
    b, taps = y.shape[0], tail.shape[1]
    parts = ops.reshape(ops.matmul(y, ops.reshape(tail, (tail.shape[0], -1))), (b, b, taps, taps, -1))
    for axis in (0, 1):
        # Tap t of taps: the output lies that many pixels before the input.
        around = [[(0, 0)] * axis + [(taps - 1 - t, t)] + [(0, 0)] * (3 - 2 * axis) for t in range(taps)]
        parts = sum(ops.pad(parts[:, :, t], around[t]) for t in range(taps))
    return parts


def merged_tail(kernel: np.ndarray, scale: int) -> tuple[np.ndarray, int]:
    """A convolution on enlarged maps as one on the maps before their depth-to-space.

    Args:
        kernel: array of shape `(k, k, C, O)`, odd `k`.
        scale: integer, the factor of the depth-to-space.

    Returns:
        Array of shape `(scale² C, taps, taps, scale² O)`, and how many taps lie after the middle one.
    """
    k, _, channels, outputs = kernel.shape
    reach = k // 2
    first, last = (-reach) // scale, (scale - 1 + reach) // scale
    taps = last - first + 1
    merged = np.zeros((scale, scale, channels, taps, taps, scale, scale, outputs), "float32")
    where = [
        (t, p, *reversed(divmod(p + t - reach, scale))) for p in range(scale) for t in range(k)
    ]  # tap, output phase, input phase, offset
    for ty, py, iy, dy in where:
        for tx, px, ix, dx in where:
            merged[iy, ix, :, dy - first, dx - first, py, px] = kernel[ty, tx]
    return merged.reshape(scale**2 * channels, taps, taps, scale**2 * outputs), last


def transformed(kernel: np.ndarray):
    """A `(3, 3, I, O)` kernel as the programs take it: `(36, I, O)`."""
    return kernel_transform(ops.convert_to_tensor(kernel))
