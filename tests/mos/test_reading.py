"""Reading studies: the page, several readers' AUC with intervals over readers and cases, and their agreement."""

import dataclasses
import json
import re

import cv2
import numpy as np
import pytest

from keras_srgan.images import write_image
from keras_srgan.mos import __main__ as mos
from keras_srgan.mos.agreement import alpha, sentence
from keras_srgan.mos.reading import study
from keras_srgan.mos.scores import Rating
from keras_srgan.networks import build_generator
from keras_srgan.recipes import Recipe
from keras_srgan.roc import auc
from keras_srgan.weights import save_weights


def key_of(truth, methods=("original", "bicubic", "network")):
    versions = {
        f"{method} {case}": {"crop": case, "method": method, "truth": present}
        for case, present in truth.items()
        for method in methods
    }
    return {"page": "p", "methods": list(methods), "finding": "opacity", "versions": versions}


def readings(rng, key, readers, gain, spread=0.0):
    """Binormal readers who see `gain` standard deviations in each method, more or less by `spread`."""
    found = []
    for reader in range(readers):
        for method in key["methods"]:
            own = gain[method] + spread * rng.normal()
            for each in key["versions"].values():
                if each["method"] == method:
                    seen = own * each["truth"] + rng.normal()
                    value = 1 + int(np.searchsorted((-0.5, 0.3, 1, 1.8), seen))
                    found.append(Rating(f"r{reader}", each["crop"], method, value))
    return found


@pytest.fixture
def weights_of_nothing(tmp_path):
    recipe = Recipe().replace(filters=4, blocks=1)
    return save_weights(build_generator(recipe), tmp_path / "s.weights.h5", {"recipe": dataclasses.asdict(recipe)})


TRUTH = {f"c{i:02d}": i % 2 == 0 for i in range(40)}
GAIN = {"original": 2.5, "bicubic": 1.0, "network": 1.0}


def test_the_mean_of_the_readers_auc_is_each_readers_own(rng):
    key = key_of(TRUTH)
    found = readings(rng, key, 3, GAIN)
    rows = {row["method"]: row for row in study(found, key)}
    for method, row in rows.items():
        areas = []
        for reader in row["readers"]:
            own = [each for each in found if each.judge == reader and each.method == method]
            areas.append(auc(np.array([e.value for e in own]), np.array([TRUTH[e.crop] for e in own])))
        assert list(row["readers"].values()) == pytest.approx(areas)
        assert row["mean"] == pytest.approx(np.mean(areas)) and row["low"] < row["mean"] < row["high"]
        yes = [e.value >= 4 for e in found if e.method == method and TRUTH[e.crop]]
        assert row["sensitivity"] == pytest.approx(np.mean(yes)) and row["readings"] == 120
    assert rows["original"]["over_bicubic"]["low"] > 0
    assert rows["network"]["over_bicubic"]["low"] < 0 < rows["network"]["over_bicubic"]["high"]


def test_readers_who_differ_widen_the_interval_and_it_holds_the_true_value(rng):
    key = key_of(TRUTH, ("bicubic",))
    widths, held = {}, 0
    for spread in (0.0, 1.2):
        row = study(readings(rng, key, 5, {"bicubic": 1.5}, spread), key)[0]
        widths[spread] = row["high"] - row["low"]
    assert widths[1.2] > widths[0.0]
    truth = auc(np.concatenate([d := rng.normal(size=4000) + 1.5, e := rng.normal(size=4000)]), np.arange(8000) < 4000)
    assert len(d) == len(e)
    for _ in range(20):
        row = study(readings(rng, key, 5, {"bicubic": 1.5}), key)[0]
        held += row["low"] <= truth <= row["high"]  # five grades lose a little of it
    assert held >= 15


def test_cases_that_a_reader_left_out_have_no_part():
    key = key_of({"c1": True, "c2": False, "c3": False}, ("bicubic",))
    given = [Rating("a", "c1", "bicubic", 5), Rating("a", "c2", "bicubic", 1), Rating("b", "c1", "bicubic", 3)]
    row = study(given, key)[0]
    assert row["readers"]["a"] == 1 and np.isnan(row["readers"]["b"]) and row["mean"] == 1
    assert row["sensitivity"] == 0.5 and row["specificity"] == 1


def test_agreement_is_one_for_equals_and_none_for_chance(rng):
    key = key_of(TRUTH)
    one = readings(rng, key, 1, GAIN)
    same = [*one, *(each._replace(judge="other") for each in one)]
    assert alpha(same)[0] == 1
    chance = [*one, *(each._replace(judge="other", value=int(rng.integers(1, 6))) for each in one)]
    found, low, high = alpha(chance)
    assert low < found < high and abs(found) < 0.25
    assert "two at least" in sentence(one) and "alpha, ordinal" in sentence(same)


def test_a_study_is_made_read_and_scored(tmp_path, weights_of_nothing, rng, capsys):
    lines = ["file,label"]
    for i in range(6):
        image = 90 + 60 * cv2.GaussianBlur(rng.random((72, 80 + 4 * i)).astype("float32"), (0, 0), 3)
        write_image(tmp_path / "data" / f"{i}.png", np.rint(image).astype("uint8"))
        lines.append(f"{i}.png,{'opacity' if i < 3 else 'clear'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    page, key_path = tmp_path / "read.html", tmp_path / "read.key.json"
    make = ["make", "--data", str(tmp_path / "data"), "--weights", str(weights_of_nothing), "--out", str(page)]
    study_of = ["--reading", str(tmp_path / "labels.csv"), "--finding"]
    assert (
        mos.main([*make, *study_of, "nodule", "--crops", "4"]) == 1 and "clear and opacity" in capsys.readouterr().err
    )
    assert (
        mos.main([*make, *study_of, "opacity", "--crops", "8"]) == 1 and "with the finding" in capsys.readouterr().err
    )
    with pytest.raises(SystemExit):
        mos.main([*make, "--finding", "opacity"])
    assert mos.main([*make, *study_of, "opacity", "--crops", "4"]) == 0
    html, key = page.read_text(encoding="utf-8"), json.loads(key_path.read_text())
    assert "opacity: is it there?" in html and "__" not in re.sub(r"data:[^\"]*", "", html) and "truth" not in html
    assert sum(each["truth"] for each in key["versions"].values()) == len(key["versions"]) / 2 == 6
    rows = ["page,judge,crop,version,rating,time"]
    for judge in ("ann", "bob"):
        for opaque, each in key["versions"].items():
            sure = 5 if each["truth"] else 2
            rows.append(f"{key['page']},{judge},{each['crop']},{opaque},{sure if judge == 'ann' else sure - 1},")
    (tmp_path / "r.csv").write_text("\n".join(rows))
    capsys.readouterr()
    assert mos.main(["score", str(tmp_path / "r.csv"), "--key", str(key_path)]) == 0
    text = capsys.readouterr().out
    assert "| original | 1.000 | 1.000 to 1.000 | +0.000 |" in text and "2 reader(s) (ann, bob), 4 case(s)" in text
    assert "Agreement between judges" in text
