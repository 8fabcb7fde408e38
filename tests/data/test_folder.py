import dataclasses
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from keras_srgan.data import sample
from keras_srgan.data.folder import load_folder
from keras_srgan.data.patients import Patients, patient_of
from keras_srgan.data.sample import sample_radiograph, tile_sample
from keras_srgan.data.split import in_common, split
from keras_srgan.images import Image, ImageError, find_images


def textured(path: Path, seed: int, dtype="uint8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (100, 120)).astype(dtype)
    path.write_bytes(cv2.imencode(path.suffix, pixels * np.array(257 if dtype == "uint16" else 1, dtype))[1].tobytes())
    return path


def picture(path: Path, height: int = 100, width: int = 120, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((height, width), value, np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


def dicom(path: Path, name: str = "MR_small.dcm") -> Path:
    source = get_testdata_file(name, download=False)
    assert isinstance(source, str)
    shutil.copyfile(source, path)
    return path


def of(path: str, patient: str | None = None) -> Image:
    return Image(np.zeros((2, 2), np.uint8), 255, Path(path), patient)


def names(images: list[Image]) -> list[str]:
    return [image.path.as_posix() for image in images]


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


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("00000310_001.png", "00000310"),
        ("x/00000310_014.png", "00000310"),
        ("person939_bacteria_2832.jpeg", "person939"),
        ("person1_virus_6.jpeg", "person1"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("IM-0500-0001-0002.jpeg", "IM-0500"),
        ("NORMAL2-IM-0383-0001.jpeg", "NORMAL2-IM-0383"),
        ("NORMAL2-IM-0383-0001-0001.jpeg", "NORMAL2-IM-0383"),
        ("00000310.png", None),
        ("00000310_001_crop.png", None),
        ("100000310_001.png", None),
        ("holiday.png", None),
        ("train/patient00007/study1/view1_frontal.jpg", "patient00007"),
        ("patient00007_study1_view1_frontal.jpg", "patient00007"),
        ("XR_WRIST/patient00007/study1_positive/image2.png", "patient00007"),
        ("files/p10/p10000032/s50414267/02aa804e-bde0afdd.jpg", "p10000032"),
        ("p10000032_s50414267_02aa804e.jpg", "p10000032"),
        (
            "images/id_0022b3d8-1b2c-4d5e-8f90-a1b2c3d4e5f6/Study_1.2/Series_3/image.png",
            "id_0022b3d8-1b2c-4d5e-8f90-a1b2c3d4e5f6",
        ),
        ("sub-S03047/ses-E07985/mod-rx/x.png", "sub-S03047"),
        ("sub-01_ses-2_T1w.png", "sub-01"),
        ("LIDC-IDRI-0001/1.3.6/000001.dcm", "LIDC-IDRI-0001"),
        ("CXR12_IM-0253-1001.png", "CXR12"),
        ("1_IM-0001-3001.dcm.png", "1"),
        ("CHNCXR_0001_0.png", "CHNCXR_0001"),
        ("JPCLN001.png", "JPCLN001"),
        ("Mass-Training_P_00001_LEFT_CC/x.png", "P_00001"),
        ("20586908_6c613a14b80a8591_MG_R_CC_ANON.png", "6c613a14b80a8591"),
        ("9000099L.png", "9000099"),
        ("Patient 12/left.png", "patient 12"),
        ("patients/holiday.png", None),
        ("study1/view1_frontal.jpg", None),
    ],
)
def test_patient_is_read_from_known_names(name, patient):
    assert patient_of(name) == patient


def test_patient_of_the_header_goes_first():
    header = pydicom.Dataset()
    assert patient_of("00000310_001.dcm", header) == "00000310"
    header.PatientID = "77"
    assert patient_of("00000310_001.dcm", header) == "77"


def many() -> list[Image]:
    """40 images of 15 patients and 10 of unknown patient."""
    known = [of(f"{i:03}.png", f"p{i % 15}") for i in range(40)]
    return known + [of(f"u{i}.png") for i in range(10)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.8])
def test_split_shares_no_patient_and_loses_no_image(fraction, seed):
    train, val = split(many(), fraction, seed)
    assert sorted(names(train) + names(val)) == sorted(names(many()))
    patients = [{image.patient for image in part if image.patient} for part in (train, val)]
    assert not patients[0] & patients[1]
    assert abs(len(val) - 50 * fraction) <= 2


def test_split_depends_on_the_seed_and_not_on_the_order():
    images = many()
    shuffled = [images[i] for i in np.random.default_rng(1).permutation(len(images))]
    first, again = split(images, 0.3, 4), split(shuffled, 0.3, 4)
    assert [names(part) for part in first] == [names(part) for part in again]
    assert names(split(images, 0.3, 5)[1]) != names(first[1])


def test_images_of_unknown_patient_are_their_own_groups():
    train, val = split([of(f"{i}.png") for i in range(10)], 0.2)
    assert (len(train), len(val)) == (8, 2)


def test_file_that_has_a_patients_name_is_no_image_of_that_patient():
    train, val = split([of("p", None), of("q", "p")], 0.5)
    assert len(train) == len(val) == 1


@pytest.mark.parametrize("fraction", [0.01, 0.99])
@pytest.mark.parametrize("sizes", [(1, 1), (9, 1), (5, 5), (1, 2, 30)])
def test_both_sides_get_an_image(sizes, fraction):
    images = [of(f"{p}-{i}.png", str(p)) for p, size in enumerate(sizes) for i in range(size)]
    for seed in range(4):
        train, val = split(images, fraction, seed)
        assert train and val


def test_smallest_patient_validates_where_none_is_small_enough():
    images = [of(f"{p}-{i}.png", str(p)) for p, size in enumerate((30, 8, 30)) for i in range(size)]
    for seed in range(4):
        assert len(split(images, 0.01, seed)[1]) == 8


@pytest.mark.parametrize("images", [[], [of("a.png")], [of("a.png", "p"), of("b.png", "p")]])
def test_one_patient_cannot_be_split(images):
    with pytest.raises(ValueError, match="--val"):
        split(images)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="fraction"):
        split(many(), fraction)


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


