import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageOps

from keras_srgan.images import ImageError, read_image, write_image
from keras_srgan.images.formats import file_format
from keras_srgan.images.frame import upright
from keras_srgan.images.frames import open_frames
from keras_srgan.images.rasters import _chunk

from .conftest import ALPHA, GRAY, ORIENTATION, RGB, RNG, pillow, refused, sample


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation_is_honoured_as_pillow_does(tmp_path, suffix, orientation):
    exif = Pillow.Exif()
    exif[ORIENTATION] = orientation
    path = pillow(tmp_path / f"a{suffix}", Pillow.fromarray(RGB), exif=exif.tobytes() if suffix != ".tif" else exif)
    frames = open_frames(path)
    (frame,) = frames
    with Pillow.open(path) as image:
        wanted = np.asarray(ImageOps.exif_transpose(image))
    if suffix in (".png", ".tif"):
        np.testing.assert_array_equal(frame.pixels, wanted)
    else:  # two decoders of a lossy format
        assert frame.pixels.shape == wanted.shape
        assert np.abs(frame.pixels.astype(int) - wanted).mean() < 4
    assert frames.notes == ([] if orientation == 1 else ["turned upright"])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_alpha_turns_with_its_image(tmp_path, orientation):
    exif = Pillow.Exif()
    exif[ORIENTATION] = orientation
    path = pillow(tmp_path / "a.png", Pillow.fromarray(np.dstack([RGB, ALPHA])), exif=exif.tobytes())
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.alpha, upright(ALPHA, orientation))


@pytest.mark.parametrize(
    "block", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0"]
)
def test_damaged_orientation_is_no_reason_to_refuse(tmp_path, block):
    path = pillow(tmp_path / "a.png", Pillow.fromarray(GRAY), exif=b"Exif\0\0" + block)
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.pixels, GRAY)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("pixels", [GRAY, RGB], ids=["gray", "rgb"])
def test_alpha_is_kept_by_formats_that_hold_it(tmp_path, suffix, pixels):
    path = write_image(tmp_path / f"a{suffix}", pixels, alpha=ALPHA)
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.alpha, ALPHA)
    # WebP drops the colour of pixels that nobody can see.
    seen = ALPHA > 0 if suffix == ".webp" else ALPHA >= 0
    np.testing.assert_array_equal(frame.pixels[seen], pixels[seen])
    with Pillow.open(path) as other:
        if suffix != ".webp":
            np.testing.assert_array_equal(np.asarray(other), np.dstack([pixels, ALPHA]))


def test_16_bit_gray_with_alpha_is_written_and_read_as_png(tmp_path):
    gray, alpha = GRAY.astype(np.uint16) * 200, ALPHA.astype(np.uint16) * 257
    (frame,) = open_frames(write_image(tmp_path / "a.png", gray, alpha=alpha))
    np.testing.assert_array_equal(frame.pixels, gray)
    np.testing.assert_array_equal(frame.alpha, alpha)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, gray)


def test_formats_without_alpha_refuse_it(tmp_path):
    for name in ("a.jpg", "a.bmp", "a.dcm"):
        with pytest.raises(ImageError, match="alpha"):
            write_image(tmp_path / name, GRAY, alpha=ALPHA)


@pytest.mark.parametrize("pixels", [GRAY, RGB], ids=["gray", "rgb"])
@pytest.mark.parametrize("suffix", [".bmp", ".webp"])
def test_bmp_and_webp_are_written_without_loss_and_gray_stays_gray(tmp_path, suffix, pixels):
    (frame,) = open_frames(write_image(tmp_path / f"a{suffix}", pixels))
    np.testing.assert_array_equal(frame.pixels, pixels)
    with pytest.raises(ImageError, match="8 bits"):
        write_image(tmp_path / f"b{suffix}", pixels.astype(np.uint16))


