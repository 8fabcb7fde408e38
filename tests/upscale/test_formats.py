"""Which kind of file comes back as which: depth, alpha, orientation, palettes, pages, what surrounds the pixels."""

import os

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from keras_srgan.images import write_image
from keras_srgan.resampling import enlarge_image, resize

from .conftest import ALPHA, DEEP, GRAY, RGB, RNG, found, larger, near, read

KINDS = {"8": GRAY, "rgb": RGB, "12": DEEP, "rgb16": RGB.astype(np.uint16) * 257}
PAIRS = [
    (s, k) for s in ("png", "tif", "tiff", "bmp", "webp", "jpg", "jpeg") for k in KINDS if s[0] in "pt" or k in "rgb8"
]


@pytest.mark.parametrize("suffix, kind", PAIRS)
def test_each_format_comes_back_as_itself(run, suffix, kind):
    pixels = KINDS[kind]
    write_image(f"a.{suffix}", pixels)
    status, lines, errors = run(f"a.{suffix}")
    assert status == 0 and errors == [] and len(lines) == 1
    assert lines[0].startswith(f"a.{suffix} 30x20 -> {os.path.join('out', f'a_x2.{suffix}')} 60x40, ")
    near(read(f"out/a_x2.{suffix}").pixels, larger(read(f"a.{suffix}").pixels), 30 if suffix[0] == "j" else 1)


@pytest.mark.parametrize("form, suffix", [("png", "png"), ("tiff", "tif"), ("bmp", "bmp"), ("webp", "webp")])
def test_formats_without_loss_change_into_each_other(run, form, suffix):
    write_image("a.tif", RGB)
    assert run("a.tif", "--format", form)[0] == 0
    near(read(f"out/a_x2.{suffix}").pixels, larger(RGB))


