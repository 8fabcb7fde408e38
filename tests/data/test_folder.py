import os
from pathlib import Path

import pytest

from keras_srgan.data.folder import load_folder
from keras_srgan.images import ImageError, find_images

from .conftest import dicom, names, picture


def test_images_are_found_at_any_depth_in_one_order(tmp_path):
    for name in ("b.png", "a/z.JPG", "a/b/c.tiff", "a-b.bmp", "a/b.webp"):
        picture(tmp_path / name)
    dicom(tmp_path / "c.dcm")
    dicom(tmp_path / "IM0001")
    dicom(tmp_path / "1.2.840.10008.77")
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == [
        "1.2.840.10008.77",
        "IM0001",
        "a-b.bmp",
        "a/b.webp",
        "a/b/c.tiff",
        "a/z.JPG",
        "b.png",
        "c.dcm",
    ]


def test_hidden_files_and_other_files_are_not_images(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / ".b.png")
    picture(tmp_path / ".cache" / "c.png")
    dicom(tmp_path / "DICOMDIR")
    for name in ("labels.csv", "notes.txt", "README", "v1.2"):
        (tmp_path / name).write_text("words " * 40)
    assert find_images(tmp_path) == [tmp_path / "a.png"]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        find_images(tmp_path / "absent")


def test_file_in_place_of_a_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="is a file"):
        find_images(picture(tmp_path / "a.png"))


def test_folder_without_images_says_what_it_holds_and_what_is_read(tmp_path):
    for name in ("a.txt", "b.TXT", "c.csv", "README"):
        (tmp_path / name).write_text("words")
    with pytest.raises(ImageError) as caught:
        find_images(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for words in (str(tmp_path), "2 .txt", "1 .csv", "1 without extension", ".png", ".dcm"):
        assert words in message


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="no file at all"):
        find_images(tmp_path)


@pytest.mark.parametrize("workers", [1, 4])
def test_folder_is_loaded_in_the_order_of_its_names(tmp_path, workers):
    for i in range(20):
        # The first files take longest.
        picture(tmp_path / f"{i:08}_000.png", 400 if i < 4 else 100, 400, value=i)
    (tmp_path / "labels.csv").write_text("file,finding")
    warnings: list[str] = []
    images = load_folder(tmp_path, workers=workers, warn=warnings.append)
    assert [image.pixels[0, 0] for image in images] == list(range(20))
    assert [image.patient for image in images] == [f"{i:08}" for i in range(20)]
    assert warnings == []


def test_folder_is_loaded_in_the_channels_asked_for(tmp_path):
    picture(tmp_path / "a.png")
    assert load_folder(tmp_path)[0].pixels.shape == (100, 120)
    assert load_folder(tmp_path, channels=3)[0].pixels.shape == (100, 120, 3)


def test_dicom_patients_are_known_after_loading(tmp_path):
    dicom(tmp_path / "00000310_001.dcm")
    (image,) = load_folder(tmp_path, min_size=64)
    assert image.patient == "4MR1"


def test_unusable_files_are_left_out_with_one_line_each(tmp_path):
    picture(tmp_path / "good.png", 96, 96)
    picture(tmp_path / "narrow.png", 200, 95)
    (tmp_path / "bad.png").write_bytes(b"no image")
    warnings: list[str] = []
    assert names(load_folder(tmp_path, warn=warnings.append)) == [(tmp_path / "good.png").as_posix()]
    assert len(warnings) == 2
    assert "bad.png" in warnings[0] and "narrow.png: 200x95" in warnings[1] and "96x96" in warnings[1]


def test_more_than_five_unusable_files_are_counted(tmp_path):
    picture(tmp_path / "good.png")
    for i in range(8):
        (tmp_path / f"bad{i}.png").write_bytes(b"")
    warnings: list[str] = []
    assert len(load_folder(tmp_path, warn=warnings.append)) == 1
    assert len(warnings) == 6 and "8 of 9" in warnings[-1]
    assert all(f"bad{i}.png" in line for i, line in enumerate(warnings[:5]))


def test_warnings_go_to_stderr_by_default(tmp_path, capsys):
    picture(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"")
    load_folder(tmp_path)
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("warning: ") and printed.err.count("\n") == 1


def test_file_that_cannot_be_opened_is_left_out(tmp_path):
    picture(tmp_path / "good.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    warnings: list[str] = []
    assert len(load_folder(tmp_path, warn=warnings.append)) == 1
    assert "gone.png" in warnings[0]


def test_strict_loading_refuses_the_first_unusable_file_and_counts(tmp_path):
    picture(tmp_path / "good.png")
    for name in ("x.png", "y.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ImageError, match="2 of 3 .*x.png"):
        load_folder(tmp_path, strict=True)


def test_folder_of_unusable_files_is_an_error(tmp_path):
    picture(tmp_path / "small.png", 20, 20)
    with pytest.raises(ImageError, match="1 of 1 .*20x20"):
        load_folder(tmp_path, warn=lambda line: pytest.fail("warned"))
    assert len(load_folder(tmp_path, min_size=20)) == 1


def found(folder: Path, **options) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_images(folder, **options)]


def test_linked_folders_are_read_once_and_loops_end(tmp_path):
    data, other = tmp_path / "data", tmp_path / "other"
    for path in (data / "a" / "1.png", data / "b" / "2.png", other / "deep" / "3.png"):
        picture(path)
    (data / "linked").symlink_to(other)
    (data / "again").symlink_to(data / "b")  # there already
    (data / "a" / "up").symlink_to(data)  # a loop
    (other / "back").symlink_to(data)  # a longer one
    (data / "c").symlink_to(tmp_path / "other" / "deep")  # the same images a second time
    said: list[str] = []
    assert found(data, warn=said.append) == ["a/1.png", "b/2.png", "c/3.png"]
    assert said == []


def test_what_cannot_be_read_is_named_and_counted(tmp_path, monkeypatch):
    picture(tmp_path / "good" / "a.png")
    for i in range(7):
        (tmp_path / f"locked{i}").mkdir()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")  # no extension: only a look inside would tell
    (tmp_path / "self").symlink_to("self")
    scandir = os.scandir

    def locked(path):
        if "locked" in str(path):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    said: list[str] = []
    assert found(tmp_path, warn=said.append) == ["good/a.png"]
    assert len(said) == 6 and "9 files and folders" in said[-1]
    assert all("Permission denied" in line or "No such file" in line or "symbolic" in line for line in said[:5])
    with pytest.raises(ImageError, match="Permission denied|No such file|symbolic"):
        load_folder(tmp_path, strict=True)


def test_images_of_kinds_that_are_not_read_are_counted(tmp_path):
    picture(tmp_path / "a.png")
    for name in ("b.nii", "c.nii", "d.gif", "labels.csv", "README.md"):
        (tmp_path / name).write_bytes(b"x" * 200)
    said: list[str] = []
    assert found(tmp_path, warn=said.append) == ["a.png"]
    assert len(said) == 1 and "3 files" in said[0] and "2 .nii, 1 .gif" in said[0]
