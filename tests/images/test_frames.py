import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageOps
from pydicom.data import get_testdata_file

from keras_srgan.images import ImageError, read_image, write_image
from keras_srgan.images.formats import file_format
from keras_srgan.images.frame import upright
from keras_srgan.images.frames import open_frames
from keras_srgan.images.rasters import _chunk

RNG = np.random.default_rng(13)
GRAY = RNG.integers(0, 256, (40, 52), dtype=np.uint8)
RGB = RNG.integers(0, 256, (40, 52, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (40, 52), dtype=np.uint8)
ORIENTATION = 0x0112


def pillow(path: Path, image: Pillow.Image, **options) -> Path:
    image.save(path, **options)
    return path


def sample(name: str) -> str:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return path


def refused(path, *words: str, **options) -> None:
    with pytest.raises(ImageError) as caught:
        list(open_frames(path, **options))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


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


def _jpeg(smooth=True):
    pixels = cv2.GaussianBlur(RGB, (0, 0), 2) if smooth else RGB
    done, data = cv2.imencode(".jpg", pixels)
    assert done
    return bytearray(data.tobytes())


def test_jpeg_whose_data_end_early_is_refused_without_a_word_of_the_decoder(tmp_path, capfd):
    data = _jpeg()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) * 2 // 3] + b"\xff\xd9")  # its end marker is there
    refused(tmp_path / "a.jpg", "end too early")
    assert capfd.readouterr().err == ""


def test_jpeg_with_stray_bytes_is_read_with_a_note(tmp_path, capfd):
    data, whole = _jpeg(), _jpeg()
    place = data.index(b"\xff\xc0")
    data[place:place] = b"stray"
    (tmp_path / "a.jpg").write_bytes(data)
    frames = open_frames(tmp_path / "a.jpg")
    (frame,) = frames
    np.testing.assert_array_equal(frame.pixels, cv2.imdecode(np.frombuffer(whole, np.uint8), 1)[..., ::-1])
    assert len(frames.notes) == 1 and "5 extraneous bytes" in frames.notes[0]
    assert capfd.readouterr().err == ""


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


def test_git_lfs_pointer_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    refused(tmp_path / "a.png", "Git-LFS", "git lfs pull")


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_images_of_one_pixel_a_side_are_read_and_written(tmp_path, suffix, shape):
    pixels = np.full(shape, 130, np.uint8)
    (frame,) = open_frames(write_image(tmp_path / f"a{suffix}", pixels))
    np.testing.assert_allclose(frame.pixels.astype(int), pixels, atol=2)
    assert frame.pixels.shape == shape


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm", "examples_ybr_color.dcm"])
def test_frames_of_a_dicom_file_agree_with_pydicom(name):
    frames = open_frames(sample(name))
    dataset = pydicom.dcmread(sample(name))
    assert len(frames.areas) == dataset.NumberOfFrames
    stored = dataset.pixel_array
    for wanted, frame in zip(stored, frames, strict=True):
        np.testing.assert_array_equal(frame.pixels, wanted)
    assert frames.dicom is not None and frames.dicom.PhotometricInterpretation == "RGB"


@pytest.mark.parametrize(
    "name",
    [
        "JPEG2000.dcm",
        "JPGExtended.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "image_dfl.dcm",
    ],
)
def test_compressed_dicom_is_read_where_a_codec_is_installed(name):
    dataset = pydicom.dcmread(sample(name))
    if not pydicom.pixels.get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        refused(sample(name), "keras-srgan[dicom]")
        return
    try:
        stored = dataset.pixel_array
    except RuntimeError:  # Pillow alone reads part of JPEG only
        refused(sample(name), "keras-srgan[dicom]")
        return
    (frame,) = open_frames(sample(name))
    offset = 2 ** (dataset.BitsStored - 1) if dataset.PixelRepresentation else 0
    np.testing.assert_array_equal(frame.pixels.astype(int) - offset, stored)


