"""Tiles: how far a network looks, where an image is cut, and with what weights the pieces are put together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

BAND = 256  # rows that are given back at once, so that no copies of a large image are


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


@dataclass(frozen=True)
class Grid:
    """The tiles of an image, all of one shape.

    Args:
        rows, columns: the cuts of the height and of the width.
        scale: integer factor.
    """

    rows: Cut
    columns: Cut
    scale: int

    def __len__(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    def enlarge(
        self, image: np.ndarray, enlarge_tile: Callable[[np.ndarray, np.ndarray], np.ndarray], planes: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Enlarges an image tile by tile; only one row of tiles is kept.

        Args:
            image: array `(H, W, C)`.
            enlarge_tile: function of a tile and of its output pixels' weights `(rows, columns, 1)`; returns the
                tile's planes `(planes, rows, columns, C)`.
            planes: integer.

        Yields:
            Bands of finished rows: their place, and float32 `(planes, rows, W * scale, C)` there, until the next one.
        """
        rows, columns, s, (_, width, channels) = self.rows, self.columns, self.scale, image.shape
        band = np.zeros((planes, rows.size * s, width * s, channels), "float32")
        for i, y in enumerate(rows.starts):
            for j, x in enumerate(columns.starts):
                weight = rows.weights[i][:, None, None] * columns.weights[j][:, None]
                tile = image[y : y + rows.size, x : x + columns.size]
                band[:, :, x * s : (x + columns.size) * s] += enlarge_tile(tile, weight) * weight
            done = (rows.starts[i + 1] - y if i + 1 < len(rows.starts) else rows.size) * s
            for k in range(0, done, BAND):
                part = band[:, k : min(k + BAND, done)]
                yield slice(y * s + k, y * s + k + part.shape[1]), part
            kept = band[:, done:].copy()
            band[:] = 0
            band[:, : kept.shape[1]] = kept


def cut_image(
    shape: tuple[int, int],
    tile: int | str,
    overlap: int,
    scale: int,
    pixels: int,
    blend: str | None = None,
    align: int = 1,
) -> Grid:
    """Chooses the tiles of an image.

    Args:
        shape: `(H, W)` in LR pixels.
        tile: LR pixels of a tile's own part, `align` or more; 0: the whole image; `"auto"`: the tiles with the least
            area in all among those of at most `pixels`.
        overlap: integer, LR pixels around a tile's own part.
        scale: integer factor.
        pixels: integer, the LR pixels of a tile that memory allows, with its overlaps.
        blend, align: see `cut`.

    Returns:
        A `Grid`.
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
    return Grid(rows, cut(shape[1], counts[1], sizes[1], overlap, scale, blend, align), scale)
