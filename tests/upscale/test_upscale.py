"""`python -m keras_srgan.upscale` on small files of every kind: what comes out, and what bad input gets."""

import dataclasses
import errno
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys

import cv2
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image as Pillow
from pydicom.data import get_testdata_file

from keras_srgan.images import write_image
from keras_srgan.images.frames import open_frames
from keras_srgan.resampling import enlarge_image, quantise, resize
from keras_srgan.upscale import __main__ as upscale

RNG = np.random.default_rng(23)
SMOOTH = cv2.GaussianBlur(RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8), (0, 0), 2)
GRAY, RGB = SMOOTH[..., 0].copy(), SMOOTH
DEEP = GRAY.astype(np.uint16) * 16  # 12 bits
ALPHA = np.where(np.add.outer(np.arange(20), np.arange(30)) > 25, 255, 40).astype(np.uint8)


def untrained(channels=1):
    """Twice as large, by a network that adds nothing to bicubic yet."""
    from keras_srgan.inference import Upscaler
    from keras_srgan.networks.generators.srresnet import srresnet

    generator = srresnet(filters=4, blocks=1, norm="none", skip="bicubic", scale=2, channels=channels)
    return Upscaler(generator, 2, channels, engine="keras")


@pytest.fixture(scope="module")
def bicubic():
    return untrained()


@pytest.fixture
def run(bicubic, monkeypatch, tmp_path, capsys):
    """Runs the command in `tmp_path` with `--out out`; gives exit status, stdout lines, stderr lines."""
    from keras_srgan import inference

    monkeypatch.setattr(inference, "load", lambda *_, **__: run_.upscaler)
    monkeypatch.chdir(tmp_path)

    def run_(*arguments):
        try:
            status = upscale.main([*map(str, arguments), "--out", "out"])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err.splitlines()

    run_.upscaler = bicubic
    return run_


def found(folder="out"):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def read(path):
    frames = open_frames(path)
    (frame,) = frames
    return frame


def larger(pixels, white=None):
    white = white or np.iinfo(pixels.dtype).max
    return quantise(resize(pixels, 2), white, pixels.dtype)


def near(pixels, expected, most=1):
    assert pixels.dtype == expected.dtype and pixels.shape == expected.shape
    assert np.abs(pixels.astype(float) - expected).max() <= most


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


def sample(name):
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return path


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_small_odd.dcm"])
def test_dicom_comes_back_as_a_derived_object(run, name):
    assert run(sample(name))[0] == 0
    before, after = pydicom.dcmread(sample(name)), pydicom.dcmread(f"out/{name[:-4]}_x2.dcm")
    assert after.ImageType[0] == "DERIVED" and after.SOPInstanceUID != before.SOPInstanceUID
    assert after.BitsStored == before.BitsStored and after.get("NumberOfFrames") == before.get("NumberOfFrames")
    frames = [before.pixel_array, after.pixel_array]
    if int(before.get("NumberOfFrames") or 1) == 1:
        frames = [[each] for each in frames]
    for old, new in zip(*frames, strict=True):
        info = np.iinfo(old.dtype)
        near(new, np.clip(np.rint(resize(old, 2)), info.min, info.max).astype(old.dtype))


def test_dicom_becomes_png_with_its_numbers_and_png_a_capture(run):
    status, lines, _ = run(sample("RG1_UNCR.dcm"), "--format", "png", "--max-pixels", 10)
    assert status == 1
    write_image("a.png", DEEP)
    status, lines, _ = run("a.png", "--format", "dcm", "--bits", 12)
    assert status == 0 and "secondary capture" in lines[0]
    dataset = pydicom.dcmread("out/a_x2.dcm")
    assert dataset.BitsStored == 12 and dataset.Modality == "OT"
    near(dataset.pixel_array, larger(DEEP, 4095))
    status, lines, _ = run("out/a_x2.dcm", "--format", "png")
    assert status == 0 and "values up to 4095" in lines[0]
    near(read("out/a_x2_x2.png").pixels, larger(dataset.pixel_array, 4095))


def test_a_gray_image_through_a_colour_network_stays_gray(run):
    run.upscaler = untrained(3)
    write_image("a.png", GRAY)
    write_image("b.png", RGB)
    assert run("a.png", "b.png", "--map")[0] == 0
    near(read("out/a_x2.png").pixels, larger(GRAY))
    near(read("out/b_x2.png").pixels, larger(RGB))


