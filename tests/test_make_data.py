"""The script that builds the data folder from the public sets."""

import csv
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_srgan.resampling import quantise, reduce_image, resize, resize_to

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "make_data.py"
MAKE = runpy.run_path(str(SCRIPT))


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["make_data.py", *map(str, arguments)])
    return MAKE["main"]()


@pytest.fixture
def sets(tmp_path, rng):
    """The sources, and the list of what is made of them."""
    film, child, photo = (rng.integers(0, 256, size).astype("uint8") for size in ((40, 40), (31, 45), (24, 20, 3)))
    for name, pixels in (("nih/images/00000001_000.png", film), ("kermany/IM-1.png", child), ("sets/any.png", photo)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), pixels)
    mean = np.floor(film.reshape(20, 2, 20, 2).mean(axis=(1, 3)) + 0.5).astype("uint8")
    small = quantise(resize_to(child, (16, 22)), 255, child.dtype)
    rows = [
        ("chest-xray/train/00000001_000.png", "nih", "00000001_000.png", mean),
        ("chest-xray/test/IM-1.png", "kermany", "IM-1.png", small),
        ("natural/set5/baby.png", "natural", "", photo[..., ::-1]),
    ]
    with open(tmp_path / "list.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "source", "source_file", "width", "height", "pixels"))
        writer.writerows((*row[:3], row[3].shape[1], row[3].shape[0], MAKE["pixels_hash"](row[3])) for row in rows)
    return tmp_path


def test_the_folder_is_built_from_the_sources_and_again_from_itself(sets, monkeypatch, capsys):
    common = ("--list", sets / "list.csv")
    sources = ("--nih", sets / "nih", "--kermany", sets / "kermany", "--natural", sets / "sets")
    assert run(monkeypatch, "--out", sets / "root", *sources, *common) == 0
    assert "3 exact" in capsys.readouterr().out
    assert run(monkeypatch, "--out", sets / "again", "--have", sets / "root", *common) == 0
    assert "3 exact" in capsys.readouterr().out
    assert (sets / "again" / "natural" / "set5" / "baby.png").is_symlink()
    assert run(monkeypatch, "--out", sets / "again", *common) == 0
    assert "3 there already" in capsys.readouterr().out


def test_pairs_are_512_px_and_what_bicubic_makes_of_a_quarter(sets, monkeypatch):
    run(monkeypatch, "--out", sets / "root", "--nih", sets / "nih", "--list", sets / "list.csv")
    hr, lr = (
        cv2.imread(str(sets / "root" / "pairs" / "train" / kind / "00000001_000.png"), -1) for kind in ("hr", "lr")
    )
    assert hr.shape == lr.shape == (512, 512)
    expected = quantise(resize(reduce_image(hr, 4, 255), 4), 255, hr.dtype)
    np.testing.assert_array_equal(lr, expected)


def test_what_is_missing_or_different_is_said(sets, monkeypatch, capsys):
    cv2.imwrite(str(sets / "nih" / "images" / "00000001_000.png"), np.zeros((40, 40), "uint8"))
    assert run(monkeypatch, "--out", sets / "root", "--nih", sets / "nih", "--list", sets / "list.csv") == 1
    said = capsys.readouterr()
    assert "1 different" in said.out and "2 missing" in said.out
    assert "missing: natural/set5/baby.png" in said.err


def test_the_list_names_no_file_twice_and_no_patient_in_both_parts():
    with open(SCRIPT.with_name("data.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["file"] for row in rows}) == len(rows) > 1700
    parts = {
        part: {
            row["source_file"].split("_")[0]
            for row in rows
            if row["source"] == "nih" and row["file"].split("/")[1] == part
        }
        for part in ("train", "more", "test")
    }
    assert not parts["test"] & (parts["train"] | parts["more"])


@pytest.mark.shared
def test_the_list_is_of_the_data_at_hand(shared):
    with open(SCRIPT.with_name("data.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[::100]:
        assert MAKE["pixels_hash"](MAKE["read"](shared / row["file"])) == row["pixels"], row["file"]
