"""What a user names, turned into files to read and to write."""

import os
import shutil

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from keras_srgan.images import write_image
from keras_srgan.upscale.jobs import plan_jobs

GRAY = np.zeros((4, 5), np.uint8)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """in/a.png, in/deep/b.jpg, in/deep/er/c.TIFF; the working folder is its parent."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "deep/b.jpg", "deep/er/c.TIFF"):
        write_image(tmp_path / "in" / name, GRAY)
    return tmp_path


def names(jobs):
    """Source and target as text, in one line each."""
    return [f"{job.source.as_posix()} > {job.target.as_posix()}" for job in jobs]


def test_a_folder_keeps_its_form(tree):
    assert names(plan_jobs(["in"], "out", 4)) == [
        "in/a.png > out/a_x4.png",
        "in/deep/b.jpg > out/deep/b_x4.jpg",
        "in/deep/er/c.TIFF > out/deep/er/c_x4.tiff",
    ]


@pytest.mark.parametrize("pattern", ["in/**/*.*", "in/**"])
def test_a_pattern_keeps_what_lies_below_its_fixed_part(tree, pattern):
    targets = {job.target.as_posix() for job in plan_jobs([pattern], "out", 2)}
    assert targets == {"out/a_x2.png", "out/deep/b_x2.jpg", "out/deep/er/c_x2.tiff"}


def test_a_pattern_that_matches_a_folder_takes_its_images(tree):
    assert len(plan_jobs(["in/d*"], "out", 4)) == 2


def test_a_file_with_a_bracket_in_its_name_is_a_file(tree):
    write_image("in/x[1].png", GRAY)
    assert names(plan_jobs(["in/x[1].png"], "out", 4)) == ["in/x[1].png > out/x[1]_x4.png"]


def test_the_same_file_twice_is_one_job(tree):
    assert len(plan_jobs(["in/a.png", "in", "./in/a.png", "in/*.png"], "out", 4)) == 3


@pytest.mark.parametrize("form, suffix", [("png", ".png"), ("tiff", ".tif"), ("jpeg", ".jpg"), ("dcm", ".dcm")])
def test_a_format_gives_its_extension(tree, form, suffix):
    assert plan_jobs(["in/deep/b.jpg"], "out", 4, form)[0].target.name == f"b_x4{suffix}"


def test_the_content_decides_over_the_extension(tree):
    shutil.copy("in/a.png", "in/lies.jpg")
    (tree / "in" / "text.webp").write_text("hello")
    assert names(plan_jobs(["in/lies.jpg", "in/text.webp"], "out", 4)) == [
        "in/lies.jpg > out/lies_x4.png",
        "in/text.webp > out/text_x4.webp",
    ]


def test_dicom_files_named_after_their_number_stay_apart(tree):
    source = get_testdata_file("CT_small.dcm", download=False)
    for name in ("1.2.840.1", "1.2.840.2", "plain", "x.IMA"):
        shutil.copy(source, tree / "in" / name)
    targets = {job.target.name for job in plan_jobs(["in"], "out", 4)}
    assert {"1.2.840.1_x4.dcm", "1.2.840.2_x4.dcm", "plain_x4.dcm", "x_x4.dcm"} <= targets


def test_two_files_for_one_result_are_noticed(tree):
    write_image("in/a.jpg", GRAY)
    assert len(plan_jobs(["in"], "out", 4)) == 4
    with pytest.raises(ValueError, match="would both become .*a_x4.png"):
        plan_jobs(["in"], "out", 4, "png")


def test_a_result_that_is_a_source_too_is_noticed(tree):
    write_image("in/a_x4.png", GRAY)
    with pytest.raises(ValueError, match="to be read too"):
        plan_jobs(["in/a.png", "in/a_x4.png"], "in", 4)


def test_results_inside_the_folder_are_not_read_again(tree):
    first = names(plan_jobs(["in"], "in/out", 4))
    write_image("in/out/a_x4.png", GRAY)
    write_image("in/out/deep/b_x4.jpg", GRAY)
    assert names(plan_jobs(["in"], "in/out", 4)) == first
    assert names(plan_jobs(["in/**/*.png"], "in/out", 4)) == ["in/a.png > in/out/a_x4.png"]
    assert len(plan_jobs(["in/out/a_x4.png"], "in/out", 4)) == 1  # unless it is named


def test_the_folder_itself_as_out_is_refused(tree):
    with pytest.raises(ValueError, match="--out"):
        plan_jobs(["in"], tree / "in", 4)


def test_inputs_that_name_nothing_are_problems_and_the_rest_goes_on(tree):
    os.mkdir("empty")
    jobs = plan_jobs(["empty", "none*.png", "in/a.png", "absent.png"], "out", 4)
    assert [bool(job.problem) for job in jobs] == [True, True, False, False]
    assert "no image under empty" in jobs[0].problem and "matches no file" in jobs[1].problem
    write_image("late/out/a.png", GRAY)
    assert "outside --out" in plan_jobs(["late"], "late/out", 4)[0].problem


def test_names_beside_a_result(tree):
    (job,) = plan_jobs(["in/a.png"], "out", 4)
    assert job.beside("_added.npy").as_posix() == "out/a_x4_added.npy"


MAPS = ("_added.png", "_added.npy")


def test_two_files_for_one_map_are_noticed(tree):
    write_image("in/a.jpg", GRAY)
    with pytest.raises(ValueError, match="in/a.(png|jpg) and in/a.(png|jpg) would both become .*a_x4_added.png"):
        plan_jobs(["in"], "out", 4, endings=MAPS)


@pytest.mark.parametrize("name", ["a_x4_added.png", "a_x4_added.npy.png", "a_x4_0001.png", "a_x4_0002_added.png"])
def test_a_page_or_a_map_that_is_a_source_too_is_noticed(tree, name):
    write_image(f"in/{name}", GRAY)
    inputs = ["in/a.png", f"in/{name}"]
    if "npy" in name:  # another file
        assert len(plan_jobs(inputs, "in", 4, endings=MAPS)) == 2
        return
    with pytest.raises(ValueError, match="to be read too"):
        plan_jobs(inputs, "in", 4, endings=MAPS)


def test_a_source_named_as_a_result_without_its_extension_is_another_file(tree):
    shutil.copy(get_testdata_file("CT_small.dcm", download=False), tree / "in" / "a_x4")
    assert len(plan_jobs(["in/a.png", "in/a_x4"], "in", 4, endings=MAPS)) == 2


@pytest.mark.parametrize(
    "pattern", ["dir[1]/*.png", "dir[1]/**/*.png", "*[[]1]/*.png", "d*/x[1].png", "dir[1]/x[1]*", "./dir[1]/*"]
)
def test_brackets_in_a_folders_name_are_no_pattern(tree, pattern):
    write_image("dir[1]/x[1].png", GRAY)
    write_image("other/y.png", GRAY)
    assert [job.source.as_posix() for job in plan_jobs([pattern], "out", 4)] == ["dir[1]/x[1].png"]


def test_brackets_are_a_pattern_where_no_file_is_named_so(tree):
    for name in ("x1", "x2", "x3"):
        write_image(f"dir1/{name}.png", GRAY)
    assert len(plan_jobs(["dir[12]/x[12].png"], "out", 4)) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_of_another_name_has_a_result_of_its_own(tree):
    os.symlink("a.png", "in/b.png")
    assert [job.target.name for job in plan_jobs(["in/a.png", "in/b.png", "in/../in/a.png"], "out", 4)] == [
        "a_x4.png",
        "b_x4.png",
    ]
