"""FRD: which sets of images are compared, and what is said where its packages are missing."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from keras_srgan.evaluate.__main__ import main as evaluate
from keras_srgan.images import read_image, write_image
from keras_srgan.packages import installed


@pytest.fixture
def folder(tmp_path, make_image):
    for i in range(5):
        write_image(tmp_path / "hr" / f"{i}.png", make_image(64 + 4 * i, 72).pixels)
    return tmp_path / "hr"


def test_methods_are_compared_with_all_originals_and_halves_with_each_other(folder, monkeypatch, capsys):
    seen = []

    def compute(folders, verbose):
        images = [[read_image(path).pixels for path in sorted(Path(each).iterdir())] for each in folders]
        seen.append(images)
        print("FRD (v1):", len(images))  # as the package does
        return float(len(images[0]))

    monkeypatch.setitem(sys.modules, "frd_score", SimpleNamespace(compute_frd=compute))
    monkeypatch.setitem(sys.modules, "radiomics", SimpleNamespace())
    assert evaluate(["--data", str(folder), "--task", "frd"]) == 0
    text = capsys.readouterr().out
    assert "| bicubic | 5.00 |" in text and "| one half of HR from the other | 3.00 |" in text and "; 5 images" in text
    assert text.startswith("| image | FRD from HR |") and "FRD (v1)" not in text
    (hr, bicubic), halves = seen
    assert [image.shape for image in hr] == [image.shape for image in bicubic]
    np.testing.assert_array_equal(hr[1], read_image(folder / "1.png").pixels[4:-4, 4:-4])
    assert not np.array_equal(hr[1], bicubic[1])
    assert sorted(len(half) for half in halves) == [2, 3]
    assert sorted(image.shape for half in halves for image in half) == sorted(image.shape for image in hr)


def test_without_the_packages_one_line_says_so(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "frd_score", None)
    assert evaluate(["--data", str(folder), "--task", "frd"]) == 1
    assert "needs frd-score and pyradiomics" in capsys.readouterr().err


@pytest.mark.skipif(not installed("frd_score", "radiomics"), reason="needs frd-score and pyradiomics")
def test_the_package_finds_bicubic_further_than_the_other_half(folder, capsys):
    assert evaluate(["--data", str(folder), "--task", "frd"]) == 0
    assert "| bicubic |" in capsys.readouterr().out