def test_a_deep_image_that_uses_little_of_its_range_is_stretched_for_the_network(run, bicubic, monkeypatch):
    ramp = np.arange(600, dtype=np.uint16).reshape(20, 30)
    images = (ramp * 6, ramp + 900, (ramp // 8).astype(np.uint8))
    for i, pixels in enumerate(images):
        write_image(f"{i}.png", pixels)
    seen, plain = [], type(bicubic).run
    monkeypatch.setattr(type(bicubic), "run", lambda *a: seen.append(a[3].stretch) or plain(*a))
    status, lines, _ = run(*(f"{i}.png" for i in range(3)), "--bits", 12)
    assert status == 0 and seen == [False, True, False]
    assert ["stretched for the network" in line for line in lines[:3]] == seen
    near(read("out/1_x2.png").pixels, larger(images[1], 4095))


def test_12_bits_stay_within_12_bits(run):
    sharp = np.where(np.indices((20, 30)).sum(0) % 7 > 2, 4095, 0).astype(np.uint16)  # bicubic overshoots
    write_image("a.png", sharp)
    status, lines, _ = run("a.png", "--bits", 12)
    assert status == 0 and "values up to 4095 in 16 bits" in lines[0]
    pixels = read("out/a_x2.png").pixels
    assert pixels.max() == 4095 and pixels.dtype == np.uint16
    near(pixels, larger(sharp, 4095))
    status, _, errors = run("a.png", "--bits", 11, "--overwrite")
    assert status == 1 and "more than 11 bits" in errors[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_floats_or_become_16_bits(run, dtype):
    values = (GRAY / 255).astype(dtype)
    write_image("a.tif", values)
    assert run("a.tif")[0] == 0
    pixels = read("out/a_x2.tif").pixels
    assert pixels.dtype == dtype
    np.testing.assert_allclose(pixels, np.clip(resize(values, 2), 0, 1), atol=1e-5)
    status, lines, _ = run("a.tif", "--format", "png")
    assert status == 0 and "16 bits" in lines[0]
    assert read("out/a_x2.png").pixels.dtype == np.uint16
    status, _, errors = run("a.tif", "--format", "jpeg")
    assert status == 1 and "JPEG holds 8 bits" in errors[0]
    status, _, errors = run("a.tif", "--format", "dcm")
    assert status == 1 and "DICOM holds 8 or 16 bits" in errors[0]


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("pixels", [GRAY, RGB], ids=["gray", "rgb"])
def test_alpha_is_enlarged_apart_and_kept(run, suffix, pixels):
    write_image(f"a.{suffix}", pixels, alpha=ALPHA)
    assert run(f"a.{suffix}")[0] == 0
    frame = read(f"out/a_x2.{suffix}")
    near(frame.pixels, larger(pixels))
    near(frame.alpha, larger(ALPHA))


def test_alpha_is_dropped_with_a_note_where_it_does_not_fit(run):
    write_image("a.png", RGB, alpha=ALPHA)
    for form in ("jpeg", "bmp", "dcm"):
        status, lines, _ = run("a.png", "--format", form)
        assert status == 0 and "holds no alpha channel: dropped" in lines[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (9, 7)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_alpha_is_plain_bicubic(dtype, shape, scale):
    alpha = RNG.random(shape).astype(dtype) if dtype == np.float32 else RNG.integers(0, 255, shape).astype(dtype)
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    enlarged = enlarge_image(alpha, scale, white, side=4)
    assert enlarged.dtype == dtype
    np.testing.assert_allclose(enlarged, np.clip(resize(alpha, scale), 0, white), atol=0.51 if white > 1 else 1e-6)


def test_orientation_is_honoured_and_not_written(run):
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(GRAY).save("a.png", exif=exif.tobytes())
    status, lines, _ = run("a.png")
    assert status == 0 and "turned upright" in lines[0] and "20x30" in lines[0]
    with Pillow.open("out/a_x2.png") as image:
        assert image.size == (40, 60) and not image.getexif()
        near(np.asarray(image), larger(np.rot90(GRAY, -1)))


def test_palettes_and_one_bit_are_expanded_with_a_note(run):
    Pillow.fromarray(RGB).quantize(16).save("a.png")
    Pillow.fromarray(GRAY > 100).save("b.png")
    status, lines, _ = run("a.png", "b.png")
    assert status == 0 and "palette became 8-bit colour" in lines[0] and "1 bit(s)" in lines[1]
    assert read("out/a_x2.png").pixels.shape == (40, 60, 3)
    near(read("out/b_x2.png").pixels, larger(np.where(GRAY > 100, 255, 0).astype(np.uint8)))


def test_pages_of_a_tiff_are_kept_in_order(run):
    pages = [GRAY, RGB[:15], DEEP]
    with tifffile.TiffWriter("a.tif") as writer:
        for page in pages:
            writer.write(page)
    status, lines, _ = run("a.tif")
    assert status == 0 and "x 3" in lines[0]
    with tifffile.TiffFile("out/a_x2.tif") as file:
        for page, written in zip(pages, file.pages, strict=True):
            near(written.asarray(), larger(page))


def test_pages_become_numbered_files_where_a_format_holds_one(run):
    with tifffile.TiffWriter("a.tif") as writer:
        writer.write(GRAY)
        writer.write(DEEP)
    status, lines, _ = run("a.tif", "--format", "png", "--map")
    assert status == 0 and "a_x2_0001.png to " in lines[0]
    names = [f"a_x2_000{n}{end}" for n in (1, 2) for end in (".png", "_added.npy", "_added.png")]
    assert found() == sorted(names)
    near(read("out/a_x2_0002.png").pixels, larger(DEEP))
    status, lines, _ = run("a.tif", "--format", "png", "--resume")
    assert status == 0 and "skipped" in lines[0]
    assert run("a.tif", "--format", "dcm")[2] == [
        "keras-srgan upscale: a.tif: 2 pages, a DICOM capture holds one; give --format tiff"
    ]


def test_resolution_profile_and_text_are_kept_and_the_rest_is_named_once(run):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "hand")
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    Pillow.fromarray(GRAY).save("a.png", dpi=(300, 300), pnginfo=info)
    status, lines, _ = run("a.png")
    assert status == 0 and "not kept" not in lines[0]
    with Pillow.open("out/a_x2.png") as image:
        image.load()
        assert image.text == {"Title": "hand"} and round(image.info["dpi"][0]) == 600 and "gamma" in image.info
    status, lines, _ = run("a.png", "--format", "bmp")
    assert status == 0 and "not kept in BMP: gAMA, text" in lines[0]
    with Pillow.open("out/a_x2.bmp") as image:
        assert round(image.info["dpi"][0]) == 600


def test_an_imagej_stack_comes_back_with_all_its_pages(run):
    pages = np.stack([GRAY, GRAY[::-1], GRAY // 2])
    text = "ImageJ=1.53t\nimages=3\nslices=3\n"
    tifffile.imwrite("a.tif", pages[0], description=text, metadata=None, resolution=(10, 10))
    with open("a.tif", "ab") as file:
        file.write(pages[1:].tobytes())
    status, lines, _ = run("a.tif")
    assert status == 0 and "x 3" in lines[0]
    written = tifffile.imread("out/a_x2.tif")
    assert written.shape == (3, 40, 60)
    for page, found_ in zip(pages, written, strict=True):
        near(found_, larger(page))
    with tifffile.TiffFile("out/a_x2.tif") as file:
        assert file.pages[0].tags[282].value == (20, 1)


def test_associated_alpha_comes_back_associated(run):
    half = (RGB // 2, np.full((20, 30), 128, np.uint8))
    tifffile.imwrite("a.tif", np.dstack(half), photometric="rgb", extrasamples=["assocalpha"], metadata=None)
    assert run("a.tif")[0] == 0
    with tifffile.TiffFile("out/a_x2.tif") as file:
        assert file.pages[0].extrasamples == (1,)
        near(file.asarray()[..., :3], larger(RGB // 2))
    assert run("a.tif", "--format", "png")[0] == 0
    near(read("out/a_x2.png").pixels, larger(RGB // 2 * 2), 3)
