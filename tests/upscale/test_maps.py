"""The pictures of what was added, and of the spread."""

import numpy as np
import pytest

from keras_srgan.upscale.maps import _round_up, added_picture, spread_picture


def test_signs_have_their_colours_and_nothing_is_white():
    added = np.zeros((50, 400), np.float32)
    added[:10], added[-10:] = 20, -20
    picture = added_picture(added, 255)
    assert picture.shape == (84, 400, 3) and picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [255, 0, 0] and picture[49, 0].tolist() == [0, 0, 255]
    assert picture[25, 0].tolist() == [255, 255, 255]


def test_half_as_much_is_half_as_strong():
    added = np.full((50, 400), 10, np.float32)
    added[:5] = 20
    assert added_picture(added, 255)[40, 0].tolist() == [255, 128, 128]


def test_spread_runs_from_black_to_white():
    spread = np.zeros((50, 400), np.float32)
    spread[:25] = 5
    picture = spread_picture(spread, 255)
    assert picture[49, 0].sum() < 40 and picture[0, 0].sum() > 700


@pytest.mark.parametrize("value, top", [(0.7, 1), (1, 1), (1.2, 2), (3, 5), (7, 10), (120, 200), (0.03, 0.05)])
def test_the_scale_is_a_round_number(value, top):
    assert _round_up(value, 255) == pytest.approx(top)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (30, 20, 3)])
def test_every_shape_gets_a_legend_and_zeros_are_no_trouble(shape):
    for draw in (added_picture, spread_picture):
        picture = draw(np.zeros(shape, np.float32), 4095)
        assert picture.shape == (shape[0] + 34, max(300, shape[1]), 3)
        assert (picture[shape[0] :] < 100).any()  # text and a bar


def test_one_wild_pixel_does_not_set_the_scale():
    added = np.full((100, 100), 1, np.float32)
    added[0, 0] = 1000
    assert added_picture(added, 255)[50, 50].tolist() == [255, 0, 0]