def test_whole_slide_images_are_refused(tmp_path):
    dataset = pydicom.dcmread(sample("CT_small.dcm"))
    dataset.TotalPixelMatrixRows = 4096
    dataset.save_as(tmp_path / "a.dcm")
    refused(tmp_path / "a.dcm", "whole-slide")


@pytest.mark.parametrize("syntax, word", [("1.2.3.4.5", "private"), ("1.2.840.10008.1.2.4.102", "MPEG-4")])
def test_syntaxes_without_any_decoder_are_named(tmp_path, syntax, word):
    dataset = pydicom.dcmread(sample("MR_small_RLE.dcm"))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.save_as(tmp_path / "a.dcm", implicit_vr=False, little_endian=True)
    refused(tmp_path / "a.dcm", "transfer syntax", word)


def test_encrypted_files_are_named(tmp_path):
    envelope = b"\x30\x82\x10\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x82" + RNG.bytes(4000)
    (tmp_path / "a.dcm").write_bytes(envelope)
    refused(tmp_path / "a.dcm", "encrypted")


def test_deflated_bomb_is_refused_before_it_is_inflated(tmp_path, monkeypatch):
    dataset = pydicom.dcmread(sample("image_dfl.dcm"))
    dataset.PixelData = bytes(2**28)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert (tmp_path / "a.dcm").stat().st_size < 2**20
    monkeypatch.setattr(pydicom, "dcmread", lambda *_, **__: pytest.fail("read"))
    refused(tmp_path / "a.dcm", "bomb", max_pixels=2**20)


def test_missing_frames_are_counted(tmp_path):
    dataset = pydicom.dcmread(sample("SC_rgb_rle_2frame.dcm"))
    dataset.NumberOfFrames = 5
    dataset.save_as(tmp_path / "a.dcm")
    refused(tmp_path / "a.dcm")


def test_formats_are_known_by_content(tmp_path):
    for suffix, name in {".png": "png", ".jpg": "jpeg", ".tif": "tiff", ".bmp": "bmp", ".webp": "webp"}.items():
        done, data = cv2.imencode(suffix, GRAY)
        assert done
        (tmp_path / "a.txt").write_bytes(data.tobytes())
        assert file_format(tmp_path / "a.txt") == name
    assert file_format(sample("CT_small.dcm")) == "dicom"
    (tmp_path / "a.png").write_text("hello")
    assert file_format(tmp_path / "a.png") is None and file_format(tmp_path / "absent") is None


SOURCES = ["png", "palette", "jpg", "tif", "pages", "bmp", "webp", "exif", "dicom", "rle", "j2k", "mr"]


def _whole(kind: str) -> tuple[bytes, str]:
    smooth = cv2.GaussianBlur(RGB, (0, 0), 2)
    if kind in ("dicom", "rle", "j2k", "mr"):
        name = {"dicom": "CT_small", "rle": "SC_rgb_rle_2frame", "j2k": "MR_small_jp2klossless", "mr": "MR_small_RLE"}
        return Path(sample(f"{name[kind]}.dcm")).read_bytes(), ".dcm"
    buffer = io.BytesIO()
    image = Pillow.fromarray(smooth)
    exif = Pillow.Exif()
    exif[ORIENTATION] = 6
    if kind == "palette":
        image.quantize(16).save(buffer, "PNG", transparency=2)
    elif kind == "pages":
        image.save(
            buffer, "TIFF", save_all=True, append_images=[Pillow.fromarray(GRAY)] * 2, compression="tiff_deflate"
        )
    elif kind == "exif":
        image.save(buffer, "JPEG", exif=exif.tobytes())
    else:
        image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper()))
    return buffer.getvalue(), ".jpg" if kind == "exif" else ".tif" if kind == "pages" else f".{kind}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SOURCES)
