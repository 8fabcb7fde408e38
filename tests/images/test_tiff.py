import io
import itertools
import struct

import cv2
import numpy as np
import pytest
import tifffile

from keras_srgan.images import ImageError, read_image, tiff, tiff_writer
from keras_srgan.images.frame import Frame
from keras_srgan.images.frames import open_frames
from keras_srgan.images.tiff_writer import write_tiff

RNG = np.random.default_rng(9)
DTYPES = (np.uint8, np.uint16, np.float32, np.float64)


def page(dtype, colours: int = 1, shape=(21, 17)) -> np.ndarray:
    values = RNG.random(shape if colours == 1 else (*shape, colours))
    return (values if np.dtype(dtype).kind == "f" else values * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_written_pages_read_back_here_and_elsewhere(tmp_path, dtype, colours, alpha):
    pixels, mask = page(dtype, colours), page(dtype) if alpha else None
    path = tmp_path / "a.tif"
    write_tiff(path, [Frame(pixels, 1, mask)])
    whole = np.dstack([pixels, mask]) if alpha else pixels
    np.testing.assert_array_equal(tifffile.imread(path), whole)
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert (frame.alpha is None) is not alpha
    if alpha:
        np.testing.assert_array_equal(frame.alpha, mask)


@pytest.mark.parametrize("size", [0, 2**33], ids=["classic", "big"])
def test_pages_of_several_kinds_are_written_in_order(tmp_path, size):
    pages = [page(np.uint8), page(np.uint16, 3, (9, 30)), page(np.float32)]
    path = tmp_path / "a.tif"
    write_tiff(path, (Frame(each, 1) for each in pages), size)
    assert path.read_bytes()[2] == (43 if size else 42)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 3
        for wanted, found in zip(pages, file.pages, strict=True):
            np.testing.assert_array_equal(found.asarray(), wanted)
    for wanted, frame in zip(pages, open_frames(path), strict=True):
        np.testing.assert_array_equal(frame.pixels, wanted)


def test_strips_are_cut_and_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_writer, "_STRIP_BYTES", 100)
    pixels = page(np.uint16, 3)
    write_tiff(tmp_path / "a.tif", [Frame(pixels, 1)])
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages[0].dataoffsets) == 21
        np.testing.assert_array_equal(file.asarray(), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}], ids=["plain", "predictor"])
def test_alpha_of_other_writers_is_apart_and_leaves_colour_alone(tmp_path, dtype, kind, colours, order, options):
    pixels, alpha = page(dtype, colours), page(dtype)
    photometric = "rgb" if colours == 3 else "minisblack"
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.dstack([pixels, alpha]),
        photometric=photometric,
        extrasamples=[kind],
        planarconfig="contig",
        byteorder=order,
        **options,
    )
    (frame,) = open_frames(tmp_path / "a.tif")
    np.testing.assert_array_equal(frame.pixels, pixels)
    np.testing.assert_array_equal(frame.alpha, alpha)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_training_reads_pages_as_stored_whatever_their_orientation(tmp_path, orientation):
    pixels = page(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, extratags=[(274, 3, 1, orientation, True)])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, pixels)


def test_thumbnail_in_front_of_the_page_is_passed_over(tmp_path):
    buffer = io.BytesIO()
    pixels = page(np.uint8)
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(pixels[::4, ::4], subfiletype=1)
        writer.write(pixels)
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, pixels)


def test_16_bit_floats_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", page(np.float32).astype(np.float16))
    with pytest.raises(ImageError, match="16-bit floats"):
        read_image(tmp_path / "a.tif")


def test_directories_that_point_in_a_circle_end(tmp_path):
    done, data = cv2.imencode(".tif", page(np.uint8))
    assert done
    data = bytearray(data.tobytes())
    (only,) = tiff.directories(data)
    struct.pack_into("<I", data, only.next_at, only.offset)
    assert len(list(itertools.islice(tiff.directories(data), 5))) == 1
