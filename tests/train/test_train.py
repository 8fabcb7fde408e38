"""Whole runs on tiny settings."""

import csv
import json

import numpy as np
import pytest

import keras_srgan
from keras_srgan import losses
from keras_srgan.networks import build_discriminator, build_generator
from keras_srgan.train.callbacks import guard
from keras_srgan.train.callbacks.guard import Guard
from keras_srgan.train.loop import train
from keras_srgan.train.stages import build_stage
from keras_srgan.weights import load_weights

from .conftest import assert_equal_states, state, stop_after


def test_a_run_leaves_weights_card_log_events_curves_pictures_and_table(run):
    each = run()
    table = train(each)
    files = {str(p.relative_to(each.folder)) for p in each.folder.rglob("*") if p.is_file()}
    for name in ("xray-srgan-plus", "xray-srgan-plus-pretrained"):
        assert {f"{name}.weights.h5", f"{name}.json"} <= files
    pictures = {f"previews/{stage}-00{n}.png" for stage in ("pretrain", "adversarial") for n in (1, 2)}
    assert {"recipe.json", "log.csv", "curves.png", "contact_sheet.png", "table.md"} | pictures <= files
    assert any("events.out.tfevents" in name for name in files)
    assert not any(name.endswith(".tmp") for name in files)
    assert [row["method"] for row in table] == ["bicubic", "after pretraining", "after the adversarial stage"]
    rows = list(csv.DictReader((each.folder / "log.csv").open()))
    assert [(row["stage"], row["epoch"]) for row in rows] == [
        ("pretrain", "1"),
        ("pretrain", "2"),
        ("adversarial", "1"),
        ("adversarial", "2"),
    ]
    card = json.loads((each.folder / "xray-srgan-plus.json").read_text())
    assert card["recipe"]["filters"] == 8 and card["data"]["images"] == 4
    assert card["figures"]["table"] == table and card["budget"]["adversarial_patches"] == 24
    sr = keras_srgan.load(each.folder).upscale(each.val[0].pixels)
    assert sr.shape == (240, 256) and sr.dtype == "uint8"


def test_either_stage_can_be_skipped_or_started_from_weights(run):
    first = run("first", epochs=0)
    assert len(train(first)) == 2
    second = run("second", pretrain_epochs=0, epochs=1)
    second.init = str(first.folder)
    said = []
    second.log = said.append
    train(second)
    assert any("starts from" in text for text in said)
    cards = [json.loads((each.folder / "xray-srgan-plus.json").read_text()) for each in (first, second)]
    assert cards[1]["budget"]["pretrain_patches"] == cards[0]["budget"]["pretrain_patches"] == 24
    assert cards[1]["budget"]["adversarial_patches"] == 12 and "adversarial_hours" not in cards[0]["budget"]
    assert [(part["stage"], len(part["val_psnr"])) for part in cards[1]["curve"]] == [
        ("pretrain", 2),
        ("adversarial", 1),
    ]
    assert cards[1]["curve"][:1] == cards[0]["curve"] and cards[0]["curve"][0]["patches"] == 12
    assert not (second.folder / "xray-srgan-plus-pretrained.weights.h5").exists()
    with pytest.raises(ValueError, match="both 0"):
        train(run("third", pretrain_epochs=0, epochs=0))


def test_the_discriminator_starts_from_another_runs(run):
    first = run("first", pretrain_epochs=0, epochs=1)
    train(first)
    second = run("second", pretrain_epochs=0)
    second.init_discriminator = str(first.folder)
    fresh, judge = (build_stage(each, "adversarial").discriminator for each in (first, second))
    plain = build_discriminator(first.recipe)
    plain.load_weights(first.folder / "checkpoints" / "discriminator.weights.h5")
    for variable, stored, new in zip(judge.variables, plain.variables, fresh.variables, strict=True):
        np.testing.assert_array_equal(np.array(variable), np.array(stored))
        if "kernel" in variable.path:
            assert not np.array_equal(np.array(variable), np.array(new))
    second.recipe = second.recipe.replace(discriminator_dense=16)
    with pytest.raises(ValueError, match="another network.*dense/kernel"):
        build_stage(second, "adversarial")


def test_what_the_adversarial_stage_lacks_is_said_before_the_content_stage(run, monkeypatch):
    monkeypatch.setattr("keras_srgan.train.loop._run_stage", lambda *given: pytest.fail("a stage began"))
    each = run(features="vgg19", perceptual_weight=0.006, features_weights="nowhere.h5")
    with pytest.raises(FileNotFoundError, match="nowhere.h5: no such file"):
        train(each)
    each = run()
    each.init_discriminator = "nowhere"
    with pytest.raises(FileNotFoundError, match="nowhere: no discriminator"):
        train(each)
    with pytest.raises(pytest.fail.Exception, match="a stage began"):
        train(run())