def test_sample_is_the_whole_rg1():
    image = sample_radiograph()
    assert image.pixels.shape == (1955, 1841) and image.pixels.dtype == np.uint16
    assert image.max_value == 32767 and image.patient == "9RG1" and image.dicom is not None


def test_reduced_sample_is_the_rounded_mean_of_blocks():
    whole, image = sample_radiograph(), sample_radiograph(4)
    assert image.pixels.shape == (488, 460) and image.pixels.dtype == np.uint16
    assert image.max_value == 32767 and image.dicom is None
    for y, x in [(0, 0), (100, 200), (487, 459)]:
        block = whole.pixels[4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        assert image.pixels[y, x] == int(np.floor(block.mean() + 0.5))


@pytest.mark.parametrize("reduce", [0, -2, 1.5, 5000])
def test_impossible_reduction_is_refused(reduce):
    with pytest.raises(ValueError, match="reduce"):
        sample_radiograph(reduce)


def test_absent_sample_names_the_package_and_never_the_network(monkeypatch):
    def local_only(name, download=True):
        assert not download
        return None

    monkeypatch.setattr(sample, "get_testdata_file", local_only)
    with pytest.raises(FileNotFoundError, match="pip install pydicom-data"):
        sample_radiograph()


def numbered(height: int = 500, width: int = 700) -> Image:
    """Every pixel has its own number, modulo a prime."""
    pixels = (np.arange(height * width) % 65521).reshape(height, width).astype(np.uint16)
    return Image(pixels, 65535, Path("x.dcm"), "p", pydicom.Dataset())


def test_tiles_cover_what_lies_apart_from_the_held_out_rectangle():
    image = numbered()
    train, held_out = tile_sample(image, 100, (130, 250, 150, 200))
    np.testing.assert_array_equal(held_out.pixels, image.pixels[130:280, 250:450])
    # Rows 1 and 2, columns 2 to 4 of the grid are touched.
    assert len(train) == 5 * 7 - 2 * 3
    expected = [
        image.pixels[100 * y : 100 * y + 100, 100 * x : 100 * x + 100]
        for y in range(5)
        for x in range(7)
        if not (y in (1, 2) and x in (2, 3, 4))
    ]
    for tile, pixels in zip(train, expected, strict=True):
        np.testing.assert_array_equal(tile.pixels, pixels)


def test_rectangle_on_the_grid_costs_only_its_own_tiles():
    train, _ = tile_sample(numbered(), 100, (100, 200, 100, 100))
    assert len(train) == 34


def test_remainders_are_kept_from_the_smallest_size_on():
    # 500 = 3 * 135 + 95 and 700 = 5 * 135 + 25: only the first remainder has 95 pixels, none has 96.
    held = (0, 0, 135, 135)
    assert len(tile_sample(numbered(), 135, held)[0]) == 3 * 5 - 1
    assert len(tile_sample(numbered(), 135, held, min_size=95)[0]) == 4 * 5 - 1
    train, _ = tile_sample(numbered(), 200, (0, 0, 200, 200))
    assert {tile.pixels.shape for tile in train} == {(200, 200), (100, 200), (200, 100), (100, 100)}


def test_pieces_keep_the_patient_and_drop_the_header():
    image = numbered()
    train, held_out = tile_sample(image, 250, (0, 0, 250, 250))
    for piece in (*train, held_out):
        assert piece.patient == "p" and piece.path == image.path and piece.max_value == 65535
        assert piece.dicom is None and not np.shares_memory(piece.pixels, image.pixels)


def test_tiles_of_colour_keep_their_channels():
    image = dataclasses.replace(numbered(), pixels=np.zeros((200, 200, 3), np.uint8), max_value=255)
    train, held_out = tile_sample(image, 100, (0, 0, 100, 100))
    assert held_out.pixels.shape == (100, 100, 3) and train[0].pixels.shape == (100, 100, 3)


@pytest.mark.parametrize(
    "held_out", [(-1, 0, 10, 10), (0, -1, 10, 10), (491, 0, 10, 10), (0, 691, 10, 10), (0, 0, 0, 10)]
)
def test_rectangle_outside_the_image_is_refused(held_out):
    with pytest.raises(ValueError, match="not inside the 500x700"):
        tile_sample(numbered(), 100, held_out)


def test_tiling_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="make either smaller"):
        tile_sample(numbered(), 100, (0, 0, 500, 700))
    with pytest.raises(ValueError, match="tile"):
        tile_sample(numbered(), 0, (0, 0, 10, 10))


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