def test_longest_side_of_a_format_is_named(tmp_path):
    with pytest.raises(ImageError, match="16383"):
        write_image(tmp_path / "a.webp", np.zeros((1, 16384), np.uint8))
    with pytest.raises(ImageError, match="65500"):
        write_image(tmp_path / "a.jpg", np.zeros((1, 65501), np.uint8))


def test_palettes_and_few_bits_are_expanded_and_noted(tmp_path):
    palette = pillow(tmp_path / "a.png", Pillow.fromarray(RGB).quantize(200))
    bit = pillow(tmp_path / "b.tif", Pillow.fromarray(GRAY > 127))
    sixteen = pillow(tmp_path / "c.bmp", Pillow.fromarray(GRAY))
    frames = open_frames(palette)
    assert next(iter(frames)).pixels.ndim == 3 and frames.notes == ["a palette became 8-bit colour"]
    frames = open_frames(bit)
    np.testing.assert_array_equal(next(iter(frames)).pixels, np.where(GRAY > 127, 255, 0))
    assert frames.notes == ["1 bit(s) a pixel became 8-bit gray"]
    frames = open_frames(sixteen)
    assert next(iter(frames)).pixels.ndim == 2 and frames.notes == []


def test_palette_with_transparency_keeps_it(tmp_path):
    image = Pillow.fromarray(RGB).quantize(16)
    path = pillow(tmp_path / "a.png", image, transparency=3)
    (frame,) = open_frames(path)
    np.testing.assert_array_equal(frame.alpha, np.where(np.asarray(image) == 3, 0, 255))


def test_pages_come_one_by_one_and_a_bad_one_is_named(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for each in (GRAY, RGB, GRAY.astype(np.uint16) * 256, (GRAY / 255).astype(np.float32)):
            writer.write(each)
    frames = open_frames(tmp_path / "a.tif")
    assert frames.areas == [40 * 52] * 4
    found = list(frames)
    assert [frame.pixels.dtype.name for frame in found] == ["uint8", "uint8", "uint16", "float32"]
    assert [frame.max_value for frame in found] == [255, 255, 65535, 1]
    np.testing.assert_array_equal(found[1].pixels, RGB)
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        writer.write(GRAY)
        writer.write(GRAY.astype(np.int16))
    refused(tmp_path / "b.tif", "page 2", "int16")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_floats(tmp_path, dtype):
    values = np.linspace(0, 1, 2080, dtype=dtype).reshape(40, 52)
    (frame,) = open_frames(write_image(tmp_path / "a.tif", values))
    assert frame.max_value == 1
    np.testing.assert_array_equal(frame.pixels, values)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5])
def test_floats_outside_the_unit_range_are_refused(tmp_path, value):
    values = np.zeros((4, 4), np.float32)
    values[1, 1] = value
    tifffile.imwrite(tmp_path / "a.tif", values)
    refused(tmp_path / "a.tif", "[0, 1]")


def test_animations_are_refused(tmp_path):
    several = [Pillow.fromarray(RGB)] * 2
    for suffix in (".png", ".webp"):
        path = tmp_path / f"a{suffix}"
        Pillow.fromarray(RGB[::-1]).save(path, save_all=True, append_images=several)
        refused(path, "animated")


def test_the_pixel_limit_can_be_lowered_and_raised(tmp_path, monkeypatch):
    for suffix in (".png", ".jpg", ".tif", ".bmp", ".webp"):
        path = write_image(tmp_path / f"a{suffix}", GRAY)
        refused(path, "40x52", "limit of 2079", max_pixels=2079)
        assert next(iter(open_frames(path, max_pixels=2080))).pixels.shape == (40, 52)
        monkeypatch.setattr("keras_srgan.images.headers.MAX_PIXELS", 100)
        refused(path, "limit of 100")
        assert next(iter(open_frames(path, max_pixels=2080))).pixels.shape == (40, 52)
        monkeypatch.undo()
    refused(sample("CT_small.dcm"), "limit of 99", max_pixels=99)
    assert len(list(open_frames(sample("CT_small.dcm"), max_pixels=128 * 128))) == 1


