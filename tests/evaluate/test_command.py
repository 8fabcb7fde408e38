"""`python -m keras_srgan.evaluate`: what it prints and writes, and each mistake in one line."""

import json
import subprocess
import sys

import pytest

from keras_srgan.evaluate import __main__ as evaluate
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.measure import METRICS
from keras_srgan.evaluate.protocols import PROTOCOLS


def test_the_command_prints_and_writes_what_the_library_found(folder, tmp_path, capsys):
    arguments = f"--data {folder} --metrics psnr seconds --nearest --most 2 --report {tmp_path / 'out'}"
    assert evaluate.main(arguments.split()) == 0
    printed = capsys.readouterr()
    assert not printed.err
    assert "| nearest |" in printed.out and "Protocol cxr, x4" in printed.out
    assert f"command: python -m keras_srgan.evaluate {arguments}" in printed.out
    saved = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert saved["provenance"]["images"] == 2 and saved["methods"] == ["bicubic", "nearest"]
    expected = compare(folder, metrics=["psnr"], most=2).rows[0]["psnr"]
    assert saved["rows"][0]["psnr"] == expected


def test_help_and_compare_need_no_tensorflow_until_they_are_used():
    code = (
        "import sys, keras_srgan, keras_srgan.evaluate.__main__ as e\n"
        "try: e.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert 'keras' not in sys.modules and callable(keras_srgan.compare) and 'keras' in sys.modules\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert all(name in shown for name in (*METRICS, *PROTOCOLS))
    assert set(evaluate.PROTOCOLS) == set(PROTOCOLS)


@pytest.mark.parametrize(
    "arguments,status,text",
    [
        ("--data nowhere", 1, "no folder nowhere"),
        ("--data {empty}", 1, "no image under"),
        ("--data {folder} --weights nothing", 1, "nothing: no such weights; give a"),
        ("--data {folder} --scale 2 --weights xray-srgan-plus", 1, "weights of scale 4; this evaluation is of scale 2"),
        ("--data {folder} --report {file}", 1, "a file; --report takes a folder"),
        ("--data {folder} --discriminator x", 1, "give weights too"),
        ("--hr {folder}", 2, "give --data DIR, or --hr DIR and --lr DIR"),
        ("--data {folder} --most 0", 2, "--most 0: at least 1"),
        ("--data {folder} --protocol cxr-512", 2, "invalid choice: 'cxr-512'"),
    ],
)
def test_each_mistake_is_one_line(arguments, status, text, folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    places = {"folder": folder, "empty": tmp_path / "empty", "file": folder / "0.png"}
    try:
        found = evaluate.main([each.format(**places) for each in arguments.split()])
    except SystemExit as stop:
        found = stop.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert found == status and len(lines) == 1 and text in lines[0]


def test_mos_needs_images_and_weights(capsys):
    with pytest.raises(SystemExit, match="2"):
        evaluate.main(["--data", "images", "--mos", "judge.html"])
    assert "--mos needs --data and --weights" in capsys.readouterr().err
