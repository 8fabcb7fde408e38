"""Metrics of IQA-PyTorch: those that need no weights against our own, and what is said where it is missing."""

import importlib.util
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from keras_srgan.evaluate.__main__ import main as evaluate
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.images import write_image


def test_without_the_package_one_line_says_what_to_install(make_image, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(ValueError, match="needs pyiqa: pip install pyiqa"):
        compare([make_image(64, 64)], metrics=["psnr", "pyiqa:fsim"])


def test_a_metric_is_asked_as_its_mode_says(make_image, monkeypatch):
    torch = pytest.importorskip("torch")

    class Fake:
        lower_better = True

        def __init__(self, mode):
            self.metric_mode = mode

        def __call__(self, *images):
            assert all(each.shape[1] == 3 and each.dtype == torch.float32 for each in images)
            return torch.tensor([float(len(images))])

    known = {"pair": Fake("FR"), "alone": Fake("NR")}
    monkeypatch.setitem(sys.modules, "pyiqa", SimpleNamespace(create_metric=known.__getitem__))
    found = compare([make_image(64, 64)], metrics=["pyiqa:pair", "pyiqa:alone", "psnr"])
    assert found.rows[0]["pyiqa:pair"] == 2 and found.rows[0]["pyiqa:alone"] == 1
    assert found.metrics["pyiqa:pair"]["better"] == "lower" and np.isfinite(found.rows[0]["psnr"])
    with pytest.raises(ValueError, match="pyiqa:odd: pyiqa can't make it"):
        compare([make_image(64, 64)], metrics=["pyiqa:odd"])


def test_its_psnr_is_ours(make_image, tmp_path):
    if importlib.util.find_spec("pyiqa") is None:
        pytest.skip("pyiqa is not installed")
    write_image(tmp_path / "a.png", make_image(64, 64).pixels)
    command = [sys.executable, "-m", "keras_srgan.evaluate", "--data", str(tmp_path), "--metrics", "psnr", "pyiqa:psnr"]
    done = subprocess.run(command, capture_output=True, text=True)
    cells = next(line for line in done.stdout.splitlines() if line.startswith("| bicubic")).split("|")
    assert float(cells[3].split()[0]) == pytest.approx(float(cells[2].split()[0]), abs=0.01), done.stderr


def test_an_original_is_needed_and_other_names_are_refused(tmp_path, make_image, capsys, monkeypatch):
    monkeypatch.setattr("keras_srgan.evaluate.evaluation.pyiqa_metric", lambda name: (None, {}))
    monkeypatch.setattr("keras_srgan.evaluate.__main__.load_first", lambda metrics: None)  # TensorFlow is there already
    write_image(tmp_path / "a.png", make_image(64, 64).pixels)
    assert evaluate(["--lr", str(tmp_path), "--metrics", "pyiqa:niqe"]) == 1
    assert "compares with an original" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evaluate(["--lr", str(tmp_path), "--metrics", "nonsense"])
    assert "invalid choice: 'nonsense'" in capsys.readouterr().err
