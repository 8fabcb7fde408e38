"""The embedded radiograph, and how it is cut."""

import dataclasses
from pathlib import Path

import numpy as np
import pydicom
import pytest

from keras_srgan.data import sample
from keras_srgan.data.sample import sample_radiograph, tile_sample
from keras_srgan.images import Image


def test_sample_is_the_whole_rg1():
    image = sample_radiograph()
    assert image.pixels.shape == (1955, 1841) and image.pixels.dtype == np.uint16
    assert image.max_value == 32767 and image.patient == "9RG1" and image.dicom is not None


def test_reduced_sample_is_the_rounded_mean_of_blocks():
    whole, image = sample_radiograph(), sample_radiograph(4)
    assert image.pixels.shape == (488, 460) and image.pixels.dtype == np.uint16
    assert image.max_value == 32767 and image.dicom is None
    for y, x in [(0, 0), (100, 200), (487, 459)]:
        block = whole.pixels[4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        assert image.pixels[y, x] == int(np.floor(block.mean() + 0.5))


@pytest.mark.parametrize("reduce", [0, -2, 1.5, 5000])
def test_impossible_reduction_is_refused(reduce):
    with pytest.raises(ValueError, match="reduce"):
        sample_radiograph(reduce)


def test_absent_sample_names_the_package_and_never_the_network(monkeypatch):
    def local_only(name, download=True):
        assert not download
        return None

    monkeypatch.setattr(sample, "get_testdata_file", local_only)
    with pytest.raises(FileNotFoundError, match="pip install pydicom-data"):
        sample_radiograph()


def numbered(height: int = 500, width: int = 700) -> Image:
    """Every pixel has its own number, modulo a prime."""
    pixels = (np.arange(height * width) % 65521).reshape(height, width).astype(np.uint16)
    return Image(pixels, 65535, Path("x.dcm"), "p", pydicom.Dataset())


def test_tiles_cover_what_lies_apart_from_the_held_out_rectangle():
    image = numbered()
    train, held_out = tile_sample(image, 100, (130, 250, 150, 200))
    np.testing.assert_array_equal(held_out.pixels, image.pixels[130:280, 250:450])
    # Rows 1 and 2, columns 2 to 4 of the grid are touched.
    assert len(train) == 5 * 7 - 2 * 3
    expected = [
        image.pixels[100 * y : 100 * y + 100, 100 * x : 100 * x + 100]
        for y in range(5)
        for x in range(7)
        if not (y in (1, 2) and x in (2, 3, 4))
    ]
    for tile, pixels in zip(train, expected, strict=True):
        np.testing.assert_array_equal(tile.pixels, pixels)


def test_rectangle_on_the_grid_costs_only_its_own_tiles():
    train, _ = tile_sample(numbered(), 100, (100, 200, 100, 100))
    assert len(train) == 34


def test_remainders_are_kept_from_the_smallest_size_on():
    # 500 = 3 * 135 + 95 and 700 = 5 * 135 + 25: only the first remainder has 95 pixels, none has 96.
    held = (0, 0, 135, 135)
    assert len(tile_sample(numbered(), 135, held)[0]) == 3 * 5 - 1
    assert len(tile_sample(numbered(), 135, held, min_size=95)[0]) == 4 * 5 - 1
    train, _ = tile_sample(numbered(), 200, (0, 0, 200, 200))
    assert {tile.pixels.shape for tile in train} == {(200, 200), (100, 200), (200, 100), (100, 100)}


def test_pieces_keep_the_patient_and_drop_the_header():
    image = numbered()
    train, held_out = tile_sample(image, 250, (0, 0, 250, 250))
    for piece in (*train, held_out):
        assert piece.patient == "p" and piece.path == image.path and piece.max_value == 65535
        assert piece.dicom is None and not np.shares_memory(piece.pixels, image.pixels)


def test_tiles_of_colour_keep_their_channels():
    image = dataclasses.replace(numbered(), pixels=np.zeros((200, 200, 3), np.uint8), max_value=255)
    train, held_out = tile_sample(image, 100, (0, 0, 100, 100))
    assert held_out.pixels.shape == (100, 100, 3) and train[0].pixels.shape == (100, 100, 3)


@pytest.mark.parametrize(
    "held_out", [(-1, 0, 10, 10), (0, -1, 10, 10), (491, 0, 10, 10), (0, 691, 10, 10), (0, 0, 0, 10)]
)
def test_rectangle_outside_the_image_is_refused(held_out):
    with pytest.raises(ValueError, match="not inside the 500x700"):
        tile_sample(numbered(), 100, held_out)


def test_tiling_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="make either smaller"):
        tile_sample(numbered(), 100, (0, 0, 500, 700))
    with pytest.raises(ValueError, match="tile"):
        tile_sample(numbered(), 0, (0, 0, 10, 10))
