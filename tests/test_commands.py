"""The commands together: help, what a run gives to `upscale`, and a run folder that is in use."""

import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from keras_srgan.__main__ import main
from keras_srgan.images import write_image
from keras_srgan.train import __main__ as train
from keras_srgan.upscale import __main__ as upscale

from .conftest import refused, textured


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a finished run, and that of its images."""
    root, rng = tmp_path_factory.mktemp("trained"), np.random.default_rng(0)
    (root / "data").mkdir()
    for i in range(4):
        write_image(root / "data" / f"{i}.png", textured(rng, 60, 64))
    tiny = (
        "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
        "--patches-per-epoch 8 --pretrain-epochs 1 --epochs 1 --features none --flat 0 --no-xla"
    ).split()
    assert train.main(["--data", str(root / "data"), "--out", str(root / "run"), *tiny]) == 0
    return root / "run", root / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["upscale", "--help"],
        ["export", "--help"],
        ["pacs", "listen", "--help"],
        ["--version"],
    ],
)
def test_help_and_version_answer_in_well_under_a_second_without_tensorflow(arguments):
    code = (
        "import sys; from keras_srgan.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    assert any(_seconds([sys.executable, "-c", code, *arguments]) < 1.0 for _ in range(3))


def _seconds(line):
    started = time.monotonic()
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def test_an_unknown_command_is_named(capsys):
    assert main(["trian"]) == 2
    assert "trian" in capsys.readouterr().err


def test_a_run_folder_in_use_or_of_another_recipe_is_refused(trained, capsys):
    out, folder = trained
    capsys.readouterr()
    assert "not empty" in refused(capsys, train, ["--data", folder, "--out", out])
    assert "a run of recipe 'xray-srgan-plus'" in refused(capsys, train, ["--resume", out, "--recipe", "xray-srgan"])
    assert "began with blocks = 1" in refused(capsys, train, ["--resume", out, "--blocks", "2"])


def test_upscale_keeps_formats_and_goes_on_after_a_bad_file(trained, tmp_path, capsys):
    out, _ = trained
    capsys.readouterr()
    deep = tmp_path / "deep.png"
    write_image(deep, (np.arange(600, dtype="uint16") * 100).reshape(20, 30))
    bad = tmp_path / "bad.png"
    bad.write_text("text")
    target = tmp_path / "sr"
    line = refused(capsys, upscale, [bad, deep, "--weights", out, "--out", target])
    assert "bad.png" in line
    sr = cv2.imread(str(target / "deep_x4.png"), cv2.IMREAD_UNCHANGED)
    assert sr.shape == (80, 120) and sr.dtype == "uint16" and sr.max() > 255
    assert "exists" in refused(capsys, upscale, [deep, "--weights", out, "--out", target])
    assert upscale.main([str(deep), "--weights", str(out), "--out", str(target), "--overwrite"]) == 0


def test_upscale_writes_a_derived_dicom(trained, tmp_path):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.data import get_testdata_file

    out, _ = trained
    source = get_testdata_file("MR_small.dcm")
    assert upscale.main([source, "--weights", str(out), "--out", str(tmp_path / "sr")]) == 0
    before, after = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "sr" / "MR_small_x4.dcm")
    assert (after.Rows, after.Columns) == (before.Rows * 4, before.Columns * 4)
    assert after.ImageType[0] == "DERIVED" and after.SOPInstanceUID != before.SOPInstanceUID
    ratio = after.pixel_array.astype(float).mean() / before.pixel_array.astype(float).mean()
    assert ratio == pytest.approx(1, abs=0.05)