def test_maps_hold_what_was_added_and_the_spread(run, bicubic, monkeypatch):
    from keras_srgan.inference import upscaler as inference

    # A network that adds 3 grey levels, more or less by the turn of the image.
    original, calls = inference.Upscaler._network, iter(range(99))
    monkeypatch.setattr(
        inference.Upscaler, "_network", lambda self, lr, white: original(self, lr, white) + 3 + (next(calls) % 2)
    )
    write_image("a.png", np.full((20, 30), 90, np.uint8))
    assert run("a.png", "--map", "--self-ensemble")[0] == 0
    assert found() == sorted(["a_x2.png", *(f"a_x2_{m}.{s}" for m in ("added", "spread") for s in ("npy", "png"))])
    np.testing.assert_allclose(np.load("out/a_x2_added.npy"), np.full((40, 60), 3.5), atol=1e-3)
    np.testing.assert_allclose(np.load("out/a_x2_spread.npy"), np.full((40, 60), 0.5), atol=1e-3)
    np.testing.assert_allclose(read("out/a_x2_added.png").pixels[0, 0], [255, 76.5, 76.5], atol=1)  # 3.5 of 5: red
    assert "exists" in run("a.png", "--map")[2][0]
    os.remove("out/a_x2.png")
    assert "a_x2_added.png: exists" in run("a.png", "--map")[2][0]


def test_back_projection_reports_consistency_before_and_after(run):
    write_image("a.png", GRAY)
    status, lines, _ = run("a.png", "--back-project", 3, "--json")
    before, after = json.loads("\n".join(lines))["files"][0]["consistency"]
    assert status == 0 and after < before
    status, lines, _ = run("a.png", "--back-project", 3, "--overwrite")
    assert f"consistency {before:.3g} -> {after:.3g} grey levels" in lines[0]


def test_json_has_everything_and_human_lines_go_to_stderr(run):
    write_image("a.png", DEEP)
    (open("bad.png", "w")).close()
    status, lines, errors = run("a.png", "bad.png", "--json", "--tile", 16)
    summary = json.loads("\n".join(lines))
    assert status == 1 and summary["failed"] == 1 and summary["scale"] == 2 and not summary["interrupted"]
    good, bad = summary["files"]
    assert good["status"] == "done" and good["output"] == [os.path.join("out", "a_x2.png")]
    assert (good["size_in"], good["size_out"], good["dtype"], good["max_value"]) == (
        [30, 20],
        [60, 40],
        "uint16",
        4095,
    )
    assert good["range_in"] == [int(DEEP.min()), int(DEEP.max())] and good["exact"] and good["tiles"] >= 1
    assert good["seconds"] > 0 and good["peak_memory_mb"] > 50
    assert bad["status"] == "failed" and "0 bytes" in bad["error"] and bad["output"] == []
    assert any(line.startswith("a.png 30x20") for line in errors)


def test_the_same_file_twice_gives_the_same_bytes(run):
    for name, pixels in {"a.png": DEEP, "b.tif": RGB, "c.jpg": RGB, "d.webp": RGB}.items():
        write_image(name, pixels)
        assert run(name)[0] == 0
        target = f"out/{name[0]}_x2{name[1:]}"
        with open(target, "rb") as file:
            first = file.read()
        assert run(name, "--overwrite")[0] == 0
        with open(target, "rb") as file:
            assert file.read() == first


