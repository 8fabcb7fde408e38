"""Faster convolutions for XLA on CPU, as a drop-in for keras.layers.Conv2D.

XLA's CPU convolution does every multiplication.  Cheaper forms, all of
them plain array code with the same result up to float32 rounding:

* 3x3, stride 1, wide layers: Winograd's F(4x4, 3x3).  A 4x4 block of outputs
  costs 36 multiplications per channel pair instead of 144, done as 36 matrix
  products; the input gradient and the kernel gradient get the same treatment.
* k x k down to very few channels (the generator's last layer): a matrix
  product with one output column is slow, so convolve along the width into k
  columns, one for each kernel row, and add those up along the height.
* 3x3 from one to three channels, and 3x3 with stride 2 on large images: one
  matrix product over the image's columns, see `layers/im2col.py`.

Everything else goes to `keras.ops.conv` unchanged, and so does all that runs outside `fast_convolutions()`:
uncompiled, or on a GPU, the library's own convolutions are the faster ones.
"""

import contextlib
from contextvars import ContextVar

import keras
import numpy as np
from keras import ops

from keras_srgan.layers.im2col import columns_conv3x3, columns_conv3x3_halving, max_pool2x2, upstream_of

# Winograd F(4, 3) for the points 0, 1, -1, 2, -2 and infinity:
# y = AT [(G k) * (BT d)], with d 6 inputs, k 3 taps and y 4 outputs.
BT: list[list[float]] = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]

G: list[list[float]] = [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]

AT: list[list[float]] = [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
]


# Channel pairs from which a layer is transformed; `None`: no fast forms.
_LEAST: ContextVar[int | None] = ContextVar("fast_convolutions", default=None)


@contextlib.contextmanager
def fast_convolutions(enabled: bool = True, least: int = 32 * 32):
    """Lets `FastConv2D` use the forms above in what is traced inside.

    Args:
        enabled: whether to; `False` changes nothing.
        least: integer, input times output channels below which a 3x3 layer stays direct. Every transformed layer
            costs compile time and memory; in large steps the narrow ones are not worth it.
    """
    token = _LEAST.set(least if enabled else None)
    try:
        yield
    finally:
        _LEAST.reset(token)


A = np.transpose(AT).tolist()


def _combine(matrix, parts):
    """`matrix @ parts` as sums of arrays, stacked on a new first axis.

    Written out, without the zeros, since XLA fuses each row into one pass
    over memory; as a matrix product by a 6x6 matrix it took twice as long.
    """
    rows = []
    for row in matrix:
        total = None
        for weight, part in zip(row, parts, strict=True):
            if weight == 0:
                continue
            term = part if weight == 1 else part * float(weight)
            total = term if total is None else total + term
        rows.append(total)
    return ops.stack(rows)


def tile_transform(matrix, x, taps):
    """Transform overlapping tiles, 4 apart and `taps` wide, on both axes.

    (N, 4h+taps-4, 4w+taps-4, C) becomes (6, 6, N, h, w, C), the height's
    index first.
    """
    height, width = x.shape[1] - taps + 1, x.shape[2] - taps + 1
    x = _combine(matrix, [x[:, :, i : i + width : 4] for i in range(taps)])
    return _combine(matrix, [x[:, :, i : i + height : 4] for i in range(taps)])


def kernel_transform(kernel, turned=False):
    """(3, 3, I, O) to (36, I, O); `turned` by half a turn, for the input gradient.

    One matrix product for both axes: unlike for the tiles that is cheap here,
    and it compiles faster.
    """
    g = [row[::-1] for row in G] if turned else G
    both = ops.array(np.kron(g, g), dtype=kernel.dtype)
    u = ops.matmul(both, ops.reshape(kernel, (9, -1)))
    return ops.reshape(u, (36, *kernel.shape[2:]))


def _pad(x, before, after):
    """Zeros around the image, up to a whole number of 4x4 blocks."""
    rows, columns = -x.shape[1] % 4, -x.shape[2] % 4
    return ops.pad(x, [(0, 0), (before, after + rows), (before, after + columns), (0, 0)])


def _winograd_input(x):
    z = tile_transform(BT, _pad(x, 1, 1), 6)
    return ops.reshape(z, (36, -1, x.shape[3]))


