"""Who is on an image, and that no patient is on both sides of a split."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from keras_srgan.data.folder import load_folder
from keras_srgan.data.patients import Patients, patient_of
from keras_srgan.data.split import in_common, split
from keras_srgan.images import Image

from .conftest import names, of, textured


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