def test_webp_of_every_kind_tells_its_size(tmp_path):
    for name, options in {
        "lossy": {},
        "lossless": {"lossless": True},
        "exif": {"exif": b"Exif\0\0II*\0\0\0\0\0"},
    }.items():
        path = pillow(tmp_path / f"{name}.webp", Pillow.fromarray(RGB), **options)
        assert open_frames(path).areas == [40 * 52]


def test_bits_of_raster_files_can_be_told(tmp_path):
    path = write_image(tmp_path / "a.png", GRAY.astype(np.uint16) * 16)
    (frame,) = open_frames(path, bits=12)
    assert frame.max_value == 4095
    refused(path, "11 bits", bits=11)
    eight = write_image(tmp_path / "b.png", GRAY)
    assert next(iter(open_frames(eight, bits=12))).max_value == 255


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_images_of_one_pixel_a_side_are_read_and_written(tmp_path, suffix, shape):
    pixels = np.full(shape, 130, np.uint8)
    (frame,) = open_frames(write_image(tmp_path / f"a{suffix}", pixels))
    np.testing.assert_allclose(frame.pixels.astype(int), pixels, atol=2)
    assert frame.pixels.shape == shape


def test_formats_are_known_by_content(tmp_path):
    for suffix, name in {".png": "png", ".jpg": "jpeg", ".tif": "tiff", ".bmp": "bmp", ".webp": "webp"}.items():
        done, data = cv2.imencode(suffix, GRAY)
        assert done
        (tmp_path / "a.txt").write_bytes(data.tobytes())
        assert file_format(tmp_path / "a.txt") == name
    assert file_format(sample("CT_small.dcm")) == "dicom"
    (tmp_path / "a.png").write_text("hello")
    assert file_format(tmp_path / "a.png") is None and file_format(tmp_path / "absent") is None


@pytest.mark.parametrize("dtype, bits", [(np.uint8, 8), (np.uint16, 16), (np.uint8, 1), (np.uint8, 2), (np.uint8, 4)])
def test_the_transparent_value_of_a_gray_png_is_kept(tmp_path, dtype, bits):
    levels = RNG.integers(0, 2**bits, (11, 13)).astype(dtype)
    clear = int(levels[3, 3])
    image = Pillow.fromarray(levels)
    if bits == 16:
        data = cv2.imencode(".png", levels)[1].tobytes()
        (tmp_path / "a.png").write_bytes(data[:33] + _chunk(b"tRNS", clear.to_bytes(2, "big")) + data[33:])
    elif bits == 8:
        image.save(tmp_path / "a.png", transparency=clear)
    else:
        lines = b"".join(
            b"\0" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:]).tobytes() for row in levels
        )
        header = (13).to_bytes(4, "big") + (11).to_bytes(4, "big") + bytes([bits, 0, 0, 0, 0])
        chunks = (b"IHDR", header), (b"tRNS", clear.to_bytes(2, "big")), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks))
    (frame,) = open_frames(tmp_path / "a.png")
    white = np.iinfo(dtype).max
    np.testing.assert_array_equal(frame.alpha, np.where(levels == clear, 0, white))
    np.testing.assert_array_equal(frame.pixels, levels.astype(int) * white // (2**bits - 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_transparent_colour_of_a_png_is_kept(tmp_path, dtype):
    pixels = RGB.astype(dtype) * (257 if dtype == np.uint16 else 1)
    clear = b"".join(int(value).to_bytes(2, "big") for value in pixels[3, 3])
    data = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    (tmp_path / "a.png").write_bytes(data[:33] + _chunk(b"tRNS", clear) + data[33:])
    (frame,) = open_frames(tmp_path / "a.png")
    np.testing.assert_array_equal(frame.alpha == 0, (pixels == pixels[3, 3]).all(axis=2))
    np.testing.assert_array_equal(frame.pixels, pixels)