def _bad_files():
    """Name: (content, words of the error)."""
    buffer = io.BytesIO()
    whole = cv2.imencode(".png", GRAY)[1].tobytes()
    tifffile.imwrite(buffer, np.full((4, 4), np.nan, np.float32))
    dicom = open(sample("CT_small.dcm"), "rb").read()
    return {
        "cut.png": (whole[:-30], "cut short"),
        "empty.png": (b"", "0 bytes"),
        "text.png": (b"hello", "not PNG"),
        "pointer.png": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        "bomb.bmp": (b"BM" + bytes(12) + b"\x28\0\0\0\0\0\x10\0\0\0\x10\0\x01\0\x08\0\x01" + bytes(30), "limit"),
        "nan.tif": (buffer.getvalue(), "without NaN"),
        "cut.dcm": (dicom[:5000], "cut.dcm"),
        "report.dcm": (open(sample("reportsi.dcm"), "rb").read(), "a document"),
        "palette.dcm": (open(sample("examples_palette.dcm"), "rb").read(), "PALETTE"),
        "text.dcm": (b"hello" * 99, "text.dcm"),
    }


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_batch_goes_on_after_bad_files_and_names_all_of_them_at_the_end(run):
    bad = _bad_files()
    for name, (content, _) in bad.items():
        with open(name, "wb") as file:
            file.write(content)
    write_image("good.png", GRAY)
    status, lines, errors = run(*bad, "absent.png", "nothing*.png", "good.png")
    assert status == 1 and found() == ["good_x2.png"]
    assert lines[-1] == f"{len(bad) + 3} files: 1 done, {len(bad) + 2} failed"
    assert errors[0] == f"keras-srgan upscale: {len(bad) + 2} of {len(bad) + 3} failed:"
    for (name, (_, word)), line in zip(bad.items(), errors[1:], strict=False):
        assert name in line and word in line, line
    assert "absent.png: No such file" in errors[-2] and "matches no file" in errors[-1]
    assert len(errors) == len(bad) + 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("options", [[], ["--self-ensemble", "--map", "--back-project", "2"]], ids=["plain", "all"])
def test_images_of_one_pixel_a_side_work(run, shape, options):
    write_image("a.png", np.full(shape, 77, np.uint8))
    assert run("a.png", *options)[0] == 0
    near(read("out/a_x2.png").pixels, np.full((2 * shape[0], 2 * shape[1]), 77, np.uint8))


def test_nothing_is_overwritten_unless_asked(run):
    write_image("a.png", GRAY)
    write_image("out/a_x2.png", RGB)
    before = open("out/a_x2.png", "rb").read()
    status, _, errors = run("a.png")
    assert status == 1 and "exists; give --overwrite, --resume or another --out" in errors[0]
    status, lines, _ = run("a.png", "--resume")
    assert status == 0 and "skipped" in lines[0] and open("out/a_x2.png", "rb").read() == before
    assert run("a.png", "--overwrite")[0] == 0 and open("out/a_x2.png", "rb").read() != before
    assert run("a.png", "--overwrite", "--resume")[0] == 2


def test_two_inputs_for_one_result_are_noticed_before_work_begins(run):
    write_image("a.png", GRAY)
    write_image("a.jpg", GRAY)
    status, _, errors = run("a.png", "a.jpg", "--format", "png")
    assert status == 1 and len(errors) == 1 and "would both become" in errors[0] and not os.path.exists("out")


def test_a_folder_that_holds_out_does_not_feed_on_itself(run):
    write_image("a.png", GRAY)
    write_image("deep/b.png", GRAY)
    assert run(".")[0] == 0 and found() == ["a_x2.png", os.path.join("deep", "b_x2.png")]
    status, lines, _ = run(".", "--resume")
    assert status == 0 and lines[-1] == "2 files: 2 skipped" and len(found()) == 2


def test_ctrl_c_leaves_nothing_half_written_and_resume_goes_on(run, bicubic, monkeypatch):
    for name in "abc":
        write_image(f"{name}.tif", GRAY)
    with tifffile.TiffWriter("b.tif") as writer:  # interrupted on its second page
        writer.write(GRAY)
        writer.write(GRAY)
    original, calls = type(bicubic).run, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            signal.default_int_handler(signal.SIGINT, None)  # raised: a test run in the background ignores the signal
        return original(self, *arguments)

    monkeypatch.setattr(type(bicubic), "run", interrupted)
    status, lines, errors = run("a.tif", "b.tif", "c.tif", "--map")
    assert status == 130 and "--resume goes on" in errors[-1]
    assert lines[-1] == "3 files: 1 done, 2 not tried"
    assert found() == ["a_x2.tif", "a_x2_added.npy", "a_x2_added.png"]
    status, lines, _ = run("a.tif", "b.tif", "c.tif", "--map", "--resume", "--json")
    assert status == 0
    assert [each["status"] for each in json.loads("\n".join(lines))["files"]] == ["skipped", "done", "done"]


