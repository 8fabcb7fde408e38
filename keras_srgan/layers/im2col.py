"""3x3 convolutions as one matrix product each, and max pooling as comparisons, for XLA on CPU.

Two kinds of convolution are slow in XLA's own form: those from one to three channels (the first layers of the
discriminator and of VGG19), and the gradients of those with stride 2 on large images. As a product of the
image's 3x3 columns by the kernel, all three directions run at the speed of a matrix product. XLA's gradient of
max pooling walks the image element by element; that of `maximum` is one fused pass.
"""

from keras import ops


def upstream_of(args, upstream):
    """The gradient that Keras hands over by position (TensorFlow, JAX) or by name (PyTorch)."""
    return args[0] if upstream is None else upstream


def _columns(x, stride: int):
    """`(N, H, W, C)` to `(N * H/stride * W/stride, 9 * C)`: what each output pixel sees, "same" padding."""
    height, width, channels = x.shape[1:]
    around = (1, 1) if stride == 1 else (0, 1)
    x = ops.pad(x, [(0, 0), around, around, (0, 0)])
    parts = [x[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)]
    return ops.reshape(ops.concatenate(parts, axis=-1), (-1, 9 * channels))


def _shift(x, by: int, axis: int):
    """Moves `x` by -1, 0 or 1 places along `axis`; zeros come in."""
    if by == 0:
        return x
    keep = [slice(None)] * len(x.shape)
    keep[axis] = slice(None, -1) if by > 0 else slice(1, None)
    widths = [(0, 0)] * len(x.shape)
    widths[axis] = (1, 0) if by > 0 else (0, 1)
    return ops.pad(x[tuple(keep)], widths)


def _scatter(parts, stride: int, axis: int):
    """Adds up what the three taps along `axis` send to the input: the transpose of taking columns."""
    lanes: list = [None] * stride
    for tap, part in enumerate(parts):
        by, lane = divmod(tap - (stride == 1), stride)
        part = _shift(part, by, axis)
        lanes[lane] = part if lanes[lane] is None else lanes[lane] + part
    if stride == 1:
        return lanes[0]
    shape = list(lanes[0].shape)
    shape[0], shape[axis] = -1, stride * shape[axis]
    return ops.reshape(ops.stack(lanes, axis=axis + 1), shape)


def _columns_conv(x, kernel, stride: int):
    inputs, outputs = kernel.shape[2:]
    height, width = x.shape[1] // stride, x.shape[2] // stride
    columns = _columns(x, stride)
    matrix = ops.reshape(kernel, (9 * inputs, outputs))

    def grad(*args, upstream=None):
        dy = ops.reshape(upstream_of(args, upstream), (-1, outputs))
        dk = ops.reshape(ops.matmul(ops.transpose(columns), dy), kernel.shape)
        back = ops.reshape(ops.matmul(dy, ops.transpose(matrix)), (-1, height, width, 3, 3, inputs))
        rows = [_scatter([back[:, :, :, i, j] for j in range(3)], stride, axis=2) for i in range(3)]
        return _scatter(rows, stride, axis=1), dk

    return ops.reshape(ops.matmul(columns, matrix), (-1, height, width, outputs)), grad


@ops.custom_gradient
def columns_conv3x3(x, kernel):
    """3x3 convolution, stride 1, "same" padding, channels last."""
    return _columns_conv(x, kernel, 1)


@ops.custom_gradient
def columns_conv3x3_halving(x, kernel):
    """3x3 convolution, stride 2, "same" padding, channels last, even sides."""
    return _columns_conv(x, kernel, 2)


def max_pool2x2(x):
    """2x2 max pooling, stride 2, channels last; an odd last row or column is left out."""
    h, w = x.shape[1] - x.shape[1] % 2, x.shape[2] - x.shape[2] % 2
    first, second = (ops.maximum(x[:, i:h:2, 0:w:2], x[:, i:h:2, 1:w:2]) for i in range(2))
    return ops.maximum(first, second)
