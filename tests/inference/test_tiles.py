import numpy as np
import pytest

from keras_srgan.inference.tiles import cut, cut_image
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.generators.unet import unet
from keras_srgan.networks.graph.receptive_field import alignment, sees_whole_image


def test_networks_that_reduce_ask_for_aligned_tiles():
    assert alignment(srresnet(filters=4, blocks=1)) == 1
    assert alignment(unet(filters=2, scale=4)) == 4
    assert alignment(unet(filters=2, scale=3)) == 16


def test_whole_image_statistics_are_noticed():
    assert [sees_whole_image(srresnet(filters=4, blocks=1, norm=n)) for n in ("none", "batch", "instance")] == [0, 0, 1]


@pytest.mark.parametrize("blend", [None, "linear", "gaussian"])
@pytest.mark.parametrize(
    "length,tile,overlap,align", [(100, 20, 4, 1), (101, 13, 5, 1), (64, 64, 3, 1), (99, 16, 6, 4)]
)
def test_weights_add_up_to_one_and_every_piece_lies_inside(blend, length, tile, overlap, align):
    grid = cut_image((length, 50), tile, overlap, 3, 10**6, blend, align)
    for side, piece in ((length, grid.rows), (50, grid.columns)):
        total = np.zeros(side * 3)
        for start, weight in zip(piece.starts, piece.weights, strict=True):
            assert start % align == 0 and 0 <= start <= side - piece.size
            total[start * 3 : (start + piece.size) * 3] += weight
        np.testing.assert_allclose(total, 1, atol=1e-6)
        assert piece.starts[0] == 0 and piece.starts[-1] + piece.size == side


@pytest.mark.parametrize(
    "length,tile,overlap,align", [(100, 20, 4, 1), (101, 13, 5, 1), (57, 8, 11, 1), (99, 16, 6, 4), (131, 9, 37, 16)]
)
def test_pieces_that_are_cut_keep_the_overlap_from_every_inner_edge(length, tile, overlap, align):
    piece = cut_image((length, length), tile, overlap, 1, 10**6, None, align).rows
    for i, weight in enumerate(piece.weights):
        used = np.flatnonzero(weight)
        assert i == 0 or used[0] >= overlap
        assert i == len(piece.weights) - 1 or used[-1] < piece.size - overlap


@pytest.mark.parametrize("shape", [(1024, 1024), (4096, 4096), (300, 5000), (200, 200)])
def test_auto_tiles_fit_in_memory_with_little_overlap(shape):
    grid = cut_image(shape, "auto", 45, 4, 500_000)
    rows, columns = grid.rows, grid.columns
    assert rows.size * columns.size <= 500_000
    area = rows.size * len(rows.starts) * columns.size * len(columns.starts)
    assert area < 1.5 * shape[0] * shape[1]
    assert shape[0] * shape[1] > 500_000 or len(grid) == 1


def test_blending_is_smooth_where_a_cut_is_not():
    steps = {blend: np.abs(np.diff(cut(60, 3, 28, 6, 2, blend).weights[1])).max() for blend in (None, "linear")}
    assert steps[None] == 1 and steps["linear"] < 0.1
