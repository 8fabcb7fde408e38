"""Tiles: how far a network looks, where an image is cut, and with what weights the pieces are put together."""

from dataclasses import dataclass
from math import lcm

import keras
import numpy as np

from keras_srgan.engines.graph import calls, ends
from keras_srgan.layers import BicubicUpsampling2D, LocalDetail, SubpixelConv2D

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


@dataclass(frozen=True)
class Cut:
    """One side of an image as pieces of one length.

    Args:
        size: integer, the length of each piece, in LR pixels.
        starts: tuple of integers, where each begins.
        weights: float32 array `(pieces, size * scale)`: how much each piece's output pixels count; over the
            pieces they add up to one at every pixel.
    """

    size: int
    starts: tuple[int, ...]
    weights: np.ndarray


def cut(length: int, pieces: int, size: int, overlap: int, scale: int, blend: str | None, align: int = 1) -> Cut:
    """Lays pieces along one side; the first begins and the last ends with the image.

    Args:
        length: integer, the side, in LR pixels.
        pieces: integer.
        size: integer, the length of a piece with its overlaps.
        overlap: integer, LR pixels around each piece's own part.
        scale: integer factor.
        blend: `"gaussian"` or `"linear"`; `None` cuts in the middle of each overlap.
        align: integer, pieces start at its multiples; `length - size` is one.

    Returns:
        A `Cut`.
    """
    starts = tuple(i * (length - size) // max(1, pieces - 1) // align * align for i in range(pieces))
    weights = np.zeros((pieces, length * scale))
    for i, start in enumerate(starts):
        inside = slice(start * scale, (start + size) * scale)
        place = np.arange(size * scale) + 0.5
        if blend is None:
            first = (start + starts[i - 1] + size) // 2 if i else 0
            last = (starts[i + 1] + start + size) // 2 if i + 1 < pieces else length
            weights[i, first * scale : last * scale] = 1
        elif blend == "linear":
            weights[i, inside] = np.minimum(place, place[::-1]).clip(max=max(1, 2 * overlap * scale))
        else:
            # A standard deviation of an eighth of the piece, as nnU-Net's sliding window has.
            weights[i, inside] = np.exp(-0.5 * ((place - place.mean()) * 8 / (size * scale)) ** 2)
    weights /= weights.sum(axis=0)
    pieces_weights = [weights[i, s * scale : (s + size) * scale] for i, s in enumerate(starts)]
    return Cut(size, starts, np.array(pieces_weights, "float32"))


def cut_image(
    shape: tuple[int, int],
    tile: int | str,
    overlap: int,
    scale: int,
    pixels: int,
    blend: str | None = None,
    align: int = 1,
) -> tuple[Cut, Cut]:
    """Chooses the tiles of an image, all of one shape.

    Args:
        shape: `(H, W)` in LR pixels.
        tile: LR pixels of a tile's own part, `align` or more; 0: the whole image; `"auto"`: the tiles with the least
            area in all among those of at most `pixels`.
        overlap: integer, LR pixels around a tile's own part.
        scale: integer factor.
        pixels: integer, the LR pixels of a tile that memory allows, with its overlaps.
        blend, align: see `cut`.

    Returns:
        The cuts of the height and of the width.
    """

    def size(length: int, pieces: int) -> int:
        """The length of so many equal pieces with their overlaps."""
        if pieces == 1:
            return length
        least = -(-(length + (pieces - 1) * (2 * overlap + align - 1)) // pieces)
        return min(length, least + (length - least) % align)

    if tile == "auto":
        # Pieces shorter than their overlaps would be mostly overlap.
        most = [max(1, length // max(16, 2 * overlap)) for length in shape]
        counts, best = (1, 1), None
        for i in range(1, most[0] + 1):
            # The fewest columns that fit.
            fits = (n for n in range(1, most[1] + 1) if size(shape[0], i) * size(shape[1], n) <= pixels)
            n = next(fits, most[1])
            area = size(shape[0], i) * size(shape[1], n)
            key = (max(pixels, area), i * n * area)
            if best is None or key < best:
                best, counts = key, (i, n)
        sizes = size(shape[0], counts[0]), size(shape[1], counts[1])
    else:
        wanted = [max(int(tile), align) + 2 * overlap if tile else length for length in shape]
        whole = [min(length, w + (length - w) % align) for length, w in zip(shape, wanted, strict=True)]
        sizes = whole[0], whole[1]
        steps = [max(1, each - 2 * overlap - align + 1) for each in sizes]
        parts = [1 if s == n else -(-(n - s) // step) + 1 for n, s, step in zip(shape, sizes, steps, strict=True)]
        counts = parts[0], parts[1]
    rows = cut(shape[0], counts[0], sizes[0], overlap, scale, blend, align)
    return rows, cut(shape[1], counts[1], sizes[1], overlap, scale, blend, align)