def test_a_patient_is_told_by_the_folders_below_the_one_given(tmp_path):
    data = tmp_path / "patient00001" / "data"
    textured(data / "patient00002" / "study1" / "view1_frontal.png", 0)
    textured(data / "x.png", 1)
    assert [image.patient for image in load_folder(data)] == ["patient00002", None]


def test_copies_under_other_names_formats_and_depths_stay_together(tmp_path):
    for i in range(12):
        textured(tmp_path / f"{i:08}_000.png", i)
    textured(tmp_path / "copy.bmp", 3)
    textured(tmp_path / "deep.png", 3, "uint16")
    images = load_folder(tmp_path)
    for seed in range(12):
        train, val = split(images, 0.4, seed)
        assert len(train) + len(val) == 14
        sides = [
            {image.path.name for image in part} & {"00000003_000.png", "copy.bmp", "deep.png"} for part in (train, val)
        ]
        assert sorted(map(len, sides)) == [0, 3]
    with pytest.raises(ValueError, match="cannot be split"):
        split([image for image in images if image.path.name in ("00000003_000.png", "copy.bmp", "deep.png")])


def test_two_sets_that_share_patients_or_images_are_told(tmp_path):
    for i in range(4):
        textured(tmp_path / "a" / f"{i:08}_000.png", i)
    textured(tmp_path / "b" / "00000002_001.png", 9)
    textured(tmp_path / "c" / "renamed.png", 1)
    textured(tmp_path / "d" / "00000005_000.png", 7)
    a, b, c, d = (load_folder(tmp_path / name) for name in "abcd")
    assert in_common(a, b) == ["1 patient (as 00000002_000.png and 00000002_001.png)"]
    assert in_common(a, c) == ["1 image (as 00000001_000.png and renamed.png)"]
    assert in_common(a, d) == []
    assert len(in_common(a, a)) == 2


TABLES = {
    "nih": "Image Index,Finding,Patient ID\nx/1.png,none,7\n2.png,none,7\n3.png,none,8\n",
    "plain": "1.png,7\n2,7\n3,8\n",
    "semicolons": "patient;path\n7;images/x/1.png\n7;2.png\n8;3.png\n",
    "windows": "\ufeffpath,patient\r\nC:\\data\\x\\1.png,7\r\n2.png,7\r\n3.png,8\r\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_a_table_tells_the_patients(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    patients = Patients(tmp_path / "t.csv")
    assert [patients.of(Path(name)) for name in ("x/1.png", "2.png", "3.png", "4.png")] == ["7", "7", "8", None]


def test_a_name_that_a_table_has_twice_tells_nothing_by_itself(tmp_path):
    (tmp_path / "t.csv").write_text("path,patient\na/view.png,1\nb/view.png,2\n")
    patients = Patients(tmp_path / "t.csv")
    assert [patients.of(Path(name)) for name in ("a/view.png", "b/view.png", "c/view.png")] == ["1", "2", None]


def test_a_pattern_tells_the_patients_and_a_table_goes_first(tmp_path):
    (tmp_path / "t.csv").write_text("path,patient\nward3/k7-a.png,x\n")
    patients = Patients(tmp_path / "t.csv", r"(k\d+)-")
    assert [patients.of(Path(name)) for name in ("ward3/k7-a.png", "k7-b.png", "k8-b.png", "z.png")] == [
        "x",
        "k7",
        "k8",
        None,
    ]
    assert Patients(pattern=r"^ward\d").of(Path("ward3/a.png")) == "ward3"


@pytest.mark.parametrize("text", ["", "path\n1.png\n", "path,finding,age\n1.png,none,3\n"])
def test_a_table_without_images_and_patients_is_refused(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match="t.csv: (not a table|the columns)"):
        Patients(tmp_path / "t.csv")


def test_a_table_or_pattern_that_fits_no_image_is_refused(tmp_path):
    textured(tmp_path / "a.png", 0)
    (tmp_path / "t.csv").write_text("other.png,7\n")
    with pytest.raises(ValueError, match="t.csv: fits none of 1 images"):
        load_folder(tmp_path, patients=Patients(tmp_path / "t.csv"))
    with pytest.raises(ValueError, match="--group q: fits none"):
        load_folder(tmp_path, patients=Patients(pattern="q"))
    with pytest.raises(ValueError, match="not a regular expression"):
        Patients(pattern="(")
