from math import erf

import cv2
import numpy as np
import pytest

from keras_srgan.evaluate.__main__ import main as evaluate
from keras_srgan.evaluate.detection import SIDE, SIGNALS, channels, hotelling_scores, plant
from keras_srgan.evaluate.protocols import PROTOCOLS
from keras_srgan.images import write_image
from keras_srgan.roc import auc


def normal_cdf(x):
    return (1 + erf(x / 2**0.5)) / 2


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda each: each.name)
def test_in_white_noise_the_observer_reads_the_closed_form(signal, rng):
    # d' of the best observer is the signal's norm over the noise's sigma; AUC = Phi(d' / sqrt(2)).
    s = signal.template().ravel()
    sigma = np.linalg.norm(s) / 1.5
    present = np.arange(3000) % 2 == 0
    values = np.empty((3000, 9))
    bank = channels(signal)
    for i in range(3000):
        values[i] = (rng.normal(size=SIDE * SIDE) * sigma + s * present[i]) @ bank
    found = auc(hotelling_scores(values, present, np.arange(3000) // 10), present)
    assert found == pytest.approx(normal_cdf(1.5 / 2**0.5), abs=0.02)
    mixed = rng.permutation(present)  # labels that tell nothing
    assert auc(hotelling_scores(values, mixed, np.arange(3000) // 10), mixed) == pytest.approx(0.5, abs=0.05)


def test_the_auc_is_the_share_of_pairs_in_order_and_ties_count_half():
    present = np.array([True, True, False, False])
    assert auc(np.array([3.0, 1, 2, 0]), present) == 0.75
    assert auc(np.array([1.0, 1, 1, 1]), present) == 0.5


def test_signals_are_planted_before_reduction_at_seeded_places(make_image):
    pair = PROTOCOLS["cxr"].pair(make_image(256, 256))
    planted, places = plant(pair, PROTOCOLS["cxr"], np.random.default_rng(1))
    again, same = plant(pair, PROTOCOLS["cxr"], np.random.default_rng(1))
    assert places == same and (planted.lr == again.lr).all() and (planted.lr != pair.lr).any()
    assert len(places["none"]) == len(places["nodule"]) == len(places["line"]) > 0
    difference = planted.hr.astype(float) - pair.hr
    for top, left in places["none"]:
        assert not difference[top : top + SIDE, left : left + SIDE].any()
    top, left = places["nodule"][0]
    assert difference[top + SIDE // 2, left + SIDE // 2] == SIGNALS[0].contrast


def test_the_table_has_hr_and_bicubic_and_hr_sees_a_line_that_reduction_blurs(tmp_path, rng, capsys):
    for i in range(6):
        noise = cv2.GaussianBlur(rng.normal(size=(320, 320)).astype("float32"), (0, 0), 1.5)
        write_image(tmp_path / f"0000000{i}_000.png", np.rint(128 + 5 * noise / noise.std()).astype("uint8"))
    assert evaluate(["--data", str(tmp_path), "--task", "detection"]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    read = {(row[1].strip(), row[2].strip()): float(row[3].split()[0]) for row in rows if row[3].strip()[0].isdigit()}
    assert set(read) == {(s, m) for s in ("nodule", "line") for m in ("HR", "bicubic")}
    assert read["line", "HR"] > read["line", "bicubic"]
    one = tmp_path / "one"
    write_image(one / "00000001_000.png", np.full((320, 320), 128, "uint8"))
    assert evaluate(["--data", str(one), "--task", "detection"]) == 1
    assert "at least two" in capsys.readouterr().err
