"""`python -m keras_srgan.train` as its user meets it: plans, and one clear line for each mistake."""

import json
import os

import cv2
import numpy as np
import pytest

from keras_srgan.evaluate import __main__ as evaluate
from keras_srgan.images import write_image
from keras_srgan.recipes import find_recipe
from keras_srgan.train import __main__ as train
from keras_srgan.train.datasets import load_data
from keras_srgan.upscale import __main__ as upscale

from ..conftest import refused

TINY = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 8 --pretrain-epochs 1 --epochs 1 --features none --flat 0 --no-xla"
).split()


@pytest.fixture
def folder(make_image, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for i in range(4):
        write_image(data / f"{i}.png", make_image(60, 64).pixels)
    return data


def test_help_shows_every_default(capsys):
    import dataclasses

    from keras_srgan.recipes import find_recipe

    with pytest.raises(SystemExit):
        train.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name, value in dataclasses.asdict(find_recipe(train.DEFAULT)).items():
        value = value["name"] if name == "degradation" else value
        if name not in ("name", "source", "reported"):
            assert f"--{name.replace('_', '-')}" in text and f"[{value}]" in text


def test_dry_run_prints_the_plan_and_leaves_nothing(folder, tmp_path, capsys):
    out = tmp_path / "run"
    assert train.main(["--data", str(folder), "--out", str(out), "--dry-run", *TINY]) == 0
    text = capsys.readouterr().out
    for what in (
        '"name": "xray-srgan-plus"',
        "3 training, 1 validation",
        "2 an epoch",
        "parameters: generator ",
        "minutes",
        "GB",
    ):
        assert what in text, what
    assert not out.exists()


def test_flags_go_over_the_config_file_and_both_over_the_recipe(folder, tmp_path, capsys):
    config = tmp_path / "my.toml"
    config.write_text("blocks = 2\nfilters = 12\nlr = 1\n")
    arguments = ["--data", str(folder), "--config", str(config), "--dry-run", "--blocks", "3", "--patch", "32"]
    assert train.main([*arguments, "--val-patch", "32", "--batch", "4"]) == 0
    recipe = json.loads(capsys.readouterr().out.split("recipe: ")[1].split("\nimages:")[0])
    assert (recipe["blocks"], recipe["filters"], recipe["lr"], recipe["scale"]) == (3, 12, 1.0, 4)


@pytest.mark.parametrize(
    "text,message",
    [
        ("filtres = 3", "unknown recipe field 'filtres'"),
        ("blocks = 'many'", "must be of type int"),
        ("blocks = ", "not a TOML file"),
        ("norm = 'layer'", "choose one of"),
    ],
)
def test_a_wrong_config_is_one_line(folder, tmp_path, capsys, text, message):
    config = tmp_path / "my.toml"
    config.write_text(text)
    assert message in refused(capsys, train, ["--data", folder, "--config", config])


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--data", "absent"], "absent"),
        (["--recipe", "nope"], "unknown recipe 'nope': choose one of"),
        (["--filtres", "3"], "--filtres"),
        (["--patch", "50"], "not a multiple of scale 4"),
        (["--config", "absent.toml"], "absent.toml: no such file"),
        (["--resume", "absent"], "absent: not a run folder"),
        (["--scale", "5"], "5"),
        (["--ema", "1.5"], "ema = 1.5"),
        (["--lr", "0"], "lr = 0.0"),
        (["--batch", "0"], "batch = 0"),
        (["--features-layer", "block9", "--dry-run"], "no layer 'block9'"),
        (["--zoom", "0.5"], "zoom = 0.5: must be at least 1"),
        (["--edges", "1.5"], "edges = 1.5: must be in [0, 1]"),
        (["--tv-weight", "-1"], "tv_weight = -1.0: must not be negative"),
        (["--image-size", "720"], "image_size = '720': give HEIGHTxWIDTH"),
        (["--image-size", "720x64"], "image_size = '720x64': give HEIGHTxWIDTH of at least the patch"),
        (["--image-size", "720x1280"], "image_size 720x1280 is for --data"),
        (["--scale", "1", "--recipe", "unet-gan"], "scale 1 needs pairs of equal size: give --data and --data-lr"),
        (["--data-lr", "low"], "--data-lr holds LR images of --data"),
        (["--data", "a", "--data-lr", "b", "--val", "c"], "--val-lr goes with --val and --data-lr"),
        (["--data", "a", "--val-lr", "b"], "--val-lr goes with --val"),
    ],
)
def test_wrong_arguments_are_one_line(capsys, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, train, arguments)
    assert list(tmp_path.iterdir()) == []