def winograd_product(v, u, height, width):
    """Multiply (36, N*h*w, I) by (36, I, O), transform back, and lay the 4x4 blocks out as an image."""
    h, w, outputs = -(-height // 4), -(-width // 4), u.shape[2]
    m = ops.matmul(v, u)
    m = ops.reshape(m, (6, 6, -1, h, w, outputs))
    y = _combine(AT, [m[i] for i in range(6)])  # (4, 6, N, h, w, O)
    y = _combine(AT, [y[:, i] for i in range(6)])  # (4, 4, N, h, w, O), width first
    y = ops.reshape(ops.transpose(y, (2, 3, 1, 4, 0, 5)), (-1, 4 * h, 4 * w, outputs))
    return y[:, :height, :width]


@ops.custom_gradient
def winograd_conv3x3(x, kernel):
    """3x3 convolution, stride 1, "same" padding, channels last."""
    height, width = x.shape[1:3]
    v = _winograd_input(x)

    def grad(*args, upstream=None):
        dy = upstream_of(args, upstream)
        u = ops.transpose(kernel_transform(kernel, turned=True), (0, 2, 1))
        dx = winograd_product(_winograd_input(dy), u, height, width)
        dm = tile_transform(A, _pad(dy, 0, 0), 4)
        dm = ops.reshape(dm, (36, -1, dy.shape[3]))
        du = ops.matmul(ops.transpose(v, (0, 2, 1)), dm)
        back = ops.array(np.kron(G, G).T, dtype=kernel.dtype)
        dk = ops.matmul(back, ops.reshape(du, (36, -1)))
        return dx, ops.reshape(dk, kernel.shape)

    return winograd_product(v, kernel_transform(kernel), height, width), grad


@ops.custom_gradient
def narrow_conv(x, kernel):
    """k x k convolution to one channel, stride 1, "same", odd k, channels last."""
    height, width, channels = x.shape[1:]
    rows, columns = kernel.shape[:2]
    above, left = rows // 2, columns // 2

    def grad(*args, upstream=None):
        dy = upstream_of(args, upstream)
        turned = ops.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))
        dx = ops.conv(dy, turned, padding="same")
        # dy has one channel, so its shifted copies are cheap, and they turn
        # the kernel's gradient into a single large matrix product.
        d = ops.pad(dy[..., 0], [(0, 0), (above, above), (left, left)])
        shifted = ops.stack(
            [d[:, i : i + height, j : j + width] for i in reversed(range(rows)) for j in reversed(range(columns))]
        )
        dk = ops.matmul(ops.reshape(shifted, (rows * columns, -1)), ops.reshape(x, (-1, channels)))
        return dx, ops.reshape(dk, kernel.shape)

    padded = ops.pad(x, [(0, 0), (above, above), (0, 0), (0, 0)])
    parts = ops.conv(padded, ops.transpose(kernel, (3, 1, 2, 0)), padding="same")
    y = sum(parts[:, i : i + height, :, i] for i in range(rows))
    return y[..., None], grad


def conv2d(x, kernel, strides=1, padding="same"):
    """`keras.ops.conv` for channels-last images, by the fastest form that fits."""
    x = ops.convert_to_tensor(x)
    # A copy, as TensorFlow allows no variable inside a custom gradient.
    kernel = ops.copy(kernel)
    (_, height, width, _), (rows, columns, inputs, outputs) = x.shape, kernel.shape
    known = (
        padding == "same"
        and height is not None
        and width is not None
        and keras.backend.standardize_dtype(x.dtype) == "float32"
    )
    simple = known and strides in (1, (1, 1))
    halving = known and strides in (2, (2, 2)) and height % 2 == 0 and width % 2 == 0
    # Below about 100 pixels transforming the kernel costs more than is saved; above 64x64 memory is the bound,
    # and the transformed tiles take 2.25 times the image's.
    wide = min(inputs, outputs) >= 32 and inputs * outputs >= (_LEAST.get() or 0)
    if simple and (rows, columns) == (3, 3) and wide and 100 <= height * width <= 4096:
        return winograd_conv3x3(x, kernel)
    if simple and outputs == 1 and inputs >= 16 and min(rows, columns) >= 5 and rows % 2 and columns % 2:
        return narrow_conv(x, kernel)
    if simple and (rows, columns) == (3, 3) and inputs <= 3:
        return columns_conv3x3(x, kernel)
    # On smaller images XLA's own form is as fast.
    if halving and (rows, columns) == (3, 3) and inputs >= 32 and height * width >= 48 * 48:
        return columns_conv3x3_halving(x, kernel)
    return ops.conv(x, kernel, strides=strides, padding=padding, data_format="channels_last")


@keras.saving.register_keras_serializable("keras_srgan")
class FastConv2D(keras.layers.Conv2D):
    """keras.layers.Conv2D (same weights, same result) through `conv2d`."""

    def convolution_op(self, inputs, kernel):
        if (
            _LEAST.get() is None
            or self.groups != 1
            or self.dilation_rate != (1, 1)
            or self.data_format != "channels_last"
        ):
            return super().convolution_op(inputs, kernel)
        return conv2d(inputs, kernel, self.strides, self.padding)


@keras.saving.register_keras_serializable("keras_srgan")
class FastMaxPooling2D(keras.layers.MaxPooling2D):
    """keras.layers.MaxPooling2D, 2x2 with stride 2 through `max_pool2x2` inside `fast_convolutions()`."""

    def call(self, inputs):
        plain = tuple(self.pool_size) == tuple(self.strides) == (2, 2) and self.padding == "valid"
        known = None not in inputs.shape[1:3] and self.data_format == "channels_last"
        return max_pool2x2(inputs) if _LEAST.get() is not None and plain and known else super().call(inputs)