def test_a_full_disk_is_one_line_a_file_and_leaves_nothing(run, monkeypatch):
    from keras_srgan import files

    write_image("a.png", GRAY)
    write_image("b.dcm.tif", GRAY)
    original = os.fsync

    def full(number):
        if stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(number)

    monkeypatch.setattr(files.os, "fsync", full)
    status, _, errors = run("a.png", "b.dcm.tif", sample("CT_small.dcm"), "--map")
    assert status == 1 and len(errors) == 4
    assert all("No space left on device" in line and "out" in line for line in errors[1:])
    assert found() == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files there")
def test_a_file_that_can_not_grow_leaves_nothing(run):
    import resource

    write_image("a.png", RNG.integers(0, 256, (60, 60), dtype=np.uint8))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        status, _, errors = run("a.png", sample("CT_small.dcm"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 1 and len(errors) == 3 and "too large" in errors[1] and "too large" in errors[2]
    assert found() == []


@pytest.mark.parametrize("form", ["png", "tiff", "dcm"])
def test_a_folder_that_can_not_be_made_is_one_line(run, form):
    write_image("a.png", GRAY)
    with open("out", "w") as file:
        file.write("in the way")
    status, _, errors = run("a.png", "--format", form)
    assert status == 1 and len(errors) == 1 and "out" in errors[0]


def test_an_unexpected_failure_of_one_file_does_not_end_the_batch(run, bicubic, monkeypatch):
    write_image("a.png", GRAY)
    write_image("b.png", GRAY)
    original, failures = type(bicubic).run, [KeyError("what"), MemoryError()]

    def failing(self, *arguments):
        if failures:
            raise failures.pop(0)
        return original(self, *arguments)

    monkeypatch.setattr(type(bicubic), "run", failing)
    status, _, errors = run("a.png", "b.png", sample("CT_small.dcm"))
    assert status == 1 and errors[1:] == [
        "  a.png: KeyError: 'what'",
        "  b.png: not enough memory; give a smaller --tile, or cut the image",
    ]
    assert found() == ["CT_small_x2.dcm"]


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--tile", "-1"], "--tile"),
        (["--tile", "some"], "--tile"),
        (["--overlap", "1.5"], "--overlap"),
        (["--back-project", "x"], "--back-project"),
        (["--max-pixels", "0"], "--max-pixels"),
        (["--format", "gif"], "gif"),
        (["--bits", "3"], "--bits"),
        (["--colour", "red"], "red"),
    ],
)
def test_wrong_flags_are_one_line_and_exit_2(run, flags, word):
    status, _, errors = run("a.png", *flags)
    assert status == 2 and len(errors) == 1 and word in errors[0]


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_name_that_is_no_text_is_a_name(run):
    write_image("a.png", GRAY)
    os.rename(b"a.png", b"\xff\xfe.png")
    status, _, errors = run(".")
    assert status == 0 and errors == [] and os.listdir(b"out") == [b"\xff\xfe_x2.png"]


@pytest.fixture(scope="module")
def real_weights(tmp_path_factory):
    """A folder of small real weights with their card."""
    from keras_srgan.networks import build_generator
    from keras_srgan.recipes import Recipe
    from keras_srgan.weights import save_weights

    recipe = Recipe().replace(filters=4, blocks=1)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    return save_weights(build_generator(recipe), path, {"recipe": dataclasses.asdict(recipe)})


def test_the_command_runs_as_a_module_with_real_weights(real_weights, tmp_path):
    write_image(tmp_path / "in" / "a.png", DEEP)
    line = [sys.executable, "-m", "keras_srgan.upscale", "in", "--out", "out", "--weights", real_weights]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "120x80" in done.stdout
    assert read(tmp_path / "out" / "a_x4.png").pixels.shape == (80, 120)


