import numpy as np
import pytest

from keras_srgan.evaluate.summary import mean_interval, paired_difference


def test_intervals_hold_the_mean_repeat_by_seed_and_equal_scipys(rng):
    values = rng.normal(10, 2, 40)
    found = mean_interval(values, resamples=4000)
    assert found == mean_interval(values, resamples=4000) and found["mean"] == pytest.approx(values.mean())
    bootstrap = pytest.importorskip("scipy.stats").bootstrap
    options = dict(n_resamples=4000, method="percentile", rng=1)
    expected = bootstrap((values,), np.mean, **options).confidence_interval
    assert found["low"] == pytest.approx(expected.low, abs=0.06)
    assert found["high"] == pytest.approx(expected.high, abs=0.06)
    assert mean_interval([3.0]) == {"mean": 3, "low": 3, "high": 3}
    assert np.isnan(mean_interval([])["low"])


def test_pairing_narrows_the_interval_of_a_difference(rng):
    base = rng.normal(30, 5, 50)
    values = base + rng.normal(0.5, 0.1, 50)
    found = paired_difference(values, base)
    assert found["high"] - found["low"] < 0.1 and found["improved"] == 1
    assert paired_difference(values, base, "lower")["improved"] == 0
    assert paired_difference(base, base)["improved"] == 0
