import shutil
import sys
import types

import cv2
import numpy as np
import pytest

from keras_srgan.data.folder import load_folder
from keras_srgan.data.kaggle import HANDLE, kaggle_chest_xray
from keras_srgan.images import find_images

COUNTS = {"train": 3, "val": 1, "test": 2}


def fill(folder):
    """The archive's tree under `folder`, a few images a class."""
    for part, count in COUNTS.items():
        for name in ("NORMAL", "PNEUMONIA"):
            (folder / part / name).mkdir(parents=True)
            (folder / part / name / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
            for i in range(1, count + 1):
                stem = f"IM-{i:04}-0001" if name == "NORMAL" else f"person{i}_virus_{i + 5}"
                picture = np.full((100, 120), 40 * i, np.uint8)
                (folder / part / name / f"{stem}.jpeg").write_bytes(cv2.imencode(".jpeg", picture)[1].tobytes())


@pytest.fixture
def archive(tmp_path):
    """What Kaggle's archive unpacks to: the set, the set again inside it, and macOS's leavings."""
    top = tmp_path / "datasets" / "versions" / "2"
    fill(top / "chest_xray")
    fill(top / "chest_xray" / "chest_xray")
    for part in COUNTS:
        for name in ("NORMAL", "PNEUMONIA"):
            folder = top / "chest_xray" / "__MACOSX" / "chest_xray" / part / name
            folder.mkdir(parents=True)
            (folder / "._IM-0001-0001.jpeg").write_bytes(b"\0\5\26\7")
    return top


@pytest.fixture
def kagglehub(monkeypatch):
    """Stands in for the package; what it was asked for is in `asked`."""
    module = types.ModuleType("kagglehub")
    module.asked = []
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    return module


@pytest.mark.parametrize("given", [".", "chest_xray", "../.."])
def test_the_set_is_found_from_its_folder_or_from_above(archive, given):
    parts = kaggle_chest_xray(archive / given)
    for part, count in COUNTS.items():
        folder = getattr(parts, part)
        assert folder.resolve() == (archive / "chest_xray" / part).resolve()
        assert len(find_images(folder)) == 2 * count


def test_images_load_once_with_class_and_patient(archive):
    images = load_folder(kaggle_chest_xray(archive).train)
    assert sorted((image.path.parent.name, image.patient) for image in images) == [
        *(("NORMAL", f"IM-000{i}") for i in (1, 2, 3)),
        *(("PNEUMONIA", f"person{i}") for i in (1, 2, 3)),
    ]


def test_only_the_nested_copy_is_there(archive):
    for part in COUNTS:
        shutil.rmtree(archive / "chest_xray" / part)
    assert kaggle_chest_xray(archive).test == archive / "chest_xray" / "chest_xray" / "test"


def test_without_a_folder_it_is_downloaded(archive, kagglehub):
    kagglehub.dataset_download = lambda handle: kagglehub.asked.append(handle) or str(archive)
    assert kaggle_chest_xray().train == archive / "chest_xray" / "train"
    assert kagglehub.asked == [HANDLE]


def test_with_a_folder_nothing_is_downloaded(archive, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)  # importing it would fail
    assert kaggle_chest_xray(archive).val.is_dir()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ValueError, match=r"pip install 'keras-srgan\[kaggle\]'"):
        kaggle_chest_xray()


def test_a_failed_download_is_one_line_that_says_what_to_do(kagglehub):
    def fail(handle):
        raise ConnectionError("no route to host\nand a second line")

    kagglehub.dataset_download = fail
    with pytest.raises(OSError, match="no route to host.*network.*folder") as caught:
        kaggle_chest_xray()
    assert "\n" not in str(caught.value)


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "chest_xray" / "train" / "NORMAL").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="PNEUMONIA"):
        kaggle_chest_xray(tmp_path)
    with pytest.raises(FileNotFoundError, match="absent"):
        kaggle_chest_xray(tmp_path / "absent")


def test_an_interrupted_copy_is_refused(archive):
    for path in (archive / "chest_xray" / "test" / "NORMAL").glob("*.jpeg"):
        path.unlink()
    with pytest.raises(OSError, match="no image under .*NORMAL"):
        kaggle_chest_xray(archive)