@pytest.mark.parametrize(
    "damage, word",
    [("cut", "sha256"), ("pointer", "git lfs pull"), ("card", "card"), ("none", "no such weights")],
)
def test_bad_weights_are_one_line(real_weights, tmp_path, capsys, damage, word, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, card = tmp_path / "w.weights.h5", tmp_path / "w.json"
    path.write_bytes(real_weights.read_bytes())
    card.write_bytes(real_weights.with_name("small.json").read_bytes())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    elif damage == "pointer":
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    elif damage == "card":
        card.write_text("{}")
    else:
        path.unlink()
    write_image("a.png", GRAY)
    assert upscale.main(["a.png", "--out", "out", "--weights", str(path)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and re.search(word, errors[0]) and not os.path.exists("out")


def test_two_inputs_for_one_map_are_noticed_before_work_begins(run):
    write_image("a.png", GRAY)
    write_image("a.jpg", GRAY)
    for options in ([], ["--overwrite"], ["--resume"]):
        status, _, errors = run("a.png", "a.jpg", "--map", *options)
        assert status == 1 and len(errors) == 1 and "would both become" in errors[0] and not os.path.exists("out")
    assert run("a.png", "a.jpg")[0] == 0


@pytest.mark.parametrize("name", ["a_x2.png", "a_x2_added.png", "a_x2_added.npy"])
def test_a_folder_where_a_file_would_go_is_noticed_before_work_begins(run, bicubic, monkeypatch, name):
    write_image("a.png", GRAY)
    os.makedirs(f"out/{name}")
    monkeypatch.setattr(type(bicubic), "run", lambda *_: pytest.fail("computed"))
    for option in ("--overwrite", "--resume"):
        status, _, errors = run("a.png", "--map", option)
        assert status == 1 and len(errors) == 1 and f"{name}: is a folder" in errors[0]


def test_a_name_that_no_file_can_have_is_noticed_before_work_begins(run, bicubic, monkeypatch):
    write_image("n" * 248 + ".png", GRAY)
    assert run("n" * 248 + ".png")[0] == 0
    monkeypatch.setattr(type(bicubic), "run", lambda *_: pytest.fail("computed"))
    status, _, errors = run("n" * 248 + ".png", "--map", "--overwrite")
    assert status == 1 and len(errors) == 1 and "255 bytes" in errors[0]


def test_a_result_whose_maps_are_missing_is_not_finished(run):
    write_image("a.png", GRAY)
    assert run("a.png")[0] == 0
    status, lines, _ = run("a.png", "--resume", "--map")
    assert status == 0 and "skipped" not in lines[0]
    assert found() == ["a_x2.png", "a_x2_added.npy", "a_x2_added.png"]
    assert "skipped" in run("a.png", "--resume", "--map")[1][0]


def test_an_existing_page_is_noticed_before_the_first_is_computed(run, bicubic, monkeypatch):
    with tifffile.TiffWriter("a.tif") as writer:
        writer.write(GRAY)
        writer.write(GRAY)
    write_image("out/a_x2_0002.png", GRAY)
    monkeypatch.setattr(type(bicubic), "run", lambda *_: pytest.fail("computed"))
    status, _, errors = run("a.tif", "--format", "png")
    assert status == 1 and "a_x2_0002.png: exists" in errors[0] and found() == ["a_x2_0002.png"]


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


def test_a_capture_of_a_file_with_a_resolution_has_a_spacing_that_says_it_is_estimated(run):
    Pillow.fromarray(GRAY).save("a.png", dpi=(254, 127))
    Pillow.fromarray(GRAY).save("b.png")
    status, lines, _ = run("a.png", "b.png", "--format", "dcm")
    assert status == 0 and "spacing is estimated" in lines[0] and "spacing" not in lines[1]
    dataset = pydicom.dcmread("out/a_x2.dcm")
    np.testing.assert_allclose([float(v) for v in dataset.PixelSpacing], [0.1, 0.05], rtol=1e-3)
    assert dataset.PixelSpacing == dataset.NominalScannedPixelSpacing and "PixelSpacingCalibrationType" not in dataset
    assert "estimated" in dataset.DerivationDescription
    assert "PixelSpacing" not in pydicom.dcmread("out/b_x2.dcm")


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


def test_a_batch_goes_on_after_files_that_cannot_be_read(run):
    done, data = cv2.imencode(".jpg", RGB)
    data = data.tobytes()
    with open("cut.jpg", "wb") as file:
        file.write(data[: len(data) // 2] + b"\xff\xd9")
    dataset = pydicom.dcmread(sample("CT_small.dcm"))
    dataset.PixelData = dataset.PixelData * 2
    dataset.save_as("two.dcm")
    write_image("whole.png", GRAY)
    status, lines, errors = run("cut.jpg", "two.dcm", "whole.png")
    assert status == 1 and found() == ["whole_x2.png"] and len(errors) == 3
    assert "cut.jpg" in errors[1] and "two.dcm" in errors[2]
