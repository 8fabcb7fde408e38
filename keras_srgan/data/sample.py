"""The sample radiograph that pydicom-data carries, and training tiles from it."""

import dataclasses

import numpy as np
from pydicom.data import get_testdata_file

from keras_srgan.images import Image, read_image

_SAMPLE = "RG1_UNCR.dcm"


def sample_radiograph(reduce: int = 1) -> Image:
    """A chest radiograph to try things on: RG1 of the pydicom-data package, 1955x1841 pixels of 15 bits.

    The network is never used.

    Args:
        reduce: Average blocks of `reduce` x `reduce` pixels into one, rounded; the rest at the right and
            bottom is cut off.

    Returns:
        An `Image`; its `dicom` header is kept only if `reduce` is 1, since it describes the full size.

    Raises:
        FileNotFoundError: If pydicom-data is not installed.
        ValueError: If `reduce` is not a positive whole number that leaves a pixel.

    Example:

    >>> image = sample_radiograph(reduce=2)
    >>> image.pixels.shape, image.max_value
    ((977, 920), 32767)
    """
    path = get_testdata_file(_SAMPLE, download=False)
    if path is None:
        raise FileNotFoundError(f"the sample radiograph {_SAMPLE} is not installed; pip install pydicom-data")
    image = read_image(str(path))
    height, width = image.pixels.shape[:2]
    if reduce != int(reduce) or not 1 <= reduce <= min(height, width):
        raise ValueError(f"reduce must be a whole number from 1 to {min(height, width)}, received {reduce}")
    if reduce == 1:
        return image
    rows, columns = height // reduce, width // reduce
    blocks = image.pixels[: rows * reduce, : columns * reduce].reshape(rows, reduce, columns, reduce)
    area = reduce * reduce
    mean = (blocks.sum(axis=(1, 3), dtype=np.uint64) + area // 2) // area
    return dataclasses.replace(image, pixels=mean.astype(image.pixels.dtype), dicom=None)


def tile_sample(
    image: Image, tile: int, held_out: tuple[int, int, int, int], min_size: int = 96
) -> tuple[list[Image], Image]:
    """Make a training set and a held-out image from one image.

    The image is cut on a grid that starts at the top left corner. A piece that touches the held-out rectangle
    is dropped whole; the narrower pieces at the right and bottom are kept if both sides have `min_size`
    pixels.

    Args:
        image: The image.
        tile: Side of the square pieces, in pixels.
        held_out: The rectangle `(top, left, height, width)` that no training pixel comes from.
        min_size: Smallest side of a remainder, in pixels.

    Returns:
        A tuple `(train, held_out)`: the pieces row by row, and the rectangle. All keep the path and patient
        of the image, and no DICOM header.

    Raises:
        ValueError: If the rectangle is not inside the image, `tile` is not positive, or no piece is left.

    Example:

    >>> train, held_out = tile_sample(sample_radiograph(reduce=2), 128, (544, 224, 256, 384))
    >>> len(train), held_out.pixels.shape
    (37, (256, 384))
    """
    height, width = image.pixels.shape[:2]
    top, left, rows, columns = held_out
    bottom, right = top + rows, left + columns
    if min(top, left) < 0 or min(rows, columns) < 1 or bottom > height or right > width:
        raise ValueError(f"held_out {tuple(held_out)} is not inside the {height}x{width} image")
    if tile < 1:
        raise ValueError(f"tile must be positive, received {tile}")

    def piece(y: int, x: int, y_end: int, x_end: int) -> Image:
        return dataclasses.replace(image, pixels=image.pixels[y:y_end, x:x_end].copy(), dicom=None)

    smallest = min(tile, min_size)
    train = []
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            y_end, x_end = min(y + tile, height), min(x + tile, width)
            apart = y_end <= top or y >= bottom or x_end <= left or x >= right
            if apart and min(y_end - y, x_end - x) >= smallest:
                train.append(piece(y, x, y_end, x_end))
    if not train:
        raise ValueError(f"no {tile}x{tile} piece avoids {tuple(held_out)}; make either smaller")
    return train, piece(top, left, bottom, right)
