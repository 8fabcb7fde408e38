"""`python -m keras_srgan.upscale` on small files of every kind: what comes out, and what bad input gets."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from keras_srgan.images import write_image
from keras_srgan.upscale import __main__ as upscale

from .conftest import DEEP, GRAY, RGB, found, larger, near, read, untrained


def test_a_gray_image_through_a_colour_network_stays_gray(run):
    run.upscaler = untrained(3)
    write_image("a.png", GRAY)
    write_image("b.png", RGB)
    assert run("a.png", "b.png", "--map")[0] == 0
    near(read("out/a_x2.png").pixels, larger(GRAY))
    near(read("out/b_x2.png").pixels, larger(RGB))


def test_maps_hold_what_was_added_and_the_spread(run, bicubic, monkeypatch):
    from keras_srgan.inference import upscaler as inference

    # A network that adds 3 grey levels, more or less by the turn of the image.
    original, calls = inference.Upscaler._network, iter(range(99))
    monkeypatch.setattr(
        inference.Upscaler, "_network", lambda self, lr, white: original(self, lr, white) + 3 + (next(calls) % 2)
    )
    write_image("a.png", np.full((20, 30), 90, np.uint8))
    assert run("a.png", "--map", "--self-ensemble")[0] == 0
    assert found() == sorted(["a_x2.png", *(f"a_x2_{m}.{s}" for m in ("added", "spread") for s in ("npy", "png"))])
    np.testing.assert_allclose(np.load("out/a_x2_added.npy"), np.full((40, 60), 3.5), atol=1e-3)
    np.testing.assert_allclose(np.load("out/a_x2_spread.npy"), np.full((40, 60), 0.5), atol=1e-3)
    np.testing.assert_allclose(read("out/a_x2_added.png").pixels[0, 0], [255, 76.5, 76.5], atol=1)  # 3.5 of 5: red
    assert "exists" in run("a.png", "--map")[2][0]
    os.remove("out/a_x2.png")
    assert "a_x2_added.png: exists" in run("a.png", "--map")[2][0]


def test_back_projection_reports_consistency_before_and_after(run):
    write_image("a.png", GRAY)
    status, lines, _ = run("a.png", "--back-project", 3, "--json")
    before, after = json.loads("\n".join(lines))["files"][0]["consistency"]
    assert status == 0 and after < before
    status, lines, _ = run("a.png", "--back-project", 3, "--overwrite")
    assert f"consistency {before:.3g} -> {after:.3g} grey levels" in lines[0]


def test_json_has_everything_and_human_lines_go_to_stderr(run):
    write_image("a.png", DEEP)
    (open("bad.png", "w")).close()
    status, lines, errors = run("a.png", "bad.png", "--json", "--tile", 16)
    summary = json.loads("\n".join(lines))
    assert status == 1 and summary["failed"] == 1 and summary["scale"] == 2 and not summary["interrupted"]
    good, bad = summary["files"]
    assert good["status"] == "done" and good["output"] == [os.path.join("out", "a_x2.png")]
    assert (good["size_in"], good["size_out"], good["dtype"], good["max_value"]) == (
        [30, 20],
        [60, 40],
        "uint16",
        4095,
    )
    assert good["range_in"] == [int(DEEP.min()), int(DEEP.max())] and good["exact"] and good["tiles"] >= 1
    assert good["seconds"] > 0 and good["peak_memory_mb"] > 50
    assert bad["status"] == "failed" and "0 bytes" in bad["error"] and bad["output"] == []
    assert any(line.startswith("a.png 30x20") for line in errors)


def test_the_same_file_twice_gives_the_same_bytes(run):
    for name, pixels in {"a.png": DEEP, "b.tif": RGB, "c.jpg": RGB, "d.webp": RGB}.items():
        write_image(name, pixels)
        assert run(name)[0] == 0
        target = f"out/{name[0]}_x2{name[1:]}"
        with open(target, "rb") as file:
            first = file.read()
        assert run(name, "--overwrite")[0] == 0
        with open(target, "rb") as file:
            assert file.read() == first


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("options", [[], ["--self-ensemble", "--map", "--back-project", "2"]], ids=["plain", "all"])
def test_images_of_one_pixel_a_side_work(run, shape, options):
    write_image("a.png", np.full(shape, 77, np.uint8))
    assert run("a.png", *options)[0] == 0
    near(read("out/a_x2.png").pixels, np.full((2 * shape[0], 2 * shape[1]), 77, np.uint8))


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--tile", "-1"], "--tile"),
        (["--tile", "some"], "--tile"),
        (["--overlap", "1.5"], "--overlap"),
        (["--back-project", "x"], "--back-project"),
        (["--max-pixels", "0"], "--max-pixels"),
        (["--format", "gif"], "gif"),
        (["--bits", "3"], "--bits"),
        (["--colour", "red"], "red"),
    ],
)
def test_wrong_flags_are_one_line_and_exit_2(run, flags, word):
    status, _, errors = run("a.png", *flags)
    assert status == 2 and len(errors) == 1 and word in errors[0]


@pytest.fixture(scope="module")
def real_weights(tmp_path_factory):
    """A folder of small real weights with their card."""
    from keras_srgan.networks import build_generator
    from keras_srgan.recipes import Recipe
    from keras_srgan.weights import save_weights

    recipe = Recipe().replace(filters=4, blocks=1)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    return save_weights(build_generator(recipe), path, {"recipe": dataclasses.asdict(recipe)})


def test_the_command_runs_as_a_module_with_real_weights(real_weights, tmp_path):
    write_image(tmp_path / "in" / "a.png", DEEP)
    line = [sys.executable, "-m", "keras_srgan.upscale", "in", "--out", "out", "--weights", real_weights]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "120x80" in done.stdout
    assert read(tmp_path / "out" / "a_x4.png").pixels.shape == (80, 120)


@pytest.mark.parametrize(
    "damage, word",
    [("cut", "sha256"), ("pointer", "git lfs pull"), ("card", "card"), ("none", "no such weights")],
)
def test_bad_weights_are_one_line(real_weights, tmp_path, capsys, damage, word, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, card = tmp_path / "w.weights.h5", tmp_path / "w.json"
    path.write_bytes(real_weights.read_bytes())
    card.write_bytes(real_weights.with_name("small.json").read_bytes())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    elif damage == "pointer":
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    elif damage == "card":
        card.write_text("{}")
    else:
        path.unlink()
    write_image("a.png", GRAY)
    assert upscale.main(["a.png", "--out", "out", "--weights", str(path)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and re.search(word, errors[0]) and not os.path.exists("out")
