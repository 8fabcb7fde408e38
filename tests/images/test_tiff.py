import io
import itertools
import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from keras_srgan.images import ImageError, read_image, tiff, tiff_writer
from keras_srgan.images.frame import Frame
from keras_srgan.images.frames import open_frames
from keras_srgan.images.rasters import encode
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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("colours", [1, 3])
def test_associated_alpha_stays_so_in_tiff_and_is_divided_out_elsewhere(tmp_path, dtype, colours):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    alpha = np.where(page(np.uint8) > 128, white, white // 2 if white > 1 else 0.5).astype(dtype)
    share = alpha / white if colours == 1 else alpha[..., None] / white
    straight = page(dtype, colours)
    pixels = (straight * share).astype(dtype)
    kind = {"photometric": "rgb" if colours == 3 else "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([pixels, alpha]), extrasamples=["assocalpha"], **kind)
    (frame,) = open_frames(tmp_path / "a.tif")
    assert frame.associated
    write_tiff(tmp_path / "b.tif", [frame])
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].extrasamples == (1,)
        np.testing.assert_array_equal(file.asarray(), np.dstack([pixels, alpha]))
    if dtype != np.float32:
        (tmp_path / "b.png").write_bytes(encode(".png", frame))
        (other,) = open_frames(tmp_path / "b.png")
        assert not other.associated
        assert np.abs(other.pixels.astype(int) - straight).max() <= 2
        np.testing.assert_array_equal(other.alpha, alpha)


def test_associated_pixels_stay_no_brighter_than_alpha(tmp_path):
    write_tiff(tmp_path / "a.tif", [Frame(np.full((2, 2), 200, np.uint8), 255, np.full((2, 2), 90, np.uint8), True)])
    assert tifffile.imread(tmp_path / "a.tif").max() == 90


def sgi(data: bytes) -> bytes:
    """Calls a tag SGI's ImageDepth, which tifffile does not write."""
    return data.replace(struct.pack("<HHI", 65000, 4, 1), struct.pack("<HHI", 32997, 4, 1))


def stack(kind: str, images: np.ndarray) -> bytes:
    """Several images in one directory, one behind the other."""
    count = len(images)
    texts = {
        "imagej": f"ImageJ=1.53t\nimages={count}\nslices={count}\n",
        "tifffile": f'{{"shape": {list(images.shape)}}}',
    }
    tags = [(270, 2, 0, texts[kind], True)] if kind in texts else []
    tags += [(65000, 4, 1, count, True)] if kind == "sgi" else []
    tags += [(33629, 5, count, (1, 1) * count, True)] if kind == "metamorph" else []
    buffer = io.BytesIO()
    rows = 5 if kind == "strips" else None
    tags += [(270, 2, 0, texts["imagej"], True)] if kind == "strips" else []
    order = ">" if kind == "imagej" else "<"
    tifffile.imwrite(
        buffer,
        images[0],
        extratags=tags,
        metadata=None,
        byteorder=order,
        rowsperstrip=rows,
        photometric="rgb" if images.ndim == 4 else "minisblack",
    )
    data = sgi(buffer.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].dataoffsets[0] + images[0].nbytes == len(data)
    return data + images[1:].astype(images.dtype.newbyteorder(order)).tobytes()


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("kind", ["imagej", "tifffile", "sgi", "metamorph", "strips"])
def test_a_stack_in_one_directory_is_read_image_by_image(tmp_path, kind, dtype, colours):
    images = np.stack([page(dtype, colours) for _ in range(3)])
    (tmp_path / "a.tif").write_bytes(stack(kind, images))
    frames = open_frames(tmp_path / "a.tif")
    assert len(frames.areas) == 3
    for frame, wanted in zip(frames, images, strict=True):
        np.testing.assert_array_equal(frame.pixels, wanted)
    with pytest.raises(ImageError, match="3 pages"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["imagej", "sgi"])
def test_a_stack_that_is_cut_short_or_packed_is_refused(tmp_path, kind):
    whole = stack(kind, np.stack([page(np.uint8)] * 3))
    (tmp_path / "a.tif").write_bytes(whole[:-5])
    with pytest.raises(ImageError, match="cut short"):
        open_frames(tmp_path / "a.tif")
    tags = {"imagej": {"description": "ImageJ=1.53t\nimages=3\n"}, "sgi": {"extratags": [(65000, 4, 1, 3, True)]}}
    tifffile.imwrite(tmp_path / "b.tif", page(np.uint8), compression="zlib", metadata=None, **tags[kind])
    (tmp_path / "b.tif").write_bytes(sgi((tmp_path / "b.tif").read_bytes()))
    with pytest.raises(ImageError, match="3 images in one directory"):
        read_image(tmp_path / "b.tif")


def test_a_stack_written_page_by_page_by_imagej_or_tifffile_is_read_once(tmp_path):
    pages = np.stack([page(np.uint16) for _ in range(3)])
    for options in ({"imagej": True}, {"metadata": {"axes": "ZYX"}, "photometric": "minisblack"}):
        tifffile.imwrite(tmp_path / "a.tif", pages, **options)
        np.testing.assert_array_equal([frame.pixels for frame in open_frames(tmp_path / "a.tif")], pages)


@pytest.mark.parametrize(
    "shape, options, word",
    [
        ((9, 8, 3), {"photometric": "minisblack", "planarconfig": "contig"}, "3 channels"),
        ((9, 8, 5), {"photometric": "rgb", "planarconfig": "contig"}, "5 channels"),
        ((9, 8), {"photometric": "cfa"}, "colour-filter"),
        ((9, 8, 3), {"photometric": "linear_raw", "planarconfig": "contig"}, "linear raw"),
    ],
)
def test_channels_that_would_be_dropped_or_misread_are_refused(tmp_path, shape, options, word):
    tifffile.imwrite(tmp_path / "a.tif", RNG.integers(0, 256, shape, dtype=np.uint8), metadata=None, **options)
    with pytest.raises(ImageError, match=word):
        read_image(tmp_path / "a.tif")


def test_floats_where_white_is_zero_are_inverted(tmp_path):
    pixels = page(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    (frame,) = open_frames(tmp_path / "a.tif")
    np.testing.assert_array_equal(frame.pixels, 1 - pixels)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"])
def test_damaged_strips_are_refused_whatever_packs_them(tmp_path, compression):
    smooth = cv2.GaussianBlur(page(np.uint8, shape=(64, 80)), (0, 0), 2)
    Pillow.fromarray(smooth).save(tmp_path / "a.tif", compression=compression)
    assert read_image(tmp_path / "a.tif").pixels.shape == smooth.shape
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        start, size = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[start + size // 2 : start + size] = bytes(size - size // 2)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageError, match="damaged"):
        read_image(tmp_path / "a.tif")