def test_scale_1_learns_to_remove_what_a_degradation_adds(run):
    each = run(scale=1, degradation={"dose": 300, "codec": "jpeg"}, pretrain_epochs=1, epochs=0)
    table = train(each)
    assert table[0]["psnr"] < 40  # the degraded image as it is
    sr = keras_srgan.load(each.folder).upscale(each.val[0].pixels)
    assert sr.shape == each.val[0].pixels.shape


def test_several_steps_an_execution_are_the_same_steps(run, monkeypatch):
    options = {"patches_per_epoch": 24, "epochs": 0, "xla": True}
    one, two = (run(f"by-{count}", **options, steps_per_execution=count) for count in (1, 2))
    train(one)
    two.checkpoint_minutes = 0
    stop_after(monkeypatch, two, "pretrain", 4)
    train(two, resume=True)
    trained = [
        {name: value for name, value in state(each.folder).items() if not name.startswith("metric/")}
        for each in (one, two)
    ]  # what validation has left in the trackers is no part of a run
    assert_equal_states(*trained)
    with pytest.raises(ValueError, match="steps_per_execution = 4: give a divisor of an epoch's steps, 6"):
        train(run("by-4", **options, steps_per_execution=4))


def test_failing_before_any_good_epoch_is_one_clear_error(run):
    said = []
    each = run("nan", pretrain_epochs=0, epochs=3, lr=1e30)
    each.log = said.append
    with pytest.raises(RuntimeError, match="not a number|fell to"):
        train(each)


@pytest.mark.parametrize(("own", "content"), (("mse", "mse"), ("", "l1")))
def test_the_content_stage_may_have_a_loss_of_its_own(run, own, content):
    each = run(pretrain_loss=own, content_loss="l1")
    assert build_stage(each, "pretrain").content_loss is losses.CONTENT[content]
    assert build_stage(each, "adversarial").content_loss is losses.l1


def test_collapse_rolls_back_to_the_best_generator(run, monkeypatch):
    each = run("collapse", pretrain_epochs=0, epochs=6, collapse_db=3.0)
    said = []
    each.log = said.append
    original = Guard.on_epoch_end

    def break_generator(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 1:
            for model in (self.model.generator, self.model.ema_generator):
                bias = model.get_layer("pixels").conv.bias
                bias.assign([40.0] * bias.shape[0])

    monkeypatch.setattr(Guard, "on_epoch_end", break_generator)
    table = train(each)
    assert any("rolled back to the best generator" in text for text in said)
    assert table[1]["psnr"] > table[0]["psnr"] - 6
    rows = list(csv.DictReader((each.folder / "log.csv").open()))
    assert len(rows) == 3 and float(rows[2]["val_psnr"]) < float(rows[1]["val_psnr"]) - 3


def test_a_discriminator_that_always_wins_ends_the_stage(run, monkeypatch):
    monkeypatch.setattr(guard, "SATURATED", 2.0)  # every epoch counts as won
    each = run("won", pretrain_epochs=0, epochs=6, saturated_epochs=2)
    said = []
    each.log = said.append
    train(each)
    assert any("D told HR from SR without error" in text for text in said)
    train(each, resume=True)  # finished: nothing is trained again
    assert len(list(csv.DictReader((each.folder / "log.csv").open()))) == 2


def test_the_seed_decides_the_run(run):
    same = [run(name, epochs=0, pretrain_epochs=1) for name in ("a", "b")]
    other = run("c", epochs=0, pretrain_epochs=1, seed=1)
    for each in (*same, other):
        train(each)
    states = [state(each.folder) for each in (*same, other)]
    assert_equal_states(states[0], states[1])
    assert any(not np.array_equal(states[0][name], states[2][name]) for name in states[0])


def test_the_contact_sheet_shows_the_liveliest_96_px_of_an_image():
    from keras_srgan.train.results import DETAIL, _liveliest

    image = np.zeros((384, 384, 3))
    image[200:280, 40:120] = np.random.default_rng(0).uniform(-1, 1, (80, 80, 3))
    top, left, side = _liveliest(image, DETAIL)
    assert side == 96 and top <= 200 and top + side >= 270 and left <= 48 and left + side >= 110
    assert _liveliest(image[:50, :70], DETAIL) == (0, 0, 50)


def test_frozen_bn_keeps_what_the_first_weights_have_in_both_stages(run):
    first = run("first", generator="srresnet", norm="batch", skip="none", epochs=0, pretrain_epochs=1)
    train(first)
    path = first.weights_path("pretrain")
    second = run("second", generator="srresnet", norm="batch", skip="none", bn_frozen=True)
    with pytest.raises(ValueError, match="give --init"):
        train(second)
    second.init = str(path)
    train(second)
    before, after = build_generator(first.recipe), build_generator(second.recipe)
    load_weights(before, path)
    load_weights(after, second.weights_path("adversarial"))
    same = {a.path: np.array_equal(a, b) for a, b in zip(before.variables, after.variables, strict=True)}
    assert all(kept for name, kept in same.items() if "_bn/" in name) and any("_bn/" in name for name in same)
    assert not any(kept for name, kept in same.items() if name.endswith("kernel"))