def test_every_image_is_resized_to_image_size(folder, tmp_path, capsys):
    recipe = find_recipe("covid-srgan8").replace(image_size="96x160", patch=32)
    where = {name: None for name in train.FOLDERS} | {"data": str(folder), "strict": False, "licence": ""}
    images, held_out, _ = load_data(recipe, where, print)
    assert {image.pixels.shape for image in [*images, *held_out]} == {(96, 160)}


def test_pairs_of_equal_size_train_resume_upscale_and_are_measured(folder, tmp_path, capsys):
    low = tmp_path / "low"
    low.mkdir()
    for path in folder.iterdir():
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(low / path.name), cv2.GaussianBlur(pixels, (5, 5), 2))
    run, pairs = tmp_path / "run", ["--data", folder, "--data-lr", low]
    line = [*pairs, "--recipe", "unet-gan", "--scale", "1", *TINY, "--filters", "2", "--zoom", "1.5", "--out", run]
    assert train.main([str(each) for each in line]) == 0
    assert "LR as given" in capsys.readouterr().out
    assert train.main(["--resume", str(run), "--data-lr", str(low)]) == 0
    assert f"began with --data-lr {low}" in refused(capsys, train, ["--resume", run, "--data-lr", folder])
    assert upscale.main([str(low / "0.png"), "--weights", str(run), "--out", str(tmp_path / "out")]) == 0
    assert cv2.imread(str(tmp_path / "out" / "0_x1.png"), -1).shape == (60, 64)
    report = tmp_path / "report"
    measured = ["--hr", folder, "--lr", low, "--scale", "1", "--weights", run, "--report", report]
    assert evaluate.main([str(each) for each in [*measured, "--metrics", "psnr", "--discriminator", run]]) == 0
    found = json.loads((report / "report.json").read_text())
    assert {"accuracy", "precision", "recall", "f1"} <= set(found["classifier"][0])
    assert "--scale 1 compares pairs" in refused(capsys, evaluate, ["--data", folder, "--scale", "1"])


def test_an_empty_folder_and_a_folder_of_texts_are_one_line(tmp_path, capsys):
    empty, texts = tmp_path / "empty", tmp_path / "texts"
    empty.mkdir()
    texts.mkdir()
    (texts / "a.txt").write_text("hello")
    for folder in (empty, texts):
        assert str(folder) in refused(capsys, train, ["--data", folder, "--out", tmp_path / "run"])
    assert not (tmp_path / "run").exists()


