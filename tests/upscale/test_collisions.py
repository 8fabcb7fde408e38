"""What would be overwritten or can't be written is noticed before work begins."""

import os
import sys

import pytest
import tifffile

from keras_srgan.images import write_image

from .conftest import GRAY, RGB, found


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


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_name_that_is_no_text_is_a_name(run):
    write_image("a.png", GRAY)
    os.rename(b"a.png", b"\xff\xfe.png")
    status, _, errors = run(".")
    assert status == 0 and errors == [] and os.listdir(b"out") == [b"\xff\xfe_x2.png"]


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
