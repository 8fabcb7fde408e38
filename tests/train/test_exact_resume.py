"""A run that was stopped or killed at any moment goes on weight for weight."""

import csv
import json
import os
import signal
import subprocess
import time

import pytest

from keras_srgan.recipes import Recipe
from keras_srgan.train.__main__ import parser, resolve
from keras_srgan.train.callbacks.checkpoint import Interrupted, read_checkpoint
from keras_srgan.train.loop import train
from keras_srgan.train.stages import build_stage

from .conftest import FLAGS, assert_equal_states, command, folder_of, state, stop_after


@pytest.mark.parametrize("judge", ("strided", "unet"))
def test_a_stopped_run_resumes_weight_for_weight(run, judge, monkeypatch):
    options = {"xla": True, "discriminator": judge}
    whole = run("whole", **options)
    train(whole)
    for stage, after in (("pretrain", 4), ("adversarial", 5))[judge == "unet" :]:
        stopped = run(f"stopped-{stage}-{after}", **options)
        stopped.checkpoint_minutes = 0  # after every step
        stop_after(monkeypatch, stopped, stage, after)
        train(stopped, resume=True)
        assert_equal_states(state(whole.folder), state(stopped.folder))
        logs = [list(csv.DictReader((each.folder / "log.csv").open())) for each in (whole, stopped)]
        for a, b in zip(*logs, strict=True):
            for name in ("loss", "val_psnr", "val_ssim", "d_real", "learning_rate"):
                assert a[name] == b[name]


def test_a_run_that_is_asked_to_stop_while_a_stage_is_built_stops_before_it_and_resumes(run, monkeypatch):
    once, before = {"pretrain_epochs": 1, "epochs": 1}, signal.getsignal(signal.SIGINT)
    whole = run("whole", **once)
    train(whole)
    asked = []

    def build(each, stage, *given, **options):
        if stage not in asked:  # Ctrl-C, once a stage
            asked.append(stage)
            os.kill(os.getpid(), signal.SIGINT)
        return build_stage(each, stage, *given, **options)

    monkeypatch.setattr("keras_srgan.train.loop.build_stage", build)
    stopped = run("stopped", **once)
    with pytest.raises(Interrupted):
        train(stopped)
    assert read_checkpoint(stopped.checkpoint)[0]["step"] == 0 and not (stopped.folder / "log.csv").exists()
    with pytest.raises(Interrupted):
        train(stopped, resume=True)
    assert not (stopped.folder / "xray-srgan-plus.weights.h5").exists()
    train(stopped, resume=True)
    assert_equal_states(state(whole.folder), state(stopped.folder))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_on_degraded_images_resumes_weight_for_weight_and_its_card_says_how_lr_was_made(run, monkeypatch):
    options = {"degradation": "real", "epochs": 0}
    whole, stopped = (run(name, **options) for name in ("whole", "stopped"))
    train(whole)
    stopped.checkpoint_minutes = 0
    stop_after(monkeypatch, stopped, "pretrain", 4)
    train(stopped, resume=True)
    assert_equal_states(state(whole.folder), state(stopped.folder))
    card = json.loads((whole.folder / "xray-srgan-plus.json").read_text())
    assert Recipe.from_dict(card["recipe"]).degradation == whole.recipe.degradation
    assert "LR by degradation clean 0.15, mtf 0.35..1" in card["figures"]["protocol"]
    with pytest.raises(ValueError, match="began with degradation = .*omit the flag"):
        resolve(parser().parse_args(["--resume", str(folder_of(whole)), "--degradation", "archive"]))


def test_sigkill_at_any_moment_then_resume_is_exact(folder, tmp_path):
    common = [*FLAGS, "--epochs", 4, "--checkpoint-minutes", 0]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    subprocess.run(command("--data", folder, "--out", whole, *common), check=True, env=environment)
    process = subprocess.Popen(
        command("--data", folder, "--out", killed, *common), stdout=subprocess.PIPE, text=True, env=environment
    )
    for line in process.stdout:
        if line.startswith("adversarial epoch 1"):
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run(command("--resume", killed), check=True, env=environment)
    assert_equal_states(state(whole), state(killed))


def test_sigint_saves_and_says_how_to_go_on(folder, tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen(
        command("--data", folder, "--out", out, *FLAGS, "--pretrain-epochs", 500, "--epochs", 0),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("pretrain epoch 1/"):
            process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "--resume" in said[-1] and (out / "checkpoints" / "last.npz").is_file()
    assert (out / "xray-srgan-plus.weights.h5").is_file()  # the content stage is the whole run here


def test_a_checkpoint_of_other_images_or_another_recipe_is_refused(run):
    each = run("a", epochs=0, pretrain_epochs=1)
    train(each)
    each.train = each.train[:3]
    with pytest.raises(ValueError, match="training images are not those"):
        train(each, resume=True)
    other = run("a", epochs=0, pretrain_epochs=2, blocks=2)
    with pytest.raises(ValueError, match="another recipe"):
        train(other, resume=True)