def test_bad_files_among_good_ones_are_named_and_counted_or_refused(folder, tmp_path, capsys):
    (folder / "empty.png").write_bytes(b"")
    whole = (folder / "0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(folder / "small.png"), np.zeros((20, 20), "uint8"))
    assert train.main(["--data", str(folder), "--dry-run", *TINY]) == 0
    error = capsys.readouterr().err
    for name in ("empty.png", "cut.png", "small.png"):
        assert name in error
    refused(capsys, train, ["--data", folder, "--strict", "--dry-run", *TINY])


def test_a_batch_larger_than_the_data_is_one_line(tmp_path, make_image, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for i in range(2):
        write_image(data / f"{i}.png", make_image(32, 32).pixels)
    line = refused(capsys, train, ["--data", data, "--out", tmp_path / "run", *TINY])
    assert "batch of 4 is larger than the data" in line


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/dev/full"), reason="needs /dev/full as root")
def test_a_run_folder_that_can_not_be_made_is_one_line(folder, tmp_path, capsys):
    blocker = tmp_path / "file"
    blocker.write_text("")
    assert str(blocker) in refused(capsys, train, ["--data", folder, "--out", blocker / "run", *TINY])


def test_a_full_disk_ends_the_run_in_one_line(folder, tmp_path, capsys, monkeypatch):
    from keras_srgan.train.callbacks import checkpoint

    def full(file, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.np, "savez", full)
    line = refused(capsys, train, ["--data", folder, "--out", tmp_path / "run", *TINY])
    assert "last.npz" in line and "No space left" in line
    assert not list((tmp_path / "run").rglob("*.tmp"))


def test_missing_feature_weights_are_one_line_with_three_ways_out(folder, tmp_path, capsys, monkeypatch):
    import keras

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))

    def offline(*args, **kwargs):
        if kwargs.get("weights") == "imagenet":
            raise Exception("URL fetch failure")
        return original(*args, **kwargs)

    original = keras.applications.VGG19
    monkeypatch.setattr(keras.applications, "VGG19", offline)
    flags = [flag for flag in TINY if flag not in ("--features", "none")]
    line = refused(capsys, train, ["--data", folder, "--recipe", "xray-srgan", "--out", tmp_path / "run", *flags])
    for way in ("--features-weights FILE", "block3_conv4", "internet"):
        assert way in line


def test_the_default_run_shrunk_beats_bicubic_on_the_held_out_region(tmp_path, capsys):
    out = tmp_path / "run"
    shrunk = (
        "--filters 16 --blocks 2 --patch 48 --val-patch 96 --patches-per-epoch 200 --pretrain-epochs 5 --epochs 1 "
        "--discriminator-filters 4 --discriminator-dense 8 --warmup 20"
    )
    assert train.main(["--out", str(out), *shrunk.split()]) == 0
    text = capsys.readouterr().out
    for said in (
        "no --data: training on the embedded chest radiograph RG1",
        "held out",
        "patches/s",
        "left",
        "bundled",
    ):
        assert said in text
    card = json.loads((out / "xray-srgan-plus.json").read_text())
    bicubic, pretrained, adversarial = card["figures"]["table"]
    assert pretrained["psnr"] > bicubic["psnr"] + 0.15
    assert np.isfinite(adversarial["psnr"]) and adversarial["sharpness"] > bicubic["sharpness"]
    assert card["data"] == {
        "set": "RG1 of pydicom-data, reduced by 2",
        "licence": "pydicom-data: MIT",
        "images": 37,
        "validation_images": 1,
    }


def load(folder, said, **where):
    where = {"data": str(folder), "val": None, "licence": "", "strict": False} | where
    recipe = find_recipe("xray-srgan-plus").replace(patch=32)
    return load_data(recipe, where, said.append)


def test_validation_images_of_the_trainings_patients_are_refused(folder, make_image, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_image(other / "new.png", make_image(60, 64).pixels)
    assert len(load(folder, [], val=str(other))[1]) == 1
    (other / "copy.png").write_bytes((folder / "2.png").read_bytes())
    with pytest.raises(ValueError, match=r"--val .*other shares 1 image \(as 2.png and copy.png\) with --data"):
        load(folder, [], val=str(other))
    with pytest.raises(ValueError, match="shares 4 images"):
        load(folder, [], val=str(folder))
    with pytest.raises(ValueError, match="--val holds images to validate those of --data"):
        load(None, [], data=None, val=str(folder))


def test_images_of_no_known_patient_are_counted_and_can_be_told(folder, tmp_path):
    said = []
    load(folder, said)
    assert any(line.startswith("4 of 4 images have no known patient") for line in said)
    (tmp_path / "t.csv").write_text("0.png,a\n1.png,a\n2.png,b\n")
    said = []
    images = sum(load(folder, said, patients=str(tmp_path / "t.csv"))[:2], [])
    assert sorted(str(image.patient) for image in images) == ["None", "a", "a", "b"]
    assert any(line.startswith("1 of 4 images have no known patient") for line in said)
    said = []
    load(folder, said, group=r"^\d")
    assert len(said) == 1
