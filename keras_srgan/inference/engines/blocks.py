"""Feature maps as blocks of one shape."""

from functools import cached_property

import numpy as np
from keras import ops

BLOCKS = (64, 48)  # px, multiples of 4; the one that pads an image least is taken


def block_size(height: int, width: int) -> int:
    """The side of the blocks for an image, in pixels."""
    return min(BLOCKS, key=lambda b: (-(-height // b) * -(-width // b) * b * b, -b))


class Grid:
    """Feature maps of one image as blocks `(b, b, C)`, zero beyond the image.

    Args:
        rows: list of rows of tensors.
        height: integer, the image's, in pixels.
        width: integer.
    """

    def __init__(self, rows: list[list], height: int, width: int):
        self.rows, self.height, self.width = rows, height, width
        self.block, _, self.channels = rows[0][0].shape

    @classmethod
    def cut(cls, maps: np.ndarray, block: int) -> "Grid":
        """Cuts `(H, W, C)` into blocks."""
        h, w = maps.shape[:2]
        x, b = np.pad(maps, ((0, -h % block), (0, -w % block), (0, 0))), block
        rows = [[ops.convert_to_tensor(x[i : i + b, j : j + b]) for j in range(0, w, b)] for i in range(0, h, b)]
        return cls(rows, h, w)

    def whole(self) -> np.ndarray:
        """The maps as one array `(H, W, C)`."""
        x = np.concatenate([np.concatenate([np.asarray(each) for each in row], axis=1) for row in self.rows])
        return x[: self.height, : self.width]

    def places(self) -> list[tuple[int, int]]:
        """Row and column of every block, row by row."""
        return [(i, j) for i in range(len(self.rows)) for j in range(len(self.rows[0]))]

    def neighbours(self, i: int, j: int) -> list:
        """The nine blocks around a place, row by row; zeros beyond the grid."""
        last = len(self.rows), len(self.rows[0])
        around = [(i + di, j + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)]
        return [self.rows[y][x] if 0 <= y < last[0] and 0 <= x < last[1] else self.zeros for y, x in around]

    @cached_property
    def zeros(self):
        return ops.zeros((self.block, self.block, self.channels))

    @cached_property
    def masks(self) -> list[list]:
        """For every block `(b, b, 1)`: one inside the image, zero beyond."""
        b, made = self.block, {}
        sides = [[min(b, length - i) for i in range(0, length, b)] for length in (self.height, self.width)]
        for h in set(sides[0]):
            for w in set(sides[1]):
                mask = np.zeros((b, b, 1), "float32")
                mask[:h, :w] = 1
                made[h, w] = ops.convert_to_tensor(mask)
        return [[made[h, w] for w in sides[1]] for h in sides[0]]
