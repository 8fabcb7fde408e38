"""Damaged files of every kind through every entry: an image, or one line that names the file."""

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from pydicom.data import get_testdata_file

from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.protocols import find_protocol
from keras_srgan.images import ImageError, read_image, write_image
from keras_srgan.images.frames import open_frames

from .conftest import mutant

RNG = np.random.default_rng(17)
GRAY = cv2.GaussianBlur(RNG.integers(0, 256, (64, 72), dtype=np.uint8), (0, 0), 2)
RGB = cv2.GaussianBlur(RNG.integers(0, 256, (64, 72, 3), dtype=np.uint8), (0, 0), 2)
DEEP = GRAY.astype(np.uint16) * 16
UNIT = (GRAY / 255).astype(np.float32)
EXIF = Pillow.Exif()
EXIF.update({0x0112: 6, 270: "hand", 282: 300.0, 283: 300.0, 296: 2})


def by_pillow(pixels, kind, mode=None, **options):
    buffer = io.BytesIO()
    Pillow.fromarray(pixels, mode).save(buffer, kind, **options)
    return buffer.getvalue()


def by_tifffile(pixels, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


DICOM = (
    "CT_small JPEG2000 MR_small MR_small_RLE MR_small_jp2klossless MR_small_jpeg_ls_lossless SC_rgb_small_odd "
    "SC_rgb_rle_2frame SC_rgb_rle_16bit_2frame SC_rgb_jpeg_gdcm examples_ybr_color image_dfl MR_small_bigendian "
    "no_meta ExplVR_BigEnd liver_1frame rtplan reportsi eCT_Supplemental"
).split()
RASTER = {
    "gray.png": lambda: by_pillow(GRAY, "PNG", dpi=(300, 300)),
    "rgb.png": lambda: by_pillow(RGB, "PNG"),
    "deep.png": lambda: cv2.imencode(".png", DEEP)[1].tobytes(),
    "rgb16.png": lambda: cv2.imencode(".png", RGB.astype(np.uint16) * 257)[1].tobytes(),
    "alpha.png": lambda: by_pillow(np.dstack([RGB, GRAY]), "PNG"),
    "gray_alpha.png": lambda: by_pillow(np.dstack([GRAY, GRAY]), "PNG"),
    "palette.png": lambda: by_pillow(GRAY // 16, "PNG", "L", transparency=3),
    "bit.png": lambda: by_pillow(GRAY > 120, "PNG"),
    "exif.png": lambda: by_pillow(GRAY, "PNG", exif=EXIF),
    "gray.jpg": lambda: by_pillow(GRAY, "JPEG"),
    "rgb.jpg": lambda: by_pillow(RGB, "JPEG", exif=EXIF, comment="left"),
    "progressive.jpg": lambda: by_pillow(RGB, "JPEG", progressive=True),
    "restart.jpg": lambda: cv2.imencode(".jpg", RGB, [cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1].tobytes(),
    "gray.tif": lambda: by_tifffile(GRAY, resolution=(300, 300)),
    "deflate.tif": lambda: by_tifffile(RGB, compression="zlib", predictor=True),
    "lzw.tif": lambda: by_pillow(RGB, "TIFF", compression="tiff_lzw"),
    "packbits.tif": lambda: by_pillow(GRAY, "TIFF", compression="packbits"),
    "jpeg.tif": lambda: by_pillow(GRAY, "TIFF", compression="jpeg"),
    "float.tif": lambda: by_tifffile(UNIT),
    "tiled.tif": lambda: by_tifffile(DEEP, tile=(16, 16)),
    "big.tif": lambda: by_tifffile(DEEP, bigtiff=True, byteorder=">"),
    "alpha.tif": lambda: by_tifffile(np.dstack([RGB, GRAY]), photometric="rgb", extrasamples=["assocalpha"]),
    "pages.tif": lambda: by_tifffile(np.stack([DEEP] * 3), photometric="minisblack", metadata=None),
    "imagej.tif": lambda: by_tifffile(np.stack([DEEP] * 3), imagej=True),
    "gray.bmp": lambda: by_pillow(GRAY, "BMP"),
    "lossy.webp": lambda: by_pillow(RGB, "WEBP", exif=EXIF),
    "lossless.webp": lambda: by_pillow(np.dstack([RGB, GRAY]), "WEBP", lossless=True),
}
SEEDS = [*DICOM, *RASTER]


def whole(name: str) -> bytes:
    if name in RASTER:
        return RASTER[name]()
    path = get_testdata_file(f"{name}.dcm", download=False)
    if path is None:
        pytest.skip(f"pydicom has no {name} here")
    return Path(str(path)).read_bytes()


def attempt(path: Path, work) -> object:
    """What `work` gives, or nothing after one line that names the file."""
    try:
        return work()
    except ImageError as error:
        assert str(path) in str(error) and str(error).isprintable(), repr(str(error))
        return None


def through_every_entry(path: Path) -> None:
    for frame in attempt(path, lambda: list(open_frames(path, max_pixels=2**20))) or ():
        assert frame.pixels.dtype.name in ("uint8", "uint16", "float32", "float64")
        assert frame.pixels.min() >= 0 and frame.pixels.max() <= frame.max_value
    image = attempt(path, lambda: read_image(path, max_pixels=2**20))
    if image is not None:
        target = path.with_name("derived.dcm" if image.dicom is not None else "derived.png")
        larger = image.pixels.repeat(2, 0).repeat(2, 1)
        attempt(target, lambda: write_image(target, larger, like=image))
        target.unlink(missing_ok=True)


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files_give_an_image_or_one_line_at_every_entry(tmp_path, name, capfd):
    run(tmp_path, name, 12, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_many_damaged_files_give_an_image_or_one_line_at_every_entry(tmp_path, name, capfd):
    run(tmp_path, name, 300, capfd)


def run(folder: Path, name: str, count: int, capfd) -> None:
    rng = np.random.default_rng(SEEDS.index(name))
    data, suffix = whole(name), Path(name).suffix or ".dcm"
    mutants = folder / "mutants"
    mutants.mkdir()
    write_image(mutants / "whole.png", GRAY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            path = mutants / f"{number}{suffix}"
            path.write_bytes(data if number == 0 else mutant(data, rng))
            through_every_entry(path)
        assert capfd.readouterr().err == ""
        said: list[str] = []
        # As large as the smallest seed allows: figures are not what is tested.
        protocol = find_protocol("cxr").replace(scale=2)
        found = compare(mutants, [], protocol, metrics=["psnr"], crops=0, warn=said.append)
    assert found.provenance["images"] + len(said) == count + 1
    assert all(str(mutants) in line and line.isprintable() for line in said)
