"""Damaged files are refused in one line, whole ones read, and the decoders print nothing."""

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
from PIL import Image as Pillow

from keras_srgan.images import ImageError, read_image, write_image
from keras_srgan.images.frames import open_frames
from keras_srgan.images.rasters import _chunk

from .conftest import GRAY, ORIENTATION, RGB, mutant, pillow, refused, sample


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


def test_git_lfs_pointer_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    refused(tmp_path / "a.png", "Git-LFS", "git lfs pull")


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
        path.write_bytes(mutant(whole, rng))
        try:
            for frame in open_frames(path, max_pixels=2**22):
                assert frame.pixels.dtype.kind in "uf" and frame.pixels.ndim in (2, 3)
                assert frame.pixels.min() >= 0 and frame.pixels.max() <= frame.max_value
        except ImageError as error:
            refusals += 1
            assert "\n" not in str(error) and str(path) in str(error)
    assert refusals > 0


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