def test_mutated_files_give_images_or_an_image_error(tmp_path, kind):
    """12 kinds of file, 60 seeded mutations each: bytes changed, parts cut out, doubled or zeroed."""
    rng = np.random.default_rng(SOURCES.index(kind))
    whole, suffix = _whole(kind)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(whole)
    assert len(list(open_frames(path))) >= 1
    refusals = 0
    for _ in range(60):
        data = bytearray(whole)
        reach = min(len(data), int(rng.choice([60, 1000, len(data)])))
        for place in rng.integers(0, reach, rng.integers(1, 6)):
            length = int(rng.integers(1, 40))
            change = rng.integers(5)
            if change == 0:
                del data[place : place + length]
            elif change == 1:
                data[place:place] = data[place : place + length]
            elif change == 2:
                data[place : place + length] = bytes(length)
            else:
                data[min(place, len(data) - 1)] = rng.integers(256)
        path.write_bytes(data[: rng.integers(1, 4 * len(data))])
        try:
            for frame in open_frames(path, max_pixels=2**22):
                assert frame.pixels.dtype.kind in "uf" and frame.pixels.ndim in (2, 3)
                assert frame.pixels.min() >= 0 and frame.pixels.max() <= frame.max_value
        except ImageError as error:
            refusals += 1
            assert "\n" not in str(error) and str(path) in str(error)
    assert refusals > 0


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


def _two_frames_in_one(path):
    dataset = pydicom.dcmread(sample("CT_small.dcm"))
    dataset.PixelData = dataset.PixelData * 2
    dataset.save_as(path)
    return path


def test_every_reader_refuses_a_file_in_the_same_words(tmp_path):
    data = _jpeg()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 3] + b"\xff\xd9")
    _two_frames_in_one(tmp_path / "two.dcm")
    (tmp_path / "text.png").write_text("hello")
    write_image(tmp_path / "whole.png", GRAY)
    for path in sorted(tmp_path.iterdir()):
        if path.name == "whole.png":
            continue
        with pytest.raises(ImageError) as one:
            read_image(path)
        with pytest.raises(ImageError) as other:
            list(open_frames(path))
        assert str(one.value) == str(other.value) and str(path) in str(one.value)


@pytest.mark.parametrize("line", [b"said by another thread\n", b"  Invalid, Corrupt: indented, as in a trace\n"])
def test_damaged_and_whole_jpegs_are_told_apart_in_threads_and_other_lines_reach_stderr(tmp_path, capfd, line):
    from concurrent.futures import ThreadPoolExecutor

    data = _jpeg()
    (tmp_path / "whole.jpg").write_bytes(data)
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")

    def read(number):
        if number % 7 == 0:
            os.write(2, line)
        try:
            read_image(tmp_path / ("cut.jpg" if number % 5 == 0 else "whole.jpg"))
        except ImageError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(200))) == [number % 5 != 0 for number in range(200)]
    assert capfd.readouterr().err == line.decode() * 29


def test_reading_leaves_stderr_where_it_is(tmp_path, monkeypatch):
    """What a child of another thread inherits, and whose lines are whose, can't be mended afterwards."""
    data = _jpeg()
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    pillow(tmp_path / "a.tif", Pillow.fromarray(GRAY), compression="tiff_lzw")
    with monkeypatch.context() as patch:  # pytest moves some itself
        for name in ("dup", "dup2"):
            patch.setattr(os, name, lambda *_: pytest.fail("a descriptor is moved"))
        for path in (tmp_path / "a.jpg", tmp_path / "a.tif"):
            assert read_image(path).pixels.shape[:2] == GRAY.shape
        refused(tmp_path / "cut.jpg", "end too early")


def test_a_png_whose_profile_libpng_dislikes_is_read_without_a_word(tmp_path, capfd):
    Pillow.fromarray(RGB).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    profile = _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(bytes(200)))
    (tmp_path / "b.png").write_bytes(data[:33] + profile + data[33:])
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").pixels, RGB)
    assert capfd.readouterr().err == ""


def test_damage_is_found_without_a_stderr(tmp_path):
    data = _jpeg()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    code = f"from keras_srgan.images import read_image\nread_image({str(tmp_path / 'cut.jpg')!r})"
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" 2>&- ; echo $?', sys.executable, code], capture_output=True, text=True
    )
    assert done.stdout.strip() == "1"
