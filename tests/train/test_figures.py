"""One image decides nothing: infinite and undefined figures reach no mean, no guard and no file."""

import json
from pathlib import Path

import numpy as np
import pytest

from keras_srgan.backend.collectives import FiniteAverage
from keras_srgan.data.pipeline import validation_arrays
from keras_srgan.evaluate.summary import mean_interval, paired_difference, summarise
from keras_srgan.files import json_text
from keras_srgan.images import Image
from keras_srgan.train.callbacks.guard import Collapsed, Guard
from keras_srgan.train.loop import train
from keras_srgan.train.results import closing_table, score
from keras_srgan.train.run import Run
from keras_srgan.train.stages import build_stage


def black(name="black.png", side=64):
    return Image(np.zeros((side, side), "uint8"), 255, Path(name))


def strict(path):
    """JSON as other programs read it."""

    def refuse(word):
        raise ValueError(word)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_validation_crop_that_shows_nothing_gives_way_to_another(make_image):
    images = [make_image(60, 64, name=f"{i}.png") for i in range(3)]
    plain = validation_arrays(images[:2], 32, 4, 2)
    for mixed in ([black(), *images[:2]], [images[0], black(), images[1]]):
        found = validation_arrays(mixed, 32, 4, 2)
        for a, b in zip(found, plain, strict=True):
            np.testing.assert_array_equal(a, b)
    assert validation_arrays([black(), black()], 32, 4, 2)[1].shape == (2, 32, 32, 1)  # nothing else is there


def test_an_image_of_one_value_is_left_out_of_the_validations_mean(tiny, make_image, tmp_path):
    image = make_image(60, 64)
    run = Run(tiny, [image], [image], tmp_path, log=lambda text: None)
    model = build_stage(run, "pretrain")
    lr, hr = validation_arrays([image, image], 32, 4, 2)
    alone = model.evaluate(lr[:1], hr[:1], verbose=0, return_dict=True)
    lr[1], hr[1] = -1, -1
    both = model.evaluate(lr, hr, verbose=0, return_dict=True)
    assert both["psnr"] == pytest.approx(alone["psnr"], abs=1e-4) and np.isfinite(both["ssim"])
    assert model.evaluate(lr[1:], hr[1:], verbose=0, return_dict=True)["psnr"] == np.inf


@pytest.mark.parametrize("others", [0, 1])
def test_a_black_validation_image_is_no_collapse_and_no_infinity(tiny, make_image, tmp_path, others):
    said = []
    images = [make_image(60, 64, name=f"{i}.png") for i in range(4)]
    val = [black(), *images[3 : 3 + others]]
    run = Run(tiny.replace(pretrain_epochs=3, epochs=0), images[:3], val, tmp_path / "run", log=said.append)
    table = train(run)
    assert not any("rolled back" in line or "stopped" in line for line in said)
    card = strict(run.folder / "xray-srgan-plus.json")
    figures = card["figures"]["table"]
    if others:
        assert np.isfinite(table[0]["psnr"]) and table[0]["over"]["psnr"] == 1
        assert all(value > 10 for value in card["curve"][0]["val_psnr"])
        assert "Over fewer images, where it cannot be computed: PSNR 1" in (run.folder / "table.md").read_text()
    else:
        assert figures[0]["psnr"] is None and "| bicubic | - | - |" in (run.folder / "table.md").read_text()
    assert "nan" not in closing_table(table) and "inf" not in closing_table(table)


def test_the_mean_of_a_row_of_values_leaves_infinite_ones_out_and_not_undefined_ones():
    mean = FiniteAverage("psnr")
    mean.update_state(np.array([np.inf], "float32"))
    assert float(mean.result()) == np.inf
    mean.update_state(np.array([30, np.inf, 40], "float32"))
    assert float(mean.result()) == 35
    mean.update_state(np.array([np.nan], "float32"))
    assert np.isnan(float(mean.result()))


class Model:
    """What a guard looks at."""

    ema_generator, stop_training = None, False


@pytest.fixture
def guard(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr("keras_srgan.train.callbacks.guard.save_weights", lambda model, path: saved.append(path))
    monkeypatch.setattr("keras_srgan.train.callbacks.guard.fuse", lambda model: model)
    made = Guard(tmp_path / "best", {}, 6.0, 5)
    made.set_model(Model())
    made.saved = saved
    return made


def test_an_infinite_figure_is_no_best_and_its_end_no_collapse(guard):
    for epoch, figure in enumerate((np.inf, 30.0, np.inf, 31.0, 26.0)):
        guard.on_epoch_end(epoch, {"loss": 1.0, "val_psnr": figure})
    assert guard.progress["best_psnr"] == 31.0 and len(guard.saved) == 3
    with pytest.raises(Collapsed, match="fell to 20.00 dB"):
        guard.on_epoch_end(5, {"loss": 1.0, "val_psnr": 20.0})
    with pytest.raises(Collapsed, match="not a number"):
        guard.on_epoch_end(6, {"loss": 1.0, "val_psnr": np.nan})


def test_means_and_differences_leave_infinite_figures_out():
    assert mean_interval([1.0, np.inf, 3.0, np.nan])["mean"] == 2
    found = paired_difference([np.inf, 31.0, 32.0], [np.inf, 30.0, 33.0])
    assert found["mean"] == 0 and found["improved"] == 0.5
    rows = [
        {"image": image, "method": method, "psnr": value}
        for image, values in (("a", (30.0, 31.0)), ("black", (np.inf, 50.0)), ("exact", (40.0, np.inf)))
        for method, value in zip(("bicubic", "ours"), values, strict=True)
    ]
    summary, extremes = summarise(rows, ["bicubic", "ours"], {"psnr": {"better": "higher"}})
    assert [row["psnr"]["mean"] for row in summary] == [30, 31] and summary[1]["psnr"]["n"] == 1
    assert extremes["ours"]["best"] == ["a"]


def test_a_black_image_is_scored_as_what_has_no_figure(make_image):
    rows = score({"bicubic": None}, [black(), make_image(60, 64)], 4)
    assert np.isfinite([rows[0][name] for name in ("psnr", "ssim", "sharpness")]).all()
    assert json.loads(json_text(score({"bicubic": None}, [black()], 4)))[0]["psnr"] is None
