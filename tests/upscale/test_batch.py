"""Many files: what happens after bad ones, full disks and Ctrl-C."""

import errno
import io
import json
import os
import signal
import stat
import sys

import cv2
import numpy as np
import pydicom
import pytest
import tifffile

from keras_srgan.images import write_image

from .conftest import GRAY, RGB, RNG, found, sample


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
