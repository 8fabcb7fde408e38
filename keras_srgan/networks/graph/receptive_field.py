"""How far around a pixel a network looks, and what its tiles must be aligned to."""

from math import lcm

import keras
import numpy as np

from keras_srgan.layers import BicubicUpsampling2D, EvenPhases, LocalDetail, SubpixelConv2D
from keras_srgan.networks.graph.calls import calls, ends

# Layers whose output depends on the whole image: no overlap makes their tiles exact.
WHOLE_IMAGE = (
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)


# Samples on each side of a place between two of them.
_INTERPOLATION = {"bilinear": 1, "bicubic": 2, "lanczos3": 3, "lanczos5": 5}


def _reads(layer, row: int) -> range:
    """The rows of its input that a row of a layer's output is made of."""
    if isinstance(layer, keras.layers.Conv2DTranspose):
        size, stride = max(layer.kernel_size), layer.strides[0]
        row += max(0, size - stride) // 2
        return range((row - size) // stride + 1, row // stride + 1)
    if isinstance(layer, keras.layers.Conv2D | keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        convolves = isinstance(layer, keras.layers.Conv2D)
        size = (max(layer.kernel_size) - 1) * max(layer.dilation_rate) + 1 if convolves else max(layer.pool_size)
        stride = layer.strides[0]
        first = row * stride - (max(0, size - stride) // 2 if layer.padding == "same" else 0)
        return range(first, first + size)
    if isinstance(layer, LocalDetail):
        return range(row - layer.window // 2, row + layer.window // 2 + 1)
    if isinstance(layer, EvenPhases):
        block, reach = row // layer.scale, layer.window // 2
        return range((block - reach) * layer.scale, (block + reach + 1) * layer.scale)
    if isinstance(layer, SubpixelConv2D):
        middle = row // layer.scale
        return range(middle - (layer.kernel_size - 1) // 2, middle + layer.kernel_size // 2 + 1)
    if isinstance(layer, BicubicUpsampling2D):
        middle, phase = divmod(row, layer.scale)
        taps = np.flatnonzero(layer.kernel[..., phase * layer.scale : (phase + 1) * layer.scale].any(axis=(1, 2, 3)))
        return range(middle + taps[0] - 2, middle + taps[-1] - 1)
    if isinstance(layer, keras.layers.UpSampling2D):
        factor, reach = layer.size[0], _INTERPOLATION.get(layer.interpolation)
        before = row // factor if reach is None else (2 * row + 1 - factor) // (2 * factor)
        return range(before, before + 1) if reach is None else range(before - reach + 1, before + reach + 1)
    return range(row, row + 1)


def receptive_radius(generator: keras.Model) -> int:
    """How far, in LR pixels, an output pixel looks from the LR pixel that it belongs to.

    Walks the functional graph with the first and the last LR row that each row depends on, for the rows of one period
    of the network's grid. Exact where no weight is zero.

    Args:
        generator: functional model of convolutions, poolings, enlargements and element-wise layers. One that reduces
            first makes its sides whole, as by `PadToMultiple`. What `sees_whole_image` finds is not counted.

    Returns:
        Integer.

    Example:

    >>> receptive_radius(build_generator(find_recipe("xray-fast")))
    21
    """
    graph, period = calls(generator), alignment(generator)
    seen: dict[str, list[tuple[int, int]]] = {}

    def look(name: str, row: int) -> tuple[int, int]:
        periods, row = divmod(row, len(seen[name]))
        first, last = seen[name][row]
        return first + periods * period, last + periods * period

    for name, call in graph.items():
        seen[name] = []
        for row in range(int(period * call.factor)):
            spans = [look(each, i) for each in call.inputs for i in _reads(call.layer, row)] or [(row, row)]
            seen[name].append((min(first for first, _ in spans), max(last for _, last in spans)))
    sr = seen[ends(generator)[1]]
    own = (row * period // len(sr) for row in range(len(sr)))
    return max(max(place - first, last - place) for place, (first, last) in zip(own, sr, strict=True))


def alignment(generator: keras.Model) -> int:
    """Of what number of LR pixels a tile's start must be a multiple, for networks that reduce on their way."""
    return lcm(*(call.factor.denominator for call in calls(generator).values()))


def sees_whole_image(generator: keras.Model) -> bool:
    """Whether a layer takes statistics over the whole image, as InstanceNorm does."""
    return any(isinstance(layer, WHOLE_IMAGE) for layer in generator.layers)
